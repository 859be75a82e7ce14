import MailroomQueue
import MailroomTransport
import Synchronization
import TestSupport
import XCTest

@testable import Mailroom

/// How typed messages leave for peers that keep the heads of types, and for those that do not.
final class TypedSendingTests: EnvironmentTestCase {
  private static let limits = PrefixLimits(count: 8, byteCount: 1000, withBranches: true)

  private func ref(_ client: RPCEnv, _ listener: RawListener, _ name: String = "echo") throws -> RPCEndpointRef {
    try client.remoteRef(name: name, address: RPCAddress(host: "127.0.0.1", port: listener.port))
  }

  /// What a peer that keeps prefixes makes of what it receives.
  private struct Keeper {
    let peer: RawSocket
    let limits: PrefixLimits
    var prefixes: [[UInt8]] = []
    /// Frames of messages in which a number stood for something, and bytes of the last one's frame.
    var (numbered, size) = (0, 0)

    init(_ peer: RawSocket, _ limits: PrefixLimits = TypedSendingTests.limits) {
      self.peer = peer
      self.limits = limits
    }

    /// The next message, with the whole body that it stands for; the definitions before it are kept.
    mutating func next() async throws -> (frame: RawFrame, body: [UInt8]) {
      while true {
        let bytes = try await peer.receiveFrame()
        let frame = RawFrame(bytes)
        if frame.kind != 68 {
          size = bytes.count
          guard let number = frame.number else { return (frame, frame.body) }
          numbered += 1
          XCTAssertLessThan(number, prefixes.count, "a number that was defined")
          return (frame, (number < prefixes.count ? prefixes[number] : []) + frame.body.dropFirst(2))
        }
        let number = Int(frame.id)
        XCTAssertLessThanOrEqual(number, prefixes.count)
        if number < prefixes.count { prefixes[number] = frame.body } else { prefixes.append(frame.body) }
        XCTAssertLessThanOrEqual(prefixes.count, limits.count)
        XCTAssertLessThanOrEqual(prefixes.reduce(0) { $0 + $1.count }, limits.byteCount)
      }
    }

    /// Receives a message, and checks what it is.
    mutating func assertNext(_ name: String, _ content: [UInt8], line: UInt = #line) async throws {
      let (_, body) = try await next()
      let envelope = try Envelope(parsing: body.rawSpan)
      XCTAssertEqual(envelope.name.utf8String(), name, line: line)
      XCTAssertEqual(envelope.content.array(), content, line: line)
    }
  }

  func testTypeIsSentOnceAndThenANumberForItAndTheEnvelope() async throws {
    let (listener, client) = (try RawListener(), try await makeClient())
    let ref = try ref(client, listener)
    let (note, say) = (try RawFrame.value(Note(text: "5")), try RawFrame.value(Say(text: "7")))
    for _ in 0..<2 { try ref.send(Note(text: "5")) }
    let peer = try await listener.acceptKnown(envelopes: Self.limits)
    func assertNumbered(_ number: Int, _ value: [UInt8], line: UInt = #line) async throws {
      let frame = try await peer.next()
      XCTAssertEqual(frame.number, number, line: line)
      XCTAssertEqual(Array(frame.body.dropFirst(2)), value, line: line)
    }
    func assertDefines(_ number: Int64, _ head: [UInt8], line: UInt = #line) async throws {
      let frame = try await peer.next()
      XCTAssertEqual(frame.kind, 68, line: line)
      XCTAssertEqual(frame.id, number, line: line)
      XCTAssertEqual(frame.endpoint, "echo", line: line)
      XCTAssertEqual(frame.content, head, line: line)
    }
    try await assertDefines(0, MessageHead.of(Note.self).bytes)
    for _ in 0..<2 { try await assertNumbered(0, note) }
    // From the loop, and as a task.
    client.group.next().execute {
      try? ref.send(Note(text: "5"))
      ref.ask(Say(text: "7")) { _ in }
      ref.ask(bytes: [6]) { _ in }
      try? ref.send(Note(text: "5"))
    }
    try await assertNumbered(0, note)
    try await assertDefines(1, MessageHead.of(Say.self).bytes)
    try await assertNumbered(1, say)
    try await assertDefines(2, [])
    try await assertNumbered(2, [1, 6])
    try await assertNumbered(0, note)
    let asked = Task { try await ref.ask(Say(text: "7")) }
    let ask = try await peer.next()
    XCTAssertEqual(ask.number, 1)
    try peer.send(RawFrame.response(ask.id, [2] + (try RawFrame.value(of: "answer"))))
    let answer = try await asked.value
    XCTAssertEqual(answer, "answer")
    // A key stands before the name, which is sent as it was.
    let keyed = Task { try await ref.ask(Say(text: "7"), retrying: nil) }
    let retried = try await peer.next()
    XCTAssertEqual(retried.number, 2)
    XCTAssertEqual(retried.body[2], Content.keyed)
    XCTAssertEqual(Array(retried.body.dropFirst(2 + 17)), try RawFrame.typed(Say(text: "7")))
    try peer.send(RawFrame.response(retried.id, [2] + (try RawFrame.value(of: "again"))))
    let again = try await keyed.value
    XCTAssertEqual(again, "again")
    peer.reset()
  }

