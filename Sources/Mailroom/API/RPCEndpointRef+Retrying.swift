internal import MailroomQueue

/// Asking again when an attempt failed.
extension RPCEndpointRef {
  /// Asks, and asks again when an attempt failed for want of a connection, an answer or room: **at least once**, not at most once.
  ///
  /// An attempt that failed may have been executed all the same. All attempts carry the same ``RPCRequestKey``, by which the
  /// receiver can know a request that it has executed. An answer of the handler, a failure too, ends the ask, unless it says
  /// that nothing was executed.
  ///
  /// - Parameters:
  ///   - request: what to ask.
  ///   - policy: how often, and how far apart; nil for what the environment's configuration says, which is to ask again.
  ///   - timeout: how long each attempt may take; by default ``RPCConfiguration/askTimeout``.
  /// - Throws: the error of the last attempt; ``RPCError/Code/cancelled`` when the task was cancelled, in a pause too. Its
  ///   ``RPCError/execution`` is unknown when that of any attempt is.
  public nonisolated(nonsending) func ask<Request: RPCRequest>(
    _ request: Request, retrying policy: RPCRetryPolicy?, timeout: Duration? = nil
  ) async throws(RPCError) -> Request.Reply {
    let policy = policy ?? RPCRetryPolicy(env.configuration)
    let key = RPCRequestKey.random()
    var execution = RPCError.Execution.notExecuted
    var attempt = 1
    while true {
      var wasAnswered = false
      do throws(RPCError) {
        return try await ask(request, timeout, key: key, wasAnswered: &wasAnswered)
      } catch {
        // The handler's own error, which may be of an ask that it made.
        let isFinal = wasAnswered && error.execution == .unknown
        if error.execution == .unknown { execution = .unknown }
        var error = error
        error.execution = execution
        guard !isFinal, attempt < policy.attempts, RPCRetryPolicy.mayHelp(after: error) else { throw error }
        try await pause(policy.pause(afterAttempt: attempt, chance: .random(in: 0...1)), execution)
        attempt += 1
      }
    }
  }

  private nonisolated(nonsending) func pause(
    _ duration: Duration, _ execution: RPCError.Execution
  ) async throws(RPCError) {
    do {
      try await Task.sleep(for: duration)
    } catch {
      throw RPCError(.cancelled, "the task that asked was cancelled between two attempts", execution: execution)
    }
    guard env.isStopped else { return }
    var error = RPCError.envStopped
    error.execution = execution
    throw error
  }
}
