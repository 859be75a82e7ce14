import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// One-way messages that could not be delivered: each is counted and told once, with the reason.
final class RPCDeadLetterTests: EnvironmentTestCase {
  private let letters = Results<RPCDeadLetter>("a dead letter")

  private var configuration: RPCConfiguration {
    var configuration = RPCConfiguration()
    configuration.onDeadLetter = { [letters] in letters.add($0) }
    return configuration
  }

  func testX2MessageForNobodyIsToldWhereItArrives() async throws {
    let (server, client) = (try await makeServer(configuration), try await makeClient())
    let ref = try client.remoteRef(name: "nobody", address: XCTUnwrap(server.address))
    try ref.send(Note(text: ""))
    let letter = await letters.next()[0]
    XCTAssertEqual(letter.endpoint, "nobody")
    XCTAssertNil(letter.peer)
    assertIs(letter.error, .endpointNotFound, execution: .notExecuted)
    XCTAssertEqual(server.undeliverableMessages, 1)
  }

  func testMessagesThatWaitForAConnectionThatFailsAreAllTold() async throws {
    let client = try await makeClient(configuration)
    let port = try RawListener.closedPort()
    let ref = try client.remoteRef(name: "echo", address: RPCAddress(host: "127.0.0.1", port: port))
    var accepted = 0
    for _ in 0..<20 where (try? ref.send(Note(text: ""))) != nil { accepted += 1 }
    await eventually("all of them are told") { letters.values.map(\.count).reduce(0, +) >= accepted }
    let all = letters.values
    XCTAssertEqual(all.map(\.count).reduce(0, +), accepted)
    for letter in all {
      XCTAssertEqual(letter.endpoint, "echo")
      XCTAssertEqual(letter.peer, "127.0.0.1:\(port)")
      assertIs(letter.error, .connectFailed, execution: .notExecuted)
    }
    XCTAssertEqual(client.undeliverableMessages, accepted)
  }

  func testUnreadableEnvelopeIsTold() async throws {
    let server = try await makeServer(configuration)
    let peer = try RawSocket(port: server.port)
    var frame = ByteWriter()
    let junk: [UInt8] = [9, 9, 9]
    try frame.append(frame: .oneWay(body: junk.rawSpan), limit: 1 << 20)
    try peer.send(frame.array())
    let letter = await letters.next()[0]
    XCTAssertNil(letter.endpoint)
    assertIs(letter.error, .undecodable, execution: .notExecuted)
    peer.reset()
  }

  func testMessagesOfAShutDownEnvironmentAreTold() async throws {
    let listener = try RawListener()
    let client = try await makeClient(configuration)
    let ref = try client.remoteRef(name: "echo", address: RPCAddress(host: "127.0.0.1", port: listener.port))
    let other = try client.remoteRef(name: "other", address: RPCAddress(host: "127.0.0.1", port: listener.port))
    for _ in 0..<3 { try ref.send(Note(text: "")) }
    for _ in 0..<2 { try other.send(Note(text: "")) }
    try ref.send(Note(text: ""))
    // They wait for the answer to the introduction, which never comes.
    let peer = try await listener.accept()
    await client.shutdown()
    let told = await letters.next(3)
    for letter in told { assertIs(letter.error, .stopped, execution: .notExecuted) }
    XCTAssertEqual(told.map(\.endpoint), ["echo", "other", "echo"])
    XCTAssertEqual(told.map(\.count), [3, 2, 1], "those for one endpoint that were lost together are told together")
    peer.reset()
  }

  func testMessagesThatTheConnectionHadNotTakenWhenItBrokeAreTold() async throws {
    let listener = try RawListener()
    let client = try await makeClient(configuration)
    let ref = try client.remoteRef(name: "echo", address: RPCAddress(host: "127.0.0.1", port: listener.port))
    let payload = [UInt8](repeating: 1, count: 1 << 20)
    // Sockets take a few of these at most; the peer reads none.
    try ref.send(bytes: payload)
    let peer = try await listener.acceptPeer()
    var sent = 1
    while sent < 100, (try? ref.send(bytes: payload)) != nil { sent += 1 }
    peer.reset()
    // What was not handed to the connection goes over the next one, to which nobody answers; the rest is told.
    let letter = await letters.next()[0]
    XCTAssertEqual(letter.peer, "127.0.0.1:\(listener.port)")
    assertIs(letter.error, .connectionLost, execution: .notExecuted)
    XCTAssertLessThanOrEqual(client.undeliverableMessages, sent)
  }
}
