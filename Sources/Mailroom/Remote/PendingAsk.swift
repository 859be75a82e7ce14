internal import MailroomQueue
internal import MailroomTransport
internal import Synchronization

/// An ask that waits for its reply, and is completed exactly once however many try.
///
/// - Thread safety: any thread.
protocol PendingAsk<Reply>: TransportResponseReceiver {
  /// What the request is answered with.
  associatedtype Reply: RPCValue
  /// What references in the reply are bound to.
  var source: MessageSource? { get }
  /// Completes the ask, unless it is complete; says whether it did.
  @discardableResult
  func complete(_ result: Result<Reply, RPCError>) -> Bool
}

extension PendingAsk {
  /// Completes the ask with what came over the wire.
  ///
  /// A reply that cannot be decoded fails this ask and no other.
  func receive(_ response: borrowing TransportResponse) {
    switch response {
    case .success(let body): complete(ReplyContent.decode(body, as: Reply.self, from: source))
    case .failure(let error): complete(.failure(RPCError(error)))
    }
  }
}

/// Reads replies.
enum ReplyContent {
  /// The value or the failure in the body of a reply.
  static func decode<Reply: RPCValue>(
    _ body: RawSpan, as type: Reply.Type, from source: MessageSource?
  ) -> Result<Reply, RPCError> {
    var reader = RPCReader(body, from: source)
    do {
      switch try reader.readByte() {
      case Content.typed:
        let reply = try Reply(from: &reader)
        guard reader.remaining == 0 else {
          return .failure(RPCError(.undecodable, "\(reader.remaining) bytes are left behind the reply"))
        }
        return .success(reply)
      case Content.raw:
        guard let bytes = RPCBytes(reader.readRest()) as? Reply else {
          return .failure(RPCError(.undecodable, "raw bytes came as the reply, \(Reply.self) was expected"))
        }
        return .success(bytes)
      case Content.failure: return .failure(try Content.readFailure(&reader))
      case let other:
        return .failure(RPCError(.undecodable, "the reply begins with the unknown byte \(other)"))
      }
    } catch {
      return .failure(RPCError(.undecodable, "the reply cannot be decoded: \(error)", cause: error))
    }
  }
}

/// Raw bytes on their way inside one process.
struct RPCBytes: RPCRequest {
  typealias Reply = RPCBytes
  let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }
  init(_ span: RawSpan) { bytes = span.array() }
  func encode(into writer: inout RPCWriter) { writer.append(bytes) }
  init(from reader: inout RPCReader) { bytes = reader.readRest().array() }
}

/// An ask whose task is suspended.
///
/// One allocation.
final class AsyncAsk<Reply: RPCValue>: PendingAsk {
  private let caller = SuspendedCaller<Result<Reply, RPCError>>()
  let source: MessageSource?

  init(from source: MessageSource?) { self.source = source }

  var isAbandoned: Bool { caller.isDone }

  @discardableResult
  func complete(_ result: Result<Reply, RPCError>) -> Bool { caller.resume(returning: result) }

  /// Runs `start`, which sends the request, and waits for the reply.
  ///
  /// A cancelled task stops waiting at once.
  nonisolated(nonsending) func wait(_ start: () -> Void) async throws(RPCError) -> Reply {
    let result = await withTaskCancellationHandler {
      await caller.wait(fallback: .failure(.askCancelled), start)
    } onCancel: {
      complete(.failure(.askCancelled))
    }
    return try result.get()
  }
}

extension RPCError {
  fileprivate static var askCancelled: RPCError {
    RPCError(.cancelled, "the task that asked was cancelled")
  }
}

/// An ask with a function to call.
///
/// One allocation.
final class CallbackAsk<Reply: RPCValue>: PendingAsk {
  private let onReply: @Sendable (Result<Reply, RPCError>) -> Void
  private let done = Atomic<Bool>(false)
  let source: MessageSource?

  init(from source: MessageSource?, _ onReply: @escaping @Sendable (Result<Reply, RPCError>) -> Void) {
    self.source = source
    self.onReply = onReply
  }

  var isAbandoned: Bool { done.load(ordering: .relaxed) }

  @discardableResult
  func complete(_ result: Result<Reply, RPCError>) -> Bool {
    if done.exchange(true, ordering: .acquiringAndReleasing) { return false }
    onReply(result)
    return true
  }
}
