import MailroomQueue
import MailroomTransport
import Synchronization
import TestSupport
import XCTest

@testable import Mailroom

/// How messages leave for peers that keep envelopes, and for those that do not.
final class NumberedSendingTests: EnvironmentTestCase {
  private static let limits = PrefixLimits(count: 2, byteCount: 1000)

  private func ref(_ client: RPCEnv, _ listener: RawListener, _ name: String = "echo") throws -> RPCEndpointRef {
    try client.remoteRef(name: name, address: RPCAddress(host: "127.0.0.1", port: listener.port))
  }

  /// Receives a definition, and returns the name in the envelope.
  private func assertDefines(_ peer: RawSocket, _ number: Int64, line: UInt = #line) async throws -> String? {
    let frame = try await peer.next()
    XCTAssertEqual(frame.kind, 68, line: line)
    XCTAssertEqual(frame.id, number, line: line)
    XCTAssertEqual(frame.content, [], line: line)
    return frame.endpoint
  }

  /// Receives a message behind a number.
  private func assertNumbered(
    _ peer: RawSocket, _ number: Int, _ content: [UInt8], line: UInt = #line
  ) async throws {
    let frame = try await peer.next()
    XCTAssertEqual(frame.number, number, line: line)
    XCTAssertEqual(Array(frame.body.dropFirst(2)), content, line: line)
  }

  func testEnvelopeIsSentOnceAndThenItsNumber() async throws {
    let (listener, client) = (try RawListener(), try await makeClient())
    let ref = try ref(client, listener)
    try ref.send(bytes: [3])
    try ref.send(bytes: [4])
    let peer = try await listener.acceptKnown(envelopes: Self.limits)
    let name = try await assertDefines(peer, 0)
    XCTAssertEqual(name, "echo")
    try await assertNumbered(peer, 0, [1, 3])
    try await assertNumbered(peer, 0, [1, 4])
    // From the loop, in every way.
    let note = try RawFrame.typed(Note(text: "5"))
    client.group.next().execute {
      try? ref.send(bytes: [4])
      try? ref.send(Note(text: "5"))
      ref.ask(bytes: [6]) { _ in }
      ref.ask(Say(text: "7")) { _ in }
    }
    try await assertNumbered(peer, 0, [1, 4])
    try await assertNumbered(peer, 0, note)
    try await assertNumbered(peer, 0, [1, 6])
    try await assertNumbered(peer, 0, try RawFrame.typed(Say(text: "7")))
    peer.reset()
  }

  func testEndpointsThatFindNoRoomAreSentTheirWholeEnvelopes() async throws {
    let (listener, client) = (try RawListener(), try await makeClient())
    let refs = try (0..<3).map { try ref(client, listener, "echo-\($0)") }
    for _ in 0..<2 { for ref in refs { try ref.send(bytes: [3]) } }
    let peer = try await listener.acceptKnown(envelopes: Self.limits)
    for number in 0..<2 {
      let name = try await assertDefines(peer, Int64(number))
      XCTAssertEqual(name, "echo-\(number)")
      try await assertNumbered(peer, number, [1, 3])
    }
    let whole = try await peer.next()
    XCTAssertNil(whole.number)
    XCTAssertEqual(whole.endpoint, "echo-2")
    XCTAssertEqual(whole.content, [1, 3])
    for number in 0..<2 { try await assertNumbered(peer, number, [1, 3]) }
    let last = try await peer.next()
    XCTAssertEqual(last.endpoint, "echo-2")
    peer.reset()
  }

