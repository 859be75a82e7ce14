import TestSupport
import XCTest

@testable import Mailroom

extension EnvironmentTestCase {
  /// Calls of requests of a raw peer, with the ids from one on, that nobody has answered and nobody else keeps.
  func makeCalls(_ count: Int) async throws -> (calls: [RemoteCall], peer: RawSocket) {
    let server = try await makeServer()
    let taken = Results<RemoteCall>("a call")
    let endpoint = Scripted()
    endpoint.askedBytes = { _, context in
      if let call = context.remote { taken.add(call) }
    }
    try server.register("taker", endpoint, on: .eventLoop)
    let peer = try RawSocket(port: server.port)
    // So that it may cancel requests.
    try await peer.introduce()
    for id in 1...count { try peer.send(RawFrame.request(Int64(id), to: "taker", [1])) }
    let calls = await taken.next(count)
    taken.clear()
    return (calls, peer)
  }
}

extension RawFrame {
  /// The error that a response says; nil if it says none.
  var error: RPCError? { ReplyContent.decode(body.rawSpan, as: RPCDone.self, from: nil).error }
}

extension RemoteBatch {
  /// A batch of texts, the calls belonging to those at the places that are their keys.
  static func of(
    _ texts: [String], _ calls: [Int: RemoteCall] = [:], from source: MessageSource? = nil
  ) -> (batch: RemoteBatch, count: Int, size: Int) {
    var builder = Builder()
    for (index, text) in texts.enumerated() {
      let content = Array(text.utf8)
      builder.append(content.rawSpan, calls[index])
    }
    let (count, size) = (builder.count, builder.size)
    return (builder.take(from: source), count, size)
  }
}

extension Inbox {
  /// Posts texts as one batch, counted as messages of another process are.
  @discardableResult
  func post(batch texts: [String], _ calls: [Int: RemoteCall] = [:]) -> PostedRemote {
    let (batch, count, size) = RemoteBatch.of(texts, calls)
    return post(batch, count: count, size: size)
  }
}
