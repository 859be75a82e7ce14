internal import MailroomQueue
internal import MailroomTransport

/// Tasks that run where the network is read.
///
/// An ask of an ordinary task crosses threads twice: from the task's to the event loop's, and back with the answer. A task that
/// prefers the loop's executor is on the loop's thread already: the request goes straight into the connection's buffer, and the
/// task goes on in the tick that read the answer.
///
/// ```swift
/// let task = Task(executorPreference: ref.taskExecutor) {
///   for number in 0..<1000 { total += try await ref.ask(Square(number)) }
/// }
/// ```
///
/// Such a task must not block, for all connections of the loop wait meanwhile; its child tasks prefer the executor too. Actors that
/// it calls run where they always do. What it does between two suspensions runs to its end; after about a thousand of
/// such parts, or two milliseconds, sockets and timers get their turn.
///
/// When the environment has ended, tasks that prefer its executors go on on Swift's global executor: none is lost, so they
/// can wait for the shutdown too.
extension RPCEnv {
  /// Runs tasks on an event loop: the first one, which is all there is unless ``RPCConfiguration/eventLoops`` says otherwise.
  ///
  /// With several, ``RPCEndpointRef/taskExecutor`` is the one to ask on.
  public var taskExecutor: any TaskExecutor { group.loops[0] }
}

extension RPCEndpointRef {
  /// Runs tasks on the event loop that has the connection to the endpoint.
  ///
  /// For an endpoint of the same environment, the loop that it is on; the environment's first one if it is on none.
  public var taskExecutor: any TaskExecutor {
    switch target {
    case .local(let inbox): (inbox.scheduler as? EventLoopScheduler)?.loop ?? env.group.loops[0]
    case .remote(let route): route.current.outbox.loop
    case .unreachable: env.group.loops[0]
    }
  }
}
