import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// What endpoints are told of connections: once each, in order, by the address that the peer listens at.
final class NetworkEventTests: EnvironmentTestCase {
  func testRE21ServerIsToldOfAServer() async throws {
    let (server, peer) = (try await makeServer(), try await makeServer(name: "peer"))
    let witness = Witness()
    let events = witness.events
    try server.register("witness", witness)
    let ref = try await peer.endpointRef(server.uri("witness"))
    try ref.send(Note(text: "hello"))
    let address = try XCTUnwrap(peer.address)
    await witnessed(events, ["connected \(address)", "hello"])
    await peer.shutdown()
    await witnessed(events, ["connected \(address)", "hello", "disconnected \(address)"])
  }

  func testRE22ServerIsToldOfAClient() async throws {
    let (server, peer) = (try await makeServer(), try await makeClient(name: "peer"))
    let witness = Witness()
    let events = witness.events
    try server.register("witness", witness)
    let ref = try await peer.endpointRef(server.uri("witness"))
    try ref.send(Note(text: "hello"))
    await peer.shutdown()
    await eventually("both events have come") { events.value.count == 3 }
    let first = try XCTUnwrap(events.value.first)
    XCTAssertTrue(first.hasPrefix("connected 127.0.0.1:"), first)
    XCTAssertEqual(events.value, [first, "hello", "dis\(first)"])
  }

  func testRE23ClientIsToldOfAServer() async throws {
    let (server, client) = (try await makeServer(), try await makeClient())
    let witness = Witness()
    let events = witness.events
    try client.register("witness", witness)
    try server.register("echo", Echo())
    _ = try await client.endpointRef(server.uri("echo"))
    let address = try XCTUnwrap(server.address)
    await witnessed(events, ["connected \(address)"])
    await server.shutdown()
    await witnessed(events, ["connected \(address)", "disconnected \(address)"])
  }

  func testRE35OwnShutdownTellsNothing() async throws {
    let (server, client) = (try await makeServer(), try await makeClient())
    let witness = Witness()
    let events = witness.events
    try server.register("witness", witness)
    let ref = try await client.endpointRef(server.uri("witness"))
    _ = try await ref.ask(Say(text: ""))
    XCTAssertEqual(events.value.count, 1)
    await server.shutdown()
    XCTAssertEqual(events.value.dropFirst(), ["stop"])
  }

  func testNH1NH2EachEndpointIsToldOnceWhateverComesOnTheConnection() async throws {
    let server = try await makeServer()
    let witnesses = (0..<3).map { _ in Witness().events }
    for (index, dispatch) in Way.dispatches.enumerated() {
      try server.register("witness-\(index)", Witness(witnesses[index]), on: dispatch)
    }
    let peer = try RawSocket(port: server.port)
    var envelope = try Envelope.bytes(sender: RPCAddress(host: "there", port: 4711), receiver: nil, name: "nobody")
    envelope.append(1)
    for _ in 0..<5 {
      var frame = ByteWriter()
      try frame.append(frame: .oneWay(body: envelope.rawSpan), limit: 1 << 20)
      try peer.send(frame.array())
    }
    await eventually("the messages were read") { server.undeliverableMessages == 5 }
    peer.finish()
    for events in witnesses { await witnessed(events, ["connected there:4711", "disconnected there:4711"]) }
  }

  func testConnectionThatSaysNothingIsNotToldOf() async throws {
    let server = try await makeServer()
    let witness = Witness()
    let events = witness.events
    try server.register("witness", witness)
    let silent = try RawSocket(port: server.port)
    silent.finish()
    let hasEnded = try await silent.receivesNothingMore()
    XCTAssertTrue(hasEnded)
    _ = try await server.endpointRef(server.uri("witness")).ask(Say(text: ""))
    XCTAssertEqual(events.value, [])
  }

  func testBrokenConnectionIsToldBeforeItsEnd() async throws {
    let server = try await makeServer()
    let witness = Witness()
    let events = witness.events
    try server.register("witness", witness)
    let peer = try RawSocket(port: server.port)
    try peer.send(EnvelopeTests.goldenQuestion)
    _ = try await peer.receiveFrame()
    // A frame of a length that no frame can have.
    try peer.send([0, 0, 0, 0, 0, 0, 0, 1])
    await eventually("all events have come") { events.value.count == 3 }
    let address = try XCTUnwrap(events.value.first).dropFirst("connected ".count)
    XCTAssertEqual(
      events.value, ["connected \(address)", "failed protocolViolation \(address)", "disconnected \(address)"])
  }

  func testFailedAttemptTellsNothing() async throws {
    let client = try await makeClient()
    let witness = Witness()
    let events = witness.events
    let me = try client.register("witness", witness)
    let port = try RawListener.closedPort()
    await assertThrows(.connectFailed) { try await client.endpointRef("rpc://echo@127.0.0.1:\(port)") }
    _ = try await me.ask(Say(text: ""))
    XCTAssertEqual(events.value, [])
  }

  func testSenderOfARequestIsNamedByWhereItListens() async throws {
    let (server, peer) = (try await makeServer(), try await makeServer(name: "peer"))
    try server.register("who", Scripted.answering { _, context in try context.reply(context.sender) })
    let reply = try await peer.endpointRef(server.uri("who")).ask(Say(text: ""))
    XCTAssertEqual(reply, peer.address?.hostPort)
  }

  private func witnessed(
    _ events: Box<[String]>, _ expected: [String], file: StaticString = #filePath, line: UInt = #line
  ) async {
    await eventually("\(expected) was witnessed", file: file, line: line) { events.value.count >= expected.count }
    XCTAssertEqual(events.value, expected, file: file, line: line)
  }
}

/// Writes down what it is told.
final class Witness: RPCEndpoint {
  let events: Box<[String]>

  init(_ events: Box<[String]> = Box([])) { self.events = events }

  func onConnected(_ peer: RPCAddress) { events.append("connected \(peer)") }
  func onDisconnected(_ peer: RPCAddress) { events.append("disconnected \(peer)") }
  func onNetworkError(_ error: RPCError, _ peer: RPCAddress) { events.append("failed \(error.code) \(peer)") }
  func onStop() { events.append("stop") }

  static func handlers(_ on: inout RPCHandlers<Witness>) {
    on.receive(Note.self) { witness, note in witness.events.append(note.text) }
    on.ask(Say.self) { _, say in say.text }
  }
}