  func testNumbersOfEndpointsThatNobodyRefersToAreUsedAgain() async throws {
    let (listener, client) = (try RawListener(), try await makeClient())
    let lasting = try ref(client, listener, "lasting")
    try lasting.send(bytes: [3])
    let peer = try await listener.acceptKnown(envelopes: Self.limits)
    _ = try await assertDefines(peer, 0)
    try await assertNumbered(peer, 0, [1, 3])
    var defined = 0
    for round in 0..<1000 {
      // Its route is dropped some time after its reference.
      try ref(client, listener, "short-\(round)").send(bytes: [4])
      let frame = try await peer.next()
      guard frame.kind == 68 else {
        XCTAssertEqual(frame.endpoint, "short-\(round)")
        continue
      }
      XCTAssertEqual(frame.id, 1)
      XCTAssertEqual(frame.endpoint, "short-\(round)")
      try await assertNumbered(peer, 1, [1, 4])
      defined += 1
    }
    XCTAssertGreaterThan(defined, 1)
    try lasting.send(bytes: [5])
    try await assertNumbered(peer, 0, [1, 5])
    peer.reset()
  }

  func testNewConnectionBeginsWithNothing() async throws {
    var configuration = RPCConfiguration()
    configuration.reconnectDelay = .zero
    let (listener, client) = (try RawListener(), try await makeClient(configuration))
    let refs = try ["a", "b"].map { try ref(client, listener, $0) }
    for round in 0..<3 {
      // Another one first each time.
      let order = round % 2 == 0 ? refs : refs.reversed()
      for ref in order { try ref.send(bytes: [UInt8(round)]) }
      let peer = try await listener.acceptKnown(envelopes: Self.limits)
      for number in 0..<2 {
        let name = try await assertDefines(peer, Int64(number))
        XCTAssertEqual(name, order[number].name)
        try await assertNumbered(peer, number, [1, UInt8(round)])
      }
      peer.reset()
      let route = try XCTUnwrap(order[0].storage.route)
      let lost = { route.outbox.connectionNumber.load(ordering: .acquiring) }
      await eventually("the connection's end is seen") { lost() > round }
    }
  }

  func testWhatAPausedEndpointIsSentLaterIsNumberedThen() async throws {
    let (listener, client) = (try RawListener(), try await makeClient())
    let (paused, other) = (try ref(client, listener, "paused"), try ref(client, listener, "other"))
    try other.send(bytes: [1])
    let asked = Results<Void>("the answer that comes behind the pause")
    let peer = try await listener.acceptKnown(envelopes: Self.limits)
    _ = try await assertDefines(peer, 0)
    try await assertNumbered(peer, 0, [1, 1])
    // A peer can only pause what there is a route to.
    other.ask(bytes: [2]) { _ in asked.add(()) }
    let request = try await peer.next()
    try peer.send(RawFrame.pause("paused") + RawFrame.response(request.id, [1]))
    _ = await asked.next()
    try paused.send(bytes: [3])
    try other.send(bytes: [4])
    try await assertNumbered(peer, 0, [1, 4])
    try peer.send(RawFrame.resume("paused"))
    let name = try await assertDefines(peer, 1)
    XCTAssertEqual(name, "paused")
    try await assertNumbered(peer, 1, [1, 3])
    peer.reset()
  }

  func testWhatGoesByAnAliasHasTheNumbersOfTheConnectionThatCarriesIt() async throws {
    var configuration = RPCConfiguration()
    configuration.reconnectDelay = .zero
    let (own, other, client) = (try RawListener(), try RawListener(), try await makeClient(configuration))
    let (toOwn, toOther) = (try ref(client, own), try ref(client, other))
    let id = RPCEnvID.random()
    try toOwn.send(bytes: [1])
    let connection = try await own.acceptKnown(as: id, envelopes: Self.limits)
    _ = try await assertDefines(connection, 0)
    try await assertNumbered(connection, 0, [1, 1])
    // One is posted before the other address turns out to be the same environment's, one behind that.
    try toOther.send(bytes: [2])
    let probe = try await other.acceptKnown(as: id, at: own.port, envelopes: Self.limits)
    try await assertNumbered(connection, 0, [1, 2])
    try ref(client, other, "more").send(bytes: [3])
    let name = try await assertDefines(connection, 1)
    XCTAssertEqual(name, "more")
    try await assertNumbered(connection, 1, [1, 3])
    let hasEnded = try await probe.receivesNothingMore()
    XCTAssertTrue(hasEnded, "nothing was sent over the connection that found the alias")
    // With the connection both the alias and the numbers end.
    connection.reset()
    await eventually("the end is noticed") { client.state.withLock { $0.introduced.isEmpty } }
    try toOther.send(bytes: [4])
    let last = try await other.acceptKnown(envelopes: Self.limits)
    let again = try await assertDefines(last, 0)
    XCTAssertEqual(again, "echo")
    try await assertNumbered(last, 0, [1, 4])
    last.reset()
  }

