internal import MailroomQueue
internal import MailroomTransport

/// Sending and asking that wait while a queue is full, instead of failing.
extension RPCEndpointRef {
  /// Sends a message, and waits for room if there is none: the form for senders that are faster than their receiver.
  ///
  /// Returns when the message was taken, as ``send(_:)`` does. Of several tasks that wait, any may be next.
  ///
  /// - Parameter timeout: how long to wait for room at most.
  /// - Throws: as ``send(_:)``; ``RPCError/Code/full`` when there was no room in time; ``RPCError/Code/cancelled`` when the task was
  ///   cancelled meanwhile.
  public nonisolated(nonsending) func send<Message: RPCMessage>(
    _ message: Message, waitingAtMost timeout: Duration
  ) async throws(RPCError) {
    try await retryingWhenRoom(until: .now.advanced(by: timeout)) { () throws(RPCError) in try send(message) }
  }

  /// Sends raw bytes, and waits for room if there is none; as ``send(_:waitingAtMost:)``.
  ///
  /// - Throws: as ``send(_:waitingAtMost:)``.
  public nonisolated(nonsending) func send(
    bytes: [UInt8], waitingAtMost timeout: Duration
  ) async throws(RPCError) {
    try await retryingWhenRoom(until: .now.advanced(by: timeout)) { () throws(RPCError) in try send(bytes: bytes) }
  }

  private nonisolated(nonsending) func retryingWhenRoom(
    until deadline: MonotonicTime, _ send: () throws(RPCError) -> Void
  ) async throws(RPCError) {
    while true {
      do throws(RPCError) {
        return try send()
      } catch {
        guard error.isForLackOfRoom else { throw error }
        try await waitForRoom(until: deadline, or: error)
      }
    }
  }

  /// Waits until the queue on the way to the endpoint may have room.
  ///
  /// - Throws: `error` when there is none by the deadline; ``RPCError`` with ``RPCError/Code/cancelled``.
  nonisolated(nonsending) func waitForRoom(
    until deadline: MonotonicTime, or error: RPCError
  ) async throws(RPCError) {
    let wait = RoomWait(or: error)
    let outcome = await withTaskCancellationHandler {
      await wait.caller.wait(fallback: .failure(.waitCancelled)) {
        env.localDeadlines.add(wait, deadline: deadline)
        wait.begin(at: target)
      }
    } onCancel: {
      wait.fail(.waitCancelled)
    }
    wait.end()
    return try outcome.get()
  }
}

/// One wait for room in a queue.
///
/// ```
///   new ──begin──► waiting at the queue ──end──► ended: the queue has forgotten it
///    └──────────────────end───────────────────►───┘   (a beginning that comes later ends at once)
/// ```
///
/// - Thread safety: any thread.
final class RoomWait: Expirable {
  private enum State {
    case new
    case waiting(forget: @Sendable () -> Void)
    case ended
  }

  let caller = SuspendedCaller<Result<Void, RPCError>>()
  /// Guarded by its lock.
  private let state = Locked(State.new)
  private let noRoom: RPCError

  init(or error: RPCError) { noRoom = error }

  var isAbandoned: Bool { caller.isDone }

  func fail(_ error: RPCError) {
    var error = error.code == .timeout ? noRoom : error
    // Whoever waits for room has not sent anything yet.
    error.execution = .notExecuted
    caller.resume(returning: .failure(error))
  }

  func begin(at target: RPCEndpointRef.Target) {
    let onRoom: @Sendable () -> Void = { [self] in caller.resume(returning: .success(())) }
    switch target {
    case .local(let inbox):
      if let id = inbox.waitForRoom(onRoom) { keep { inbox.forget(id) } }
    case .remote(let route):
      let route = route.current
      if let id = route.gauge.wait(onRoom) { keep { route.gauge.forget(id) } }
    case .unreachable: onRoom()
    }
  }

  private func keep(_ forget: @escaping @Sendable () -> Void) {
    let isLate = state.withLock { state in
      if case .ended = state { return true }
      state = .waiting(forget: forget)
      return false
    }
    if isLate { forget() }
  }

  /// Gives the wait up at the queue, whether it has begun there or not.
  func end() {
    let last = state.withLock { state in
      let last = state
      state = .ended
      return last
    }
    if case .waiting(let forget) = last { forget() }
  }
}

extension RPCError {
  /// The sender gave up before there was room.
  fileprivate static var waitCancelled: RPCError {
    RPCError(.cancelled, "the task was cancelled while it waited for room", execution: .notExecuted)
  }
}
