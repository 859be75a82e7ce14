internal import MailroomQueue
internal import Synchronization

/// Which requests of one peer nobody waits for any more, and who wants to know.
///
/// A request, by its id:
///
/// ```
///                 cancel: watchers are called
///   ┌───────────┐ ──────────────────────────► ┌───────────┐
///   │ awaited   │                             │ cancelled │
///   │ (watched) │ ── end: watchers are ────┐  └───────────┘
///   └───────────┘    called                ▼       │ │ end
///         │ answer: watchers          ┌───────┐    │ │
///         │ are forgotten             │ ended │ ◄──│─┘
///         ▼                           └───────┘    │
///     answered ◄───────────────────────────────────┘ answer: is not sent
/// ```
///
/// Invariants:
/// 1. A watcher is called at most once, outside the lock: by ``cancel(_:)``, ``end()``, or at once by ``watch(_:_:)``.
/// 2. At most ``limit`` ids are remembered as cancelled, whatever the peer sends: the oldest are forgotten, and then answered
///    in vain.
/// 3. Nothing is remembered while no request is unanswered.
///
/// - Thread safety: any thread.
/// - Cost: a relaxed load while nothing is cancelled or watched.
struct Abandonment: ~Copyable, Sendable {
  /// How many cancelled requests are remembered.
  static let limit = 65_536

  // Not private: a structure that is stored in place elsewhere has its parts known there, too.
  struct State {
    var cancelled: Set<Int64> = []
    /// Cancelled ids, oldest first, and some that were forgotten since.
    var order = FIFO<Int64>()
    var watchers: [Int64: [@Sendable () -> Void]] = [:]
    var hasEnded = false
  }

  /// Guarded by its lock.
  private let state = Locked(State())
  /// Whether there is anything to look up.
  ///
  /// Atomic, relaxed, stored with the lock held. Who does not see it in time might as well have asked before.
  private let isOccupied = Atomic<Bool>(false)

  /// Whether nothing is cancelled or watched.
  @inline(__always)
  var isEmpty: Bool { !isOccupied.load(ordering: .relaxed) }

  /// Whether nobody waits for the answer to the request.
  @inline(__always)
  func isAbandoned(_ id: Int64) -> Bool { !isEmpty && isAmongAbandoned(id) }

  // What is done with the lock is in functions of its own, because there hardly ever is something.

  @inline(never)
  private func isAmongAbandoned(_ id: Int64) -> Bool { state.withLock { $0.hasEnded || $0.cancelled.contains(id) } }

  /// Has `body` called when the request is abandoned.
  func watch(_ id: Int64, _ body: @escaping @Sendable () -> Void) {
    let isAbandoned = state.withLock { state in
      if state.hasEnded || state.cancelled.contains(id) { return true }
      state.watchers[id, default: []].append(body)
      isOccupied.store(true, ordering: .relaxed)
      return false
    }
    if isAbandoned { body() }
  }

  /// The peer does not wait for the request any more.
  func cancel(_ id: Int64) {
    let watchers: [@Sendable () -> Void] = state.withLock { state in
      if state.hasEnded { return [] }
      if state.cancelled.insert(id).inserted { state.order.append(id) }
      while state.cancelled.count > Self.limit, let oldest = state.order.popFirst() { state.cancelled.remove(oldest) }
      if state.order.count > 2 * Self.limit {
        var order = FIFO<Int64>()
        while let id = state.order.popFirst() { if state.cancelled.contains(id) { order.append(id) } }
        state.order = order
      }
      isOccupied.store(true, ordering: .relaxed)
      return state.watchers.removeValue(forKey: id) ?? []
    }
    for watcher in watchers { watcher() }
  }

  /// The request was answered: nobody is called for it any more.
  @inline(__always)
  func forgetWatchers(_ id: Int64) {
    if !isEmpty { removeWatchers(id) }
  }

  @inline(never)
  private func removeWatchers(_ id: Int64) { state.withLock { $0.watchers[id] = nil } }

  /// The request's answer is there; says whether it was cancelled, and forgets that.
  @inline(__always)
  func takeCancelled(_ id: Int64) -> Bool { !isEmpty && removeCancelled(id) }

  @inline(never)
  private func removeCancelled(_ id: Int64) -> Bool { state.withLock { $0.cancelled.remove(id) != nil } }

  /// Every request was answered.
  @inline(__always)
  func clear() { if !isEmpty { clearState() } }

  @inline(never)
  private func clearState() {
    state.withLock { state in
      if state.hasEnded { return }
      state = State()
      isOccupied.store(false, ordering: .relaxed)
    }
  }

  /// The connection takes no answers any more: every request is abandoned.
  func end() {
    let watchers: [[@Sendable () -> Void]] = state.withLock { state in
      let watchers = Array(state.watchers.values)
      state = State()
      state.hasEnded = true
      isOccupied.store(true, ordering: .relaxed)
      return watchers
    }
    for watcher in watchers.joined() { watcher() }
  }
}