  /// Asks that nothing else is on its way with, some of which the asker's thread writes itself.
  func testAsksOneByOne() async throws {
    for limits in [Self.limits, PrefixLimits(count: 8, byteCount: 1000), .none] {
      let (listener, client) = (try RawListener(), try await makeClient())
      let ref = try ref(client, listener)
      let route = try XCTUnwrap(ref.storage.route)
      var keeper: Keeper?
      for round in 0..<10 {
        let text = round == 5 ? String(repeating: "x", count: 5000) : "\(round)"
        let asked = Task { try await ref.ask(Say(text: text)) }
        if keeper == nil { keeper = Keeper(try await listener.acceptKnown(envelopes: limits), limits) }
        guard let (frame, body) = try await keeper?.next() else { return XCTFail("there is a peer") }
        XCTAssertEqual(
          try Envelope(parsing: body.rawSpan).content.array(), try RawFrame.typed(Say(text: text)), "\(round)")
        try keeper?.peer.send(RawFrame.response(frame.id, [2] + (try RawFrame.value(of: text))))
        let answer = try await asked.value
        XCTAssertEqual(answer, text)
        XCTAssertEqual(route.gauge.level.bytes, 0)
      }
      XCTAssertEqual(keeper?.numbered, limits == .none ? 0 : 10)
      keeper?.peer.reset()
    }
  }

  /// The bytes of a typed message's frame: what it took, and what it takes for a peer that keeps heads.
  func testBytesOnTheWire() async throws {
    let head = MessageHead.of(Add.self).bytes.count
    let envelope = try Envelope.bytes(
      sender: nil, receiver: RPCAddress(host: "127.0.0.1", port: 1), name: "counter"
    ).count
    XCTAssertEqual(head, 5)
    for (withBranches, prefix) in [(true, 2), (false, 2 + head)] {
      let (listener, client) = (try RawListener(), try await makeClient())
      let ref = try ref(client, listener, "counter")
      try ref.send(Add(1))
      let limits = PrefixLimits(count: 8, byteCount: 1000, withBranches: withBranches)
      var keeper = Keeper(try await listener.acceptKnown(envelopes: limits), limits)
      for _ in 0..<3 {
        try await keeper.assertNext("counter", try RawFrame.typed(Add(1)))
        XCTAssertEqual(keeper.size, 13 + prefix + 8)
        try ref.send(Add(1))
      }
      try await keeper.assertNext("counter", try RawFrame.typed(Add(1)))
      ref.ask(Total()) { _ in }
      let total = try RawFrame.typed(Total())
      try await keeper.assertNext("counter", total)
      XCTAssertEqual(keeper.size, 29 + 2 + total.count - (withBranches ? MessageHead.of(Total.self).bytes.count : 0))
      keeper.peer.reset()
    }
    let (listener, client) = (try RawListener(), try await makeClient())
    let ref = try ref(client, listener, "counter")
    try ref.send(Add(1))
    let peer = try await listener.acceptPeer()
    for _ in 0..<3 {
      let frame = try await peer.receiveFrame()
      XCTAssertEqual(frame.count, 13 + envelope + head + 8, "to a peer of the reference system")
      try ref.send(Add(1))
    }
    peer.reset()
  }

  func testTypesTimesEndpointsPastTheLimits() async throws {
    let (listener, client) = (try RawListener(), try await makeClient())
    let refs = try (0..<6).map { try ref(client, listener, "e\($0)") }
    var expected: [(String, [UInt8])] = []
    for round in 0..<4 {
      for ref in refs {
        try ref.send(Note(text: "\(round)"))
        try ref.send(Add(Int64(round)))
        try ref.send(bytes: [UInt8(round)])
        expected.append((ref.name, try RawFrame.typed(Note(text: "\(round)"))))
        expected.append((ref.name, try RawFrame.typed(Add(Int64(round)))))
        expected.append((ref.name, [1, UInt8(round)]))
      }
    }
    var keeper = Keeper(try await listener.acceptKnown(envelopes: Self.limits))
    for (name, content) in expected { try await keeper.assertNext(name, content) }
    XCTAssertEqual(keeper.prefixes.count, Self.limits.count)
    let heads = try keeper.prefixes.map { try Envelope(parsing: $0.rawSpan).content.byteCount }
    XCTAssertEqual(heads.filter { $0 > 0 }.count, Self.limits.count / 2, "types leave half to endpoints")
    // Of the first four endpoints all is numbered, of the others nothing.
    XCTAssertEqual(keeper.numbered, 4 * 3 * 4)
    keeper.peer.reset()
  }

