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
      await wait.caller.wait(fallback: .failure(.askCancelled)) {
        env.localDeadlines.add(wait, deadline: deadline)
        wait.begin(at: target)
      }
    } onCancel: {
      wait.fail(.askCancelled)
    }
    wait.end()
    return try outcome.get()
  }
}

/// One wait for room in a queue.
///
/// - Thread safety: any thread.
private final class RoomWait: Expirable {
  let caller = SuspendedCaller<Result<Void, RPCError>>()
  /// Guarded by its lock: gives the wait up at the queue.
  private let forget = Locked<(@Sendable () -> Void)?>(nil)
  private let noRoom: RPCError

  init(or error: RPCError) { noRoom = error }

  var isAbandoned: Bool { caller.isDone }

  func fail(_ error: RPCError) {
    caller.resume(returning: .failure(error.code == .timeout ? noRoom : error))
  }

  func begin(at target: RPCEndpointRef.Target) {
    let onRoom: @Sendable () -> Void = { [self] in caller.resume(returning: .success(())) }
    switch target {
    case .local(let inbox):
      if let id = inbox.waitForRoom(onRoom) { forget.withLock { $0 = { inbox.forget(id) } } }
    case .remote(let route):
      let route = route.current
      if let id = route.gauge.wait(onRoom) { forget.withLock { $0 = { route.gauge.forget(id) } } }
    case .unreachable: onRoom()
    }
  }

  func end() { forget.withLock { $0 }?() }
}
