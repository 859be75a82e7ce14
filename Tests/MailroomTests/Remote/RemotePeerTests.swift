import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// Who the other end of a connection is, and the way back to it.
final class RemotePeerTests: EnvironmentTestCase {
  func testPeerThatListensIsKnownByItsAddress() async throws {
    let (server, other) = (try await makeServer(), try await makeServer(name: "other"))
    let peer = try await askedBy(try await other.endpointRef(try register(server)))
    XCTAssertEqual(peer?.id, other.id)
    XCTAssertEqual(peer?.address, other.address?.hostPort)
  }

  func testPeerThatDoesNotListenIsKnownByItsConnection() async throws {
    let (server, client) = (try await makeServer(), try await makeClient())
    let peer = try await askedBy(try await client.endpointRef(try register(server)))
    XCTAssertEqual(peer?.id, client.id)
    XCTAssertEqual(peer?.address, peer?.client.peer)
    XCTAssertTrue(peer?.address.hasPrefix("127.0.0.1:") ?? false)
  }

  func testPeerThatDoesNotIntroduceItselfHasNoID() async throws {
    let server = try await makeServer()
    _ = try register(server)
    let raw = try RawSocket(port: server.port)
    try raw.send(RawFrame.request(1, to: "echo", [1, 2]))
    let answer = try await raw.next()
    XCTAssertEqual(answer.body, [1, 2])
    let peer = calls.value.last?.peer
    XCTAssertNil(peer?.id)
    XCTAssertEqual(peer?.address, peer?.client.peer)
  }

  func testFirstIntroductionCounts() async throws {
    let server = try await makeServer()
    _ = try register(server)
    let raw = try RawSocket(port: server.port)
    let first = RPCEnvID.random()
    let answer = try await raw.introduce(as: first)
    XCTAssertEqual(
      answer, Introduction(id: server.id, address: server.address, envelopes: EnvelopeAllowance.large))
    try await raw.introduce(as: .random())
    try raw.send(RawFrame.request(1, to: "echo", [1, 2]))
    _ = try await raw.next()
    XCTAssertEqual(calls.value.last?.peer.id, first)
  }

  func testUnreadableIntroductionIsAnsweredAndTheConnectionStays() async throws {
    let server = try await makeServer()
    _ = try register(server)
    let raw = try RawSocket(port: server.port)
    for content: [UInt8] in [[], [0x0E], [0x0E, 0] + [UInt8](repeating: 1, count: 16), [1, 2, 3]] {
      try raw.send(RawFrame.request(1, to: Introduction.endpointName, content))
      let answer = try await raw.next()
      XCTAssertEqual(answer.kind, 5, "\(content)")
    }
    try await raw.introduce()
    try raw.send(RawFrame.request(2, to: "echo", [1, 2]))
    let answer = try await raw.next()
    XCTAssertEqual(answer.body, [1, 2])
  }

  func testWayBackIsOneOutboxAndEndsWithTheConnection() async throws {
    let server = try await makeServer()
    _ = try register(server)
    let raw = try RawSocket(port: server.port)
    try await raw.introduce()
    try raw.send(RawFrame.request(1, to: "echo", [1, 2]))
    _ = try await raw.next()
    let peer = try XCTUnwrap(calls.value.last?.peer)
    let outbox = try XCTUnwrap(peer.outboxOverThisConnection())
    XCTAssertTrue(peer.outboxOverThisConnection() === outbox)
    XCTAssertNil(outbox.address)
    XCTAssertEqual(outbox.peer, peer.client.peer)
    raw.reset()
    await eventually("the outbox has ended") { outbox.refusal != nil }
    assertIs(outbox.refusal, .connectionLost, execution: .notExecuted)
    await assertThrows(.connectionLost, execution: .notExecuted) { try outbox.route(to: "new") { [] } }
  }

  func testThereIsNoWayBackOverAConnectionThatHasEnded() async throws {
    let server = try await makeServer()
    _ = try register(server)
    let raw = try RawSocket(port: server.port)
    try raw.send(RawFrame.request(1, to: "echo", [1, 2]))
    _ = try await raw.next()
    let peer = try XCTUnwrap(calls.value.last?.peer)
    raw.reset()
    await eventually("the connection has ended") { !peer.client.isActive }
    await eventually("there is no outbox, or none that takes anything") {
      peer.outboxOverThisConnection().map { $0.refusal != nil } ?? true
    }
  }

  // MARK: Helpers

  private let calls = Box<[RemoteCall]>([])

  override func tearDown() async throws {
    calls.update { $0 = [] }
    try await super.tearDown()
  }

  /// Registers an endpoint that notes its calls; returns its URI.
  private func register(_ server: RPCEnv) throws -> String {
    let endpoint = Scripted()
    endpoint.askedBytes = { [calls] bytes, context in
      if let call = context.remote { calls.append(call) }
      try context.reply(bytes)
    }
    try server.register("echo", endpoint)
    return server.uri("echo")
  }

  private func askedBy(_ ref: RPCEndpointRef) async throws -> RemotePeer? {
    _ = try await ref.ask(bytes: [1])
    return calls.value.last?.peer
  }
}