  func testManyTypesAndEndpointsOfTwoEnvironmentsPastTheLimits() async throws {
    let (server, client) = (try await makeServer(), try await makeClient())
    let address = try XCTUnwrap(server.address)
    // So that the connection has a small table.
    for _ in 0..<EnvelopeAllowance.mostLarge { _ = server.envelopes.take() }
    let count = EnvelopeAllowance.small.count / 4 + 100
    var refs: [RPCEndpointRef] = []
    for index in 0..<count {
      try server.register("e\(index)", Counter())
      refs.append(try client.remoteRef(name: "e\(index)", address: address))
    }
    for _ in 0..<2 { for (index, ref) in refs.enumerated() { try ref.send(Add(Int64(index))) } }
    for (index, ref) in refs.enumerated() where index % 10 == 0 || index > count - 20 {
      let total = try await ref.ask(Total())
      XCTAssertEqual(total, 2 * Int64(index))
    }
    for ref in refs { ref.ask(Total()) { _ in } }
    let last = try await refs[0].ask(Total())
    XCTAssertEqual(last, 0)
  }

  func testWhatWaitsIsCountedWhole() async throws {
    let (listener, client) = (try RawListener(), try await makeClient())
    let ref = try ref(client, listener)
    let route = try XCTUnwrap(ref.storage.route)
    var size = 0
    for text in ["", "a", String(repeating: "x", count: 5000)] {
      try ref.send(Note(text: text))
      ref.ask(Say(text: text)) { _ in }
      size += try RawFrame.typed(Note(text: text)).count + RawFrame.typed(Say(text: text)).count
      XCTAssertEqual(route.gauge.level.bytes, size)
    }
    var keeper = Keeper(try await listener.acceptKnown(envelopes: Self.limits))
    for _ in 0..<6 { _ = try await keeper.next() }
    await eventually("nothing is counted") { route.gauge.level.messages == 0 && route.gauge.level.bytes == 0 }
    // What is never sent is counted out, too.
    try keeper.peer.send(RawFrame.pause("echo") + RawFrame.request(1, to: "missing", [1]))
    _ = try await keeper.next()
    try ref.send(Note(text: "held"))
    try ref.send(Add(1))
    XCTAssertEqual(
      route.gauge.level.bytes, try RawFrame.typed(Note(text: "held")).count + RawFrame.typed(Add(1)).count)
    await client.shutdown()
    await eventually("nothing is counted in the end") { route.gauge.level.bytes == 0 }
    keeper.peer.reset()
  }

  func testNewConnectionBeginsWithNothing() async throws {
    var configuration = RPCConfiguration()
    configuration.reconnectDelay = .zero
    let (listener, client) = (try RawListener(), try await makeClient(configuration))
    let ref = try ref(client, listener)
    let route = try XCTUnwrap(ref.storage.route)
    for round in 0..<3 {
      // Another type first each time, and a peer of another kind in between.
      let contents =
        round % 2 == 0
        ? [try RawFrame.typed(Note(text: "a")), try RawFrame.typed(Add(1))]
        : [try RawFrame.typed(Add(1)), try RawFrame.typed(Note(text: "a"))]
      for _ in 0..<2 {
        if round % 2 == 0 { try ref.send(Note(text: "a")) }
        try ref.send(Add(1))
        if round % 2 == 1 { try ref.send(Note(text: "a")) }
      }
      let limits = PrefixLimits(count: 8, byteCount: 1000, withBranches: round != 1)
      var keeper = Keeper(try await listener.acceptKnown(envelopes: limits), limits)
      for _ in 0..<2 { for content in contents { try await keeper.assertNext("echo", content) } }
      XCTAssertEqual(keeper.numbered, 4)
      XCTAssertEqual(keeper.prefixes.count, round == 1 ? 1 : 2)
      keeper.peer.reset()
      let lost = { route.outbox.connectionNumber.load(ordering: .acquiring) }
      await eventually("the connection's end is seen") { lost() > round }
    }
  }

