internal import MailroomQueue
internal import MailroomTransport

/// An ask of another process whose task is suspended: takes the reply as bytes, which the task decodes.
///
/// So the event loop decodes nothing, and one type serves replies of all types: generic code that is reached through a protocol
/// looks its types up with every call.
///
/// - Thread safety: any thread. Completed once however many try.
/// - Cost: one allocation, and one for the reply's bytes.
final class RemoteAsk: RefusableAsk {
  private enum Outcome: Sendable {
    /// Raw bytes.
    case raw([UInt8])
    /// Whatever else came as the reply's body.
    case body([UInt8])
    /// There is no reply; in a box, so that the usual outcome is as small as it can be.
    indirect case failure(RPCError)
  }

  private let caller = SuspendedCaller<Outcome>()
  private let sent = SentRequest()
  private let limit: AskLimit

  /// What references in the reply are bound to is given to who waits, not kept: it is every ask's, and would be counted by all threads.
  init(until limit: AskLimit) { self.limit = limit }

  var isAbandoned: Bool { caller.isDone }

  func wasSent(_ requestID: Int64, on client: TransportClient) {
    sent.wasSent(requestID, on: client)
    if isAbandoned { sent.follow() }
  }

  func receive(_ response: borrowing TransportResponse) {
    let isFirst =
      switch response {
      case .success(let body):
        if body.byte(at: 0) == Content.raw {
          caller.resume(returning: .raw(body.dropping(1).array()))
        } else {
          caller.resume(returning: .body(body.array()))
        }
      case .failure(let error): caller.resume(returning: .failure(RPCError(error)))
      }
    // Only whoever gives the ask up would follow it, and that comes too late now.
    if isFirst { sent.end() }
  }

  func refuse(_ error: RPCError) { fail(error) }

  /// Completes the ask with an error; for one for lack of time, who waits is told which setting governs.
  func fail(_ error: RPCError) {
    if caller.resume(returning: .failure(error)) { sent.follow() }
  }

  /// Runs `start`, which sends the request, and waits for the reply.
  ///
  /// A cancelled task stops waiting at once.
  private nonisolated(nonsending) func wait(_ start: () -> Void) async -> Outcome {
    await withTaskCancellationHandler {
      await caller.wait(fallback: .failure(.askCancelled), start)
    } onCancel: {
      fail(.askCancelled)
    }
  }

  /// Asks for raw bytes.
  ///
  /// - Parameter source: what references in the reply are bound to.
  nonisolated(nonsending) func bytes(
    from source: MessageSource, _ start: () -> Void
  ) async throws(RPCError) -> [UInt8] {
    switch await wait(start) {
    case .raw(let bytes): return bytes
    case .body(let body):
      var wasAnswered = false
      return try decode(body, as: RPCBytes.self, from: source, wasAnswered: &wasAnswered).bytes
    case .failure(let error): throw limit.named(error, in: source.env)
    }
  }

  /// Asks for a reply of a type.
  ///
  /// - Parameters:
  ///   - source: what references in the reply are bound to.
  ///   - wasAnswered: whether an error is the endpoint's answer.
  nonisolated(nonsending) func reply<Reply: RPCValue>(
    as type: Reply.Type, from source: MessageSource, wasAnswered: inout Bool, _ start: () -> Void
  ) async throws(RPCError) -> Reply {
    switch await wait(start) {
    case .raw(let bytes): return try decode([Content.raw] + bytes, as: type, from: source, wasAnswered: &wasAnswered)
    case .body(let body): return try decode(body, as: type, from: source, wasAnswered: &wasAnswered)
    case .failure(let error): throw limit.named(error, in: source.env)
    }
  }

  /// A reply that cannot be decoded fails this ask and no other.
  private func decode<Reply: RPCValue>(
    _ body: [UInt8], as type: Reply.Type, from source: MessageSource, wasAnswered: inout Bool
  ) throws(RPCError) -> Reply {
    switch ReplyContent.decode(body.rawSpan, as: type, from: source) {
    case .success(let reply): return reply
    case .failure(let error):
      wasAnswered = true
      // The peer may be the first to see that the time is over: then it says so, and that it has not executed anything.
      throw error.execution == .notExecuted ? limit.named(error, in: source.env) : error
    }
  }
}
