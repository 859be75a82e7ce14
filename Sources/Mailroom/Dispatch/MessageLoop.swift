internal import MailroomQueue
internal import Synchronization

/// Threads that give turns to inboxes: the dispatcher's pool, or the threads of a dedicated endpoint.
///
/// ```
///   worker:   running a turn ──► take the next inbox ──► (none) parked ──► unparked by a poster
///                                        ▲                 ▲
///                                        │                 │ the time for that is over
///                                        └──────────── on watch: looks for the next inbox without sleeping
/// ```
///
/// Invariants:
/// 1. An inbox is in the run queue at most once, and never while somebody has its turn: its queue's idle edge comes once.
/// 2. Posting wakes at most one worker, and none when none is parked, or the one on watch finds what was posted. An inbox that goes
///    on behind others after its turn wakes none: the worker that gave the turn looks for the next one.
/// 3. After ``stop()`` the workers drain the run queue and end.
/// 4. Every worker's thread is joined: by ``join()``, or after ``abandon()`` by a task, once the last worker has ended.
/// 5. One worker at most is on watch. It looks at the run queue before it parks, so nothing waits for it in vain.
///
/// The run queue is locked, not lock-free: it is touched once per turn, not once per message.
final class MessageLoop: InboxScheduler {
  private struct State {
    var runnable = FIFO<Inbox>()
    var parked: [Int] = []
    /// The worker that looks for work without sleeping.
    var onWatch: Int?
    /// Workers that have not ended.
    var living: Int
    var isStopped = false
    var isAbandoned = false
  }

  private final class Worker: Sendable {
    let parker = Parker()
  }

  private enum Next {
    case run(Inbox)
    case watch
    case park
    case end(joins: Bool)
  }

  /// Guarded by its lock.
  private let state: Locked<State>
  /// Atomic, relaxed, a hint: whether the worker on watch has something to do; what it is, it finds under the lock.
  private let hasNews = Atomic<Bool>(false)
  private let spin: SpinBudget
  private let workers: [Worker]
  private let name: String
  /// Guarded by its lock.
  private let joinable = Locked<[WorkerThread]>([])

  private init(name: String, workers count: Int, spin: SpinBudget) {
    self.name = name
    self.spin = spin
    workers = (0..<max(1, count)).map { _ in Worker() }
    state = Locked(State(living: workers.count))
  }

  /// Starts a loop with `count` threads, at least one.
  ///
  /// - Parameters:
  ///   - spin: for how long a worker looks for work before it parks.
  ///   - processors: the numbers of those that each worker runs on; nil for wherever the system likes.
  /// - Throws: ``RPCError`` with ``RPCError/Code/full`` when the system has no thread to give.
  static func start(
    name: String, threads count: Int, spin: SpinBudget = SpinBudget(),
    processors: (_ worker: Int) -> [Int]? = { _ in nil }
  ) throws(RPCError) -> MessageLoop {
    let loop = MessageLoop(name: name, workers: count, spin: spin)
    for index in loop.workers.indices {
      do throws(WorkerThread.StartError) {
        let thread = try WorkerThread(name: loop.nameOfThread(index), processors: processors(index)) {
          loop.work(index)
        }
        loop.joinable.withLock { $0.append(thread) }
      } catch {
        loop.stop()
        loop.join()
        throw RPCError(.full, "no thread could be started for \(name): error \(error.errno)", execution: .notExecuted)
      }
    }
    return loop
  }

  var threads: Int { workers.count }

  func nameOfThread(_ number: Int) -> String { "\(name)-\(number)" }

  func schedule(_ inbox: Inbox) {
    let woken: Int? = state.withLock { state in
      // A handler that was suspended when the loop was abandoned may still end; nobody is left to go on.
      if state.living == 0 { return nil }
      let isOnly = state.runnable.isEmpty
      state.runnable.append(inbox)
      if state.onWatch != nil {
        hasNews.store(true, ordering: .relaxed)
        if isOnly { return nil }
      }
      return state.parked.popLast()
    }
    if let woken { workers[woken].parker.unpark() }
  }

  func scheduleAgain(_ inbox: Inbox) {
    state.withLock { state in
      // Whoever is awake takes what is oldest, so nobody need be woken for as many inboxes as there were before.
      if state.living > 0 { state.runnable.append(inbox) }
    }
  }

  private func work(_ index: Int) {
    var spin = spin
    while true {
      let next: Next = state.withLock { state in
        if state.onWatch == index { state.onWatch = nil }
        if let inbox = state.runnable.popFirst() { return .run(inbox) }
        if state.isStopped {
          state.living -= 1
          return .end(joins: state.living == 0 && state.isAbandoned)
        }
        if spin.isOn && state.onWatch == nil && spin.step(at: .now) != .sleep {
          state.onWatch = index
          hasNews.store(false, ordering: .relaxed)
          return .watch
        }
        state.parked.append(index)
        return .park
      }
      switch next {
      case .run(let inbox):
        if spin.isOn { spin.didFindWork(at: .now) }
        inbox.takeTurn(on: index)
      case .watch: watch(&spin)
      case .park: workers[index].parker.park()
      case .end(let joins):
        if joins { joinLater() }
        return
      }
    }
  }

  /// Looks for work until there is some, or until that has taken too long.
  private func watch(_ spin: inout SpinBudget) {
    while !hasNews.load(ordering: .relaxed) && Processor.waits(spin.step(at: .now)) {}
  }

  /// Has the workers end once the run queue is empty.
  ///
  /// Safe to call again.
  func stop() {
    let parked = state.withLock { state in
      state.isStopped = true
      hasNews.store(true, ordering: .relaxed)
      let parked = state.parked
      state.parked = []
      return parked
    }
    for index in parked { workers[index].parker.unpark() }
  }

  /// Waits until the workers have ended.
  ///
  /// Not for a worker.
  func join() {
    for thread in joinable.withLock({ $0 }) { thread.join() }
  }

  /// As ``stop()`` and ``join()``, without waiting: for a loop whose handler blocks, perhaps for ever.
  ///
  /// To be called once.
  func abandon() {
    stop()
    let hasEnded = state.withLock { state in
      state.isAbandoned = true
      return state.living == 0
    }
    if hasEnded { joinLater() }
  }

  /// Joins workers that have ended, or are about to return.
  ///
  /// No thread can join itself, hence the task.
  private func joinLater() {
    Task { join() }
  }
}