  func testWhatAPausedEndpointIsSentLaterIsNumberedThen() async throws {
    let (listener, client) = (try RawListener(), try await makeClient())
    let (paused, other) = (try ref(client, listener, "paused"), try ref(client, listener, "other"))
    try other.send(Add(1))
    let asked = Results<Void>("the answer that comes behind the pause")
    var keeper = Keeper(try await listener.acceptKnown(envelopes: Self.limits))
    try await keeper.assertNext("other", try RawFrame.typed(Add(1)))
    other.ask(bytes: [2]) { _ in asked.add(()) }
    let (request, _) = try await keeper.next()
    try keeper.peer.send(RawFrame.pause("paused") + RawFrame.response(request.id, [1]))
    _ = await asked.next()
    let large = String(repeating: "x", count: 5000)
    for text in ["a", large] {
      try paused.send(Note(text: text))
      try paused.send(bytes: [3])
      try paused.send(Add(4))
    }
    try other.send(Add(5))
    try await keeper.assertNext("other", try RawFrame.typed(Add(5)))
    try keeper.peer.send(RawFrame.resume("paused"))
    for text in ["a", large] {
      try await keeper.assertNext("paused", try RawFrame.typed(Note(text: text)))
      try await keeper.assertNext("paused", [1, 3])
      try await keeper.assertNext("paused", try RawFrame.typed(Add(4)))
    }
    XCTAssertEqual(keeper.numbered, 9)
    keeper.peer.reset()
  }

  func testWhatGoesByAnAliasAndComesBackKeepsItsType() async throws {
    var configuration = RPCConfiguration()
    configuration.reconnectDelay = .zero
    let (own, other, client) = (try RawListener(), try RawListener(), try await makeClient(configuration))
    let (toOwn, toOther) = (try ref(client, own), try ref(client, other))
    let id = RPCEnvID.random()
    try toOwn.send(Add(1))
    var connection = Keeper(try await own.acceptKnown(as: id, envelopes: Self.limits))
    try await connection.assertNext("echo", try RawFrame.typed(Add(1)))
    // Posted before the other address turns out to be the same environment's.
    try toOther.send(Add(2))
    try toOther.send(Note(text: "a"))
    let probe = try await other.acceptKnown(as: id, at: own.port, envelopes: Self.limits)
    try await connection.assertNext("echo", try RawFrame.typed(Add(2)))
    try await connection.assertNext("echo", try RawFrame.typed(Note(text: "a")))
    XCTAssertEqual(connection.prefixes.count, 2, "there is one route for both")
    let hasEnded = try await probe.receivesNothingMore()
    XCTAssertTrue(hasEnded)
    // What waits as the connection ends goes back to its own address.
    try connection.peer.send(RawFrame.pause("echo") + RawFrame.request(1, to: "missing", [1]))
    _ = try await connection.next()
    try toOther.send(Note(text: "back"))
    try toOther.send(Add(3))
    connection.peer.reset()
    var last = Keeper(try await other.acceptKnown(envelopes: Self.limits))
    try await last.assertNext("echo", try RawFrame.typed(Note(text: "back")))
    try await last.assertNext("echo", try RawFrame.typed(Add(3)))
    XCTAssertEqual(last.numbered, 2)
    last.peer.reset()
  }

  // MARK: Peers that keep none

  func testPeerOfTheReferenceSystemIsSentWhatItWasSent() async throws {
    let (listener, client) = (try RawListener(), try await makeClient())
    let ref = try ref(client, listener)
    let envelope = try Envelope.bytes(
      sender: nil, receiver: RPCAddress(host: "127.0.0.1", port: listener.port), name: "echo")
    try ref.send(Add(1))
    let peer = try await listener.acceptPeer()
    func assertNext(_ kind: UInt8, _ content: [UInt8], line: UInt = #line) async throws {
      let frame = try await peer.next()
      XCTAssertEqual(frame.kind, kind, line: line)
      XCTAssertEqual(frame.body, envelope + content, line: line)
    }
    try await assertNext(9, bytes(hex: "02 03 416464 0000000000000001"))
    try ref.send(Add(2))
    try await assertNext(9, bytes(hex: "02 03 416464 0000000000000002"))
    client.group.next().execute {
      try? ref.send(Add(3))
      ref.ask(Say(text: "5")) { _ in }
    }
    try await assertNext(9, bytes(hex: "02 03 416464 0000000000000003"))
    try await assertNext(3, try RawFrame.typed(Say(text: "5")))
    ref.ask(Say(text: "6")) { _ in }
    try await assertNext(3, try RawFrame.typed(Say(text: "6")))
    peer.reset()
  }
}
