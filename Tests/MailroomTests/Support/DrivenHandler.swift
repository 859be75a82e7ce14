import MailroomQueue
import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// A remote handler on the connection of a raw peer, beside the connection's own one, which a test hands frames to.
///
/// So the test says what is read together. What the handler answers goes to the raw peer.
final class DrivenHandler: Sendable {
  /// The other end of the connection.
  let peer: RawSocket
  private let loop: EventLoop
  /// Loop-confined.
  private let handler: Confined<RemoteHandler>

  init(_ peer: RawSocket, _ remote: RemotePeer) {
    self.peer = peer
    loop = remote.client.loop
    handler = Confined(RemoteHandler(remote))
  }

  /// Runs `body` on the loop, behind everything that is scheduled there, and waits for its end.
  func run<Result: Sendable>(_ body: @escaping @Sendable (RemoteHandler) throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      let isPosted = loop.execute { [self] in
        let handler = handler.copy
        continuation.resume(with: Swift.Result { try body(handler) })
      }
      if !isPosted { continuation.resume(throwing: CancellationError()) }
    }
  }

  /// Receives as many answers, and leaves out what the peer is told of full inboxes.
  func answers(_ count: Int) async throws -> [RawFrame] {
    var answers: [RawFrame] = []
    while answers.count < count {
      let frame = try await peer.next()
      if ![66, 67].contains(frame.kind) { answers.append(frame) }
    }
    return answers
  }
}

extension RemoteHandler {
  /// Takes the frames that `bytes` consist of, as the connection hands them over.
  func take(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let length = rest.prefix(8).reduce(0) { $0 << 8 | Int($1) }
      let frame = RawFrame(Array(rest.prefix(length)))
      rest = rest.dropFirst(length)
      switch frame.kind {
      case 3: receive(request: frame.body.rawSpan, responder: RPCResponder(client: client, requestID: frame.id))
      case 9: receive(oneWay: frame.body.rawSpan)
      case 68: try peerDidNumber(frame.body.rawSpan, Int(frame.id))
      default: XCTFail("a frame of the type \(frame.kind)")
      }
    }
  }

  /// Whether the turn of an endpoint goes on behind what was taken last.
  var holdsTurn: Bool { turn.value.inbox != nil }

  /// Whether messages are served each in a turn of its own, where they may be.
  var isScattered: Bool { numbered.value.isScattered }
}

extension EnvironmentTestCase {
  /// A handler to be driven on the loop of a server, which knows its peer.
  func makeDriven(_ server: RPCEnv) async throws -> DrivenHandler {
    let found = Results<RemotePeer>("a peer")
    let endpoint = Scripted()
    endpoint.askedBytes = { bytes, context in
      if let remote = context.remote { found.add(remote.peer) }
      try context.reply(bytes)
    }
    try server.register("finder", endpoint, on: .eventLoop)
    let peer = try await makePeer(server)
    try peer.send(RawFrame.request(0, to: "finder", [Content.raw]))
    let peers = await found.next()
    let remote = try XCTUnwrap(peers.first)
    // The endpoints have been told of the peer by then, or are before the loop comes to what the test does.
    _ = try await peer.next()
    return DrivenHandler(peer, remote)
  }
}
