internal import MailroomQueue
internal import Synchronization

/// A handler that may suspend, and the task it runs in.
///
/// ```
///                      start                     the handler ends
///   ┌─────┐ ─────────────────────► ┌───────────┐ ────────────────► ┌───────┐
///   │ new │  runs in place until   │ suspended │  calls `onEnd`    │ ended │
///   └─────┘  it first suspends     └───────────┘                   └───────┘
///                      │ detach: false                                 ▲
///                      └──────────── detach: true ─────────────────────┘
///                            the handler has ended already
/// ```
///
/// Invariants:
/// 1. What the caller of ``start(_:)`` holds on behalf of the handler, such as its inbox's turn, is passed on at ``detach()``:
///    either that finds the handler ended and the caller keeps it, or `onEnd` is called when the handler ends. Never both,
///    and never neither.
/// 2. An ended task holds nothing of its handler, so that whoever keeps it keeps no call context.
///
/// - Thread safety: ``cancel()`` from any thread; ``start(_:)`` and ``detach()`` once, one after the other.
final class HandlerTask: Sendable {
  private struct State {
    /// The handler, until it is started.
    var body: (@Sendable () async -> Void)?
    /// The task, while the handler runs.
    var task: Task<Void, Never>?
    var isCancelled = false
    var hasEnded = false
  }

  /// Guarded by its lock.
  private let state: Locked<State>
  /// Atomic: whether one of the two has arrived where the caller and the task part.
  ///
  /// The first one releases what it did, the second one acquires it.
  private let parted = Atomic<Bool>(false)

  init(_ body: @escaping @Sendable () async -> Void) { state = Locked(State(body: body)) }

  /// Runs the handler on the calling thread until it first suspends; from there on it runs on Swift's own threads.
  ///
  /// - Parameters:
  ///   - executor: where it runs from there on instead.
  ///   - onEnd: runs when the handler ends behind the caller's ``detach()``, on any thread.
  func start(on executor: (any TaskExecutor)? = nil, _ onEnd: @escaping @Sendable () -> Void) {
    let (body, isCancelled) = state.withLock { state in
      let body = state.body
      state.body = nil
      return (body, state.isCancelled)
    }
    guard let body else { return }
    let task = Task.immediate(executorPreference: executor) { [self] in
      if isCancelled { await Self.runCancelled(body) } else { await body() }
      end()
      if part() { onEnd() }
    }
    let isLate = state.withLock { state in
      if !state.hasEnded { state.task = task }
      return state.isCancelled
    }
    if isLate { task.cancel() }
  }

  /// Lets the handler go on by itself; true when it has ended already, and `onEnd` will not be called.
  func detach() -> Bool { part() }

  /// Cancels the handler's task, which the handler may heed.
  func cancel() {
    let task = state.withLock { state in
      state.isCancelled = true
      return state.task
    }
    task?.cancel()
  }

  private func end() {
    state.withLock { state in
      state.hasEnded = true
      state.task = nil
    }
  }

  /// Says whether the other one has parted.
  private func part() -> Bool { parted.exchange(true, ordering: .acquiringAndReleasing) }

  /// Runs a handler that was cancelled before it began, in place like any other, so that it finds itself cancelled.
  private static func runCancelled(_ body: @escaping @Sendable () async -> Void) async {
    await withTaskGroup(of: Void.self) { group in
      group.cancelAll()
      group.addImmediateTask(operation: body)
    }
  }
}

/// The suspended handlers of one inbox.
///
/// - Thread safety: any thread.
final class HandlerTasks: Sendable {
  private struct State {
    var tasks: [ObjectIdentifier: HandlerTask] = [:]
    var isCancelled = false
  }

  /// Guarded by its lock.
  private let state = Locked(State())

  /// How many handlers are suspended, or about to be.
  var count: Int { state.withLock { $0.tasks.count } }

  /// Starts a handler; ``detach(_:)`` is to follow.
  ///
  /// - Parameters:
  ///   - executor: where the handler runs once it has suspended; nil for Swift's own threads.
  ///   - onEnd: runs when the handler ends after that, on any thread.
  func start(
    _ task: HandlerTask, on executor: (any TaskExecutor)? = nil, _ onEnd: @escaping @Sendable () -> Void
  ) {
    let isCancelled = state.withLock { state in
      state.tasks[ObjectIdentifier(task)] = task
      return state.isCancelled
    }
    if isCancelled { task.cancel() }
    task.start(on: executor) { [self] in
      remove(task)
      onEnd()
    }
  }

  /// Lets a handler go on by itself; true when it has ended already, as ``HandlerTask/detach()``.
  func detach(_ task: HandlerTask) -> Bool {
    let hasEnded = task.detach()
    if hasEnded { remove(task) }
    return hasEnded
  }

  /// Cancels the handlers that are suspended, and those that come; says whether there was one.
  @discardableResult
  func cancelAll() -> Bool {
    let tasks = state.withLock { state in
      state.isCancelled = true
      return Array(state.tasks.values)
    }
    for task in tasks { task.cancel() }
    return !tasks.isEmpty
  }

  private func remove(_ task: HandlerTask) {
    state.withLock { _ = $0.tasks.removeValue(forKey: ObjectIdentifier(task)) }
  }
}
