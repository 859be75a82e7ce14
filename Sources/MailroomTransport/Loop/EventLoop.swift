public import MailroomQueue
public import Synchronization

/// Something that an ``EventLoop`` runs on its thread when asked to.
///
/// For objects with a queue of their own: on that queue's idle edge they have themselves scheduled. Being an object, it
/// costs no allocation beyond the queue's node.
package protocol LoopTask: AnyObject, Sendable {
  /// Does what is due. On the loop's thread.
  func runOnLoop()
}

/// One thread that waits for sockets, timers and tasks, and runs what they call for.
///
/// A connection belongs to one loop: everything about it happens on that loop's thread, one thing at a time.
///
/// - Thread safety: ``execute(_:)`` from any thread. Functions run in the order posted by one thread. They must not block: all
///   connections of the loop wait meanwhile.
/// - Cost: posting is one allocation and one compare-and-swap; a system call wakes the loop only when it sleeps.
///
/// **Wake elision.** The loop declares itself asleep in its task queue's word only right before it waits, so a
/// poster wakes it only then. A poster that found it asleep must call libuv's wake function, and may be preempted before it does,
/// while the loop goes on for another reason. The loop therefore counts the wakes it is owed, posters count those they
/// made, and at its end the loop waits for the counts to meet before it gives the handle's memory back.
public final class EventLoop: Sendable {
  package enum Work: Sendable {
    case task(any LoopTask)
    case function(@Sendable () -> Void)
    case job(UnownedJob)
  }

  private let tasks = MPSCQueue<Work>()
  private let waker: UVAsync.Waker
  /// Atomic; released by posters after a wake, acquired by the loop's end.
  private let wakesMade = Atomic<Int>(0)
  /// Atomic; written by the loop's thread as it begins.
  @usableFromInline let threadID = Atomic<UInt>(0)
  /// Loop-confined.
  package let core: Confined<LoopCore>
  /// Guarded by its lock.
  private let life: Locked<Life>

  private struct Life {
    var thread: WorkerThread?
    var hasEnded = false
    var onEnd: [@Sendable () -> Void] = []
  }

  /// Starts a loop on a thread of its own.
  ///
  /// - Parameters:
  ///   - spin: for how long the loop looks for work before it sleeps.
  ///   - processor: the number of the only one that the thread runs on; nil for wherever the system likes.
  /// - Throws: ``TransportError`` with ``TransportError/Reason/system`` when the system has no descriptor or thread to give, or
  ///   no such processor.
  package init(name: String, spin: SpinBudget = SpinBudget(), processor: Int? = nil) throws(TransportError) {
    let core: LoopCore
    do {
      core = try LoopCore(spin: spin)
    } catch {
      throw TransportError(.system, "no event loop could be made: \(error)")
    }
    waker = core.waker
    life = Locked(Life())
    self.core = Confined(core)
    // No reference is counted with each call: the thread that calls keeps the loop.
    self.core.value.drain = { [unowned(unsafe) self] limit in self.tasks.drain(limit: limit) { self.perform($0) } }
    self.core.value.beginTurn = { [unowned(unsafe) self] in self.tasks.beginTurn() }
    self.core.value.sleep = { [unowned(unsafe) self] in self.tasks.sleep() }
    self.core.value.runJob = { [unowned(unsafe) self] in self.run($0) }
    self.core.value.passOn = { Self.passOn($0) }
    self.core.value.hasTasks = { [unowned(unsafe) self] in !self.tasks.isEmpty }
    do throws(WorkerThread.StartError) {
      let thread = try WorkerThread(name: name, processors: processor.map { [$0] }) { self.run() }
      life.withLock { $0.thread = thread }
    } catch {
      self.core.value.closeHandles()
      self.core.value.run()
      let place = error.isForProcessors ? " on the processor \(processor ?? -1)" : ""
      throw TransportError(.system, "no thread could be started for an event loop\(place): error \(error.errno)")
    }
  }

  private func perform(_ work: consuming Work) {
    switch work {
    case .task(let task): task.runOnLoop()
    case .function(let function): function()
    case .job(let job): run(job)
    }
  }

  private func run() {
    threadID.store(ThreadID.current, ordering: .relaxed)
    core.value.run()
    // The system may give this thread's number to another one.
    threadID.store(0, ordering: .relaxed)
    let callbacks = life.withLock { life in
      life.hasEnded = true
      let callbacks = life.onEnd
      life.onEnd = []
      return callbacks
    }
    for callback in callbacks { callback() }
  }

