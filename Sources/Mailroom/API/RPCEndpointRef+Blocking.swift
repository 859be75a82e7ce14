internal import MailroomQueue

/// Asking that blocks the calling thread: for scripts and tests.
extension RPCEndpointRef {
  /// Asks, and blocks the calling thread until the reply is there.
  ///
  /// Refuses to run on a message loop or an event loop: the reply could depend on the very thread that waits for it, which is how
  /// systems like this one come to stand still. Where `await` is possible, use ``ask(_:timeout:)``.
  ///
  /// - Throws: as ``ask(_:timeout:)``; ``RPCError/Code/wouldBlockLoop`` on a loop's thread.
  @available(*, noasync, message: "blocks the thread; use the async ask")
  public func askBlocking<Request: RPCRequest>(
    _ request: Request, timeout: Duration? = nil
  ) throws(RPCError) -> Request.Reply {
    if WorkerThread.isCurrentOne {
      throw RPCError(
        .wouldBlockLoop, "a blocking ask on a thread of a loop could wait for itself", execution: .notExecuted)
    }
    let answer = BlockedCaller<Request.Reply>()
    ask(request, timeout: timeout) { answer.end($0) }
    return try answer.wait()
  }
}

/// A thread that waits for a reply.
private final class BlockedCaller<Reply: Sendable>: Sendable {
  private let parker = Parker()
  /// Guarded by its lock; written before the thread is let go on.
  private let result = Locked<Result<Reply, RPCError>?>(nil)

  func end(_ reply: Result<Reply, RPCError>) {
    result.withLock { $0 = reply }
    parker.unpark()
  }

  func wait() throws(RPCError) -> Reply {
    parker.park()
    return try (result.withLock { $0 } ?? .failure(.askCancelled)).get()
  }
}
