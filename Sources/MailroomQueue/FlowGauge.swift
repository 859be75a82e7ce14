internal import Synchronization

/// How much is on its way between producers and a consumer, in messages and bytes, and who waits for it to become less.
///
/// ```
///             admit, add: the high mark is reached
///   ┌──────┐ ────────────────────────────────────► ┌──────┐
///   │ open │                                       │ full │  admit refuses; producers may wait
///   └──────┘ ◄──────────────────────────────────── └──────┘
///             remove: the low mark is reached, waiters run
/// ```
///
/// Invariants:
/// 1. ``admit(bytes:)`` lets a message in only below both high marks, so what it lets in exceeds a mark by one message at most.
/// 2. Who waits is called exactly once: when the level falls to the low marks, at once if it is there already, or by ``close()``;
///    or never, if it was forgotten.
/// 3. No wake-up is lost: that somebody waits is a bit of the very word that holds the level, set only while the level is above
///    the low marks, so whoever lowers it further sees the bit.
///
/// - Thread safety: any thread.
/// - Cost: one atomic operation per call while nobody waits. Consumers remove in batches.
public final class FlowGauge: Sendable {
  /// Names a waiter, to forget it.
  public struct WaiterID: Hashable, Sendable {
    fileprivate let number: Int
  }

  private struct State {
    var lastNumber = 0
    var isClosed = false
    var list: [(id: WaiterID, onRoom: @Sendable () -> Void)] = []
  }

  private final class Waiters: Sendable {
    /// Guarded by its lock; the list is not empty exactly while the word's waiting bit is set.
    let state = Locked(State())
  }

  /// Where the queue is full.
  public let marks: FlowMarks
  /// Atomic: a ``FlowLevel``.
  ///
  /// A removal releases what the consumer did; a waiter is told through the lock below.
  private let word = Atomic<UInt64>(0)
  /// Made by whoever is the first to wait or to close: there are many gauges, and few that somebody waits for.
  private let made = OnceReference<Waiters>()

  /// A gauge that counts nothing yet.
  public init(_ marks: FlowMarks) { self.marks = marks }

  private var waiters: Waiters {
    if let waiters = made.object { return waiters }
    let new = Waiters()
    return made.set(new) ? new : made.object ?? new
  }

  /// What is queued now.
  public var level: FlowLevel { FlowLevel(bits: word.load(ordering: .relaxed)) }
  /// Whether ``admit(bytes:)`` would refuse.
  public var isFull: Bool { marks.isFull(level) }

  /// Whether ``add(messages:bytes:)`` would fill the queue, or find it full.
  public func wouldFill(messages: Int, bytes: Int) -> Bool {
    let amount = FlowLevel.amount(messages: messages, bytes: bytes)
    return marks.isFull(FlowLevel(bits: word.load(ordering: .relaxed) &+ amount))
  }

  /// Counts a message in, if there is room; says whether there was.
  public func admit(bytes: Int) -> Bool {
    let amount = FlowLevel.amount(messages: 1, bytes: bytes)
    let old = word.wrappingAdd(amount, ordering: .relaxed).oldValue
    if !marks.isFull(FlowLevel(bits: old)) { return true }
    remove(messages: 1, bytes: bytes)
    return false
  }

  /// Counts messages of `bytes` bytes in all in, whether there is room or not; says whether the queue is full now.
  public func add(messages: Int = 1, bytes: Int) -> Bool {
    let amount = FlowLevel.amount(messages: messages, bytes: bytes)
    return marks.isFull(FlowLevel(bits: word.wrappingAdd(amount, ordering: .relaxed).newValue))
  }

  /// Counts messages out; who waits is called on this thread if the low marks are reached.
  public func remove(messages: Int, bytes: Int) {
    let amount = FlowLevel.amount(messages: messages, bytes: bytes)
    let level = FlowLevel(bits: word.wrappingSubtract(amount, ordering: .releasing).newValue)
    if level.isAwaited && marks.hasRoom(level) { callWaiters(closing: false) }
  }

  /// Has `onRoom` called once there is room again: at once if there is, else by whoever makes room, or by ``close()``.
  ///
  /// - Returns: the waiter's name for ``forget(_:)``; nil when `onRoom` was called at once.
  @discardableResult
  public func wait(_ onRoom: @escaping @Sendable () -> Void) -> WaiterID? {
    let id: WaiterID? = waiters.state.withLock { waiters in
      if waiters.isClosed { return nil }
      var seen = FlowLevel(bits: word.load(ordering: .relaxed))
      while true {
        if marks.hasRoom(seen) { return nil }
        let (isSet, original) = word.weakCompareExchange(
          expected: seen.bits, desired: seen.bits | FlowLevel.waitingBit, ordering: .acquiringAndReleasing)
        if isSet { break }
        seen = FlowLevel(bits: original)
      }
      waiters.lastNumber += 1
      let id = WaiterID(number: waiters.lastNumber)
      waiters.list.append((id, onRoom))
      return id
    }
    if id == nil { onRoom() }
    return id
  }

  /// Gives a waiter up; it may have been called already.
  public func forget(_ id: WaiterID) {
    waiters.state.withLock { waiters in
      waiters.list.removeAll { $0.id == id }
      if waiters.list.isEmpty { clearWaitingBit() }
    }
  }

  /// Calls everybody who waits, and from now on everybody who comes to wait, at once: the queue has ended.
  public func close() { callWaiters(closing: true) }

  private func callWaiters(closing: Bool) {
    let called = waiters.state.withLock { waiters in
      if closing { waiters.isClosed = true }
      let called = waiters.list
      waiters.list = []
      clearWaitingBit()
      return called
    }
    for waiter in called { waiter.onRoom() }
  }

  private func clearWaitingBit() {
    word.bitwiseAnd(~FlowLevel.waitingBit, ordering: .acquiringAndReleasing)
  }
}