  /// How often posters have had to wake the loop.
  package var wakes: Int { wakesMade.load(ordering: .relaxed) }

  /// Whether the caller runs on the loop's thread.
  @inlinable
  public var isCurrent: Bool {
    @inline(__always) get { threadID.load(ordering: .relaxed) == ThreadID.current }
  }

  /// Runs `function` on the loop's thread, later.
  ///
  /// - Returns: false when the loop has ended; `function` does not run then.
  @discardableResult
  public func execute(_ function: @escaping @Sendable () -> Void) -> Bool {
    post(.function(function))
  }

  /// Has `task` run on the loop's thread, later; false when the loop has ended.
  @discardableResult
  package func schedule(_ task: any LoopTask) -> Bool {
    post(.task(task))
  }

  /// Runs `action` on the loop at `deadline` or up to a millisecond later.
  ///
  /// Only on the loop's thread.
  ///
  /// - Returns: a function that takes it back.
  package func schedule(at deadline: MonotonicTime, _ action: @escaping () -> Void) -> () -> Void {
    let core = core.value
    let id = core.schedule(at: deadline, action)
    return { core.cancel(id) }
  }

  /// Runs `body` right now, on the calling thread in place of the loop's, if the loop sleeps; says whether `body` ran and said yes.
  ///
  /// A loop for which something was posted does not count as sleeping, though it may not have woken yet: what the calling thread has posted
  /// comes before what it does in `body`.
  ///
  /// What is confined to the loop may be touched in `body`, but for what changes libuv's state: timers, beginning and ending to read,
  /// writes that are left to libuv, closing. ``isCurrent`` is false in it. It is to be short, for the loop cannot wake up
  /// meanwhile, and must not call functions of users.
  ///
  /// - Cost: one load while the loop is awake, else two, and two atomic operations.
  package func borrow(_ body: () -> Bool) -> Bool {
    // Immutable, and so free for any thread to look at.
    guard tasks.isIdle, core.value.tenure.borrow() else { return false }
    core.value.didLend()
    defer { core.value.tenure.giveBack() }
    return body()
  }

  func post(_ work: Work) -> Bool {
    switch tasks.push(work) {
    case .queued: return true
    case .wake:
      waker.wake()
      wakesMade.add(1, ordering: .releasing)
      return true
    case .closed: return false
    }
  }

  /// Ends the loop: closes what lives on it, runs what was posted, and joins the thread.
  ///
  /// Safe to call again.
  package func shutdown() async { _ = await shutdown(within: nil) }

  /// As ``shutdown()``; says whether the loop has ended.
  ///
  /// - Parameter limit: how long to wait for that at most; nil for ever. A loop that something blocks for longer is left behind: it
  ///   ends when it is free, and its thread is joined then.
  package func shutdown(within limit: Duration?) async -> Bool {
    execute { [self] in core.value.beginShutdown { [unowned self] in endTasks() } }
    let end = End()
    let timer = limit.map { limit in
      Task {
        try? await Task.sleep(for: min(limit, .longestSleep))
        end.caller.resume(returning: false)
      }
    }
    let hasEnded = await end.caller.wait(fallback: false) {
      whenEnded { end.caller.resume(returning: true) }
    }
    timer?.cancel()
    if hasEnded {
      life.withLock { $0.thread }?.join()
    } else {
      // No thread can join itself, hence the task.
      whenEnded { [self] in Task { life.withLock { $0.thread }?.join() } }
    }
    return hasEnded
  }

  private final class End: Sendable {
    let caller = SuspendedCaller<Bool>()
  }

  /// Runs `body` when the loop has ended, at once if it has.
  private func whenEnded(_ body: @escaping @Sendable () -> Void) {
    let hasEnded = life.withLock { life in
      if !life.hasEnded { life.onEnd.append(body) }
      return life.hasEnded
    }
    if hasEnded { body() }
  }

  /// Refuses tasks, runs those that were posted, and waits for their posters to be done with the handle that wakes the loop.
  private func endTasks() {
    tasks.close { perform($0) }
    // No further wake will be owed; those who are on their way finish shortly.
    while wakesMade.load(ordering: .acquiring) < core.value.wakesOwed { ThreadID.yield() }
  }
}