  func testPeerThatConnectedIsSentNumbersToo() async throws {
    let server = try await makeServer()
    let refs = Results<RPCEndpointRef>("a reference")
    try server.register("keeper", ReferenceKeeper(refs))
    let (peer, id) = (try RawSocket(port: server.port), RPCEnvID.random())
    try await peer.introduce(as: id, envelopes: Self.limits)
    let mine = RPCEndpointRef(
      name: "mine", address: nil, target: .unreachable(.envStopped), env: server, owner: id)
    try peer.send(RawFrame.oneWay(to: "keeper", RawFrame.typed(SentReference(ref: mine))))
    let ref = await refs.next()[0]
    for byte in UInt8(0)..<3 { try ref.send(bytes: [byte]) }
    let name = try await assertDefines(peer, 0)
    XCTAssertEqual(name, "mine")
    for byte in UInt8(0)..<3 { try await assertNumbered(peer, 0, [1, byte]) }
    refs.clear()
    peer.reset()
  }

  // MARK: Peers that keep none

  func testPeerOfTheVersionBeforeIsSentWhatItWasSent() async throws {
    let (listener, client) = (try RawListener(), try await makeClient())
    let ref = try ref(client, listener)
    try ref.send(bytes: [3])
    let (peer, request) = try await listener.acceptAsker()
    // Version 1: id, and where it listens.
    let answer = bytes(hex: "0e 01 0102030405060708 090a0b0c0d0e0f10 01 09 3132372e302e302e31")
    try peer.send(RawFrame.response(request, answer + [UInt8(listener.port >> 8), UInt8(listener.port & 0xFF)]))
    let message = try await peer.next()
    XCTAssertEqual(message.kind, 9)
    XCTAssertEqual(message.endpoint, "echo")
    XCTAssertEqual(message.content, [1, 3])
    ref.ask(bytes: [4]) { _ in }
    let ask = try await peer.next()
    XCTAssertEqual(ask.kind, 64, "the extensions that it knows are used")
    XCTAssertEqual(ask.content, [1, 4])
    peer.reset()
  }

  func testPeerOfTheVersionBeforeThatConnectsIsServed() async throws {
    let server = try await makeServer()
    try server.register("echo", Echo())
    let peer = try RawSocket(port: server.port)
    try peer.send(
      RawFrame.request(1, to: Introduction.endpointName, bytes(hex: "0e 01 0102030405060708 090a0b0c0d0e0f10")))
    let answer = try await peer.next()
    XCTAssertEqual(answer.kind, 4)
    // What version 1 reads of it: id, flag, host and port.
    XCTAssertEqual(answer.body.prefix(1), [0x0E])
    XCTAssertEqual(answer.body[18], 1)
    try peer.send(RawFrame.request(2, to: "echo", [1, 5]))
    let reply = try await peer.next()
    XCTAssertEqual(reply.body, [1, 5])
  }

  func testPeerOfTheReferenceSystemIsSentNothingOfIt() async throws {
    let (listener, client) = (try RawListener(), try await makeClient())
    let ref = try ref(client, listener)
    try ref.send(bytes: [3])
    let (peer, request) = try await listener.acceptAsker()
    try peer.send(RawFrame.failure(request, "no Java object"))
    for byte in UInt8(3)..<10 {
      let message = try await peer.next()
      XCTAssertEqual(message.kind, 9)
      XCTAssertEqual(message.endpoint, "echo")
      XCTAssertEqual(message.content, [1, byte])
      try ref.send(bytes: [byte + 1])
    }
    ref.ask(bytes: [4]) { _ in }
    _ = try await peer.next()
    let ask = try await peer.next()
    XCTAssertEqual(ask.kind, 3)
    peer.reset()
  }
}
