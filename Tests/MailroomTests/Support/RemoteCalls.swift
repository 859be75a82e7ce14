import TestSupport
import XCTest

@testable import Mailroom

extension EnvironmentTestCase {
  /// Requests of a raw peer, with the ids from one on, that nobody has answered, and what came with them.
  func makeRequests(
    _ count: Int
  ) async throws -> (responders: [RPCResponder], source: MessageSource, peer: RawSocket) {
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
    // Until the test has ended, for each answers as it goes.
    addTeardownBlock { _ = calls }
    let client = calls[0].peer.client
    return ((1...count).map { RPCResponder(client: client, requestID: Int64($0)) }, calls[0].source, peer)
  }
}

extension RawFrame {
  /// The error that a response says; nil if it says none.
  var error: RPCError? { ReplyContent.decode(body.rawSpan, as: RPCDone.self, from: nil).error }
}

extension RemoteBatch {
  /// A batch of texts, the requests being those at the places that are their keys.
  static func of(
    _ texts: [String], _ responders: [Int: RPCResponder] = [:], from source: MessageSource? = nil
  ) -> (batch: RemoteBatch, count: Int, size: Int) {
    var builder = Builder()
    for (index, text) in texts.enumerated() {
      let content = Array(text.utf8)
      builder.append(content.rawSpan, responders[index].map { RemoteRequest($0) })
    }
    let (count, size) = (builder.count, builder.size)
    return (builder.take(from: source), count, size)
  }
}

extension Inbox {
  /// Posts texts as one batch, counted as messages of another process are.
  @discardableResult
  func post(
    batch texts: [String], _ responders: [Int: RPCResponder] = [:], from source: MessageSource? = nil
  ) -> PostedRemote {
    let (batch, count, size) = RemoteBatch.of(texts, responders, from: source)
    return post(batch, count: count, size: size)
  }
}
