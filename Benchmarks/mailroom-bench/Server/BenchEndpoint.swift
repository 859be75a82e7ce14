internal import Mailroom

/// The server's endpoint: answers bytes with the same bytes, counts bytes that come without wanting an answer.
final class BenchEndpoint: RPCEndpoint {
  /// Owned by the inbox.
  private var handled: UInt64 = 0

  static func handlers(_ on: inout RPCHandlers<BenchEndpoint>) {
    on.askBytes { _, bytes, context in try context.reply(bytes) }
    on.receiveBytes { endpoint, _ in endpoint.handled += 1 }
    on.ask(HandledCount.self) { endpoint, _ in endpoint.handled }
  }
}

/// Asks how many one-way messages the handler has seen.
///
/// Comes behind those sent before it, so the answer confirms them.
struct HandledCount: RPCRequest {
  typealias Reply = UInt64

  static var messageName: String { "HandledCount" }

  init() {}
  func encode(into writer: inout RPCWriter) {}
  init(from reader: inout RPCReader) {}
}
