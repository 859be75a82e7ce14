internal import MailroomQueue

/// Runs the tasks of Swift that prefer it, in between everything else that the loop does.
///
/// A task that waits for something which happens on the loop, such as the answer to an ask, goes on there without another thread being
/// woken, and what it sends leaves with the tick that resumed it. It must not block, as nothing on the loop may; actors that it calls
/// run on their own executors.
///
/// - Ordering: jobs run in the order enqueued by one thread.
/// - Cost: on the loop's thread, two moves; from others as ``execute(_:)``.
/// - Bounds: a tick runs about a thousand jobs or two milliseconds' worth, then sockets and timers get their turn.
/// - The end: no job is lost. Those that come when the loop has ended, or that it has not run by then, run on Swift's global
///   executor, and tasks that prefer the loop go on there.
extension EventLoop: TaskExecutor {
  /// Has `job` run on the loop, or on the global executor when the loop has ended.
  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    if isCurrent { return core.value.add(job) }
    if !post(.job(job)) { Self.passOn(job) }
  }

  /// Runs a job; on the loop.
  func run(_ job: UnownedJob) { job.runSynchronously(on: asUnownedTaskExecutor()) }

  /// Has a job run that the loop cannot run any more.
  static func passOn(_ job: UnownedJob) { globalConcurrentExecutor.enqueue(job) }
}
