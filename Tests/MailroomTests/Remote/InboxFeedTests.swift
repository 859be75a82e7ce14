import MailroomQueue
import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// Asks its peer back before it is done with a message, one at a time.
private final class Curious: RPCEndpoint {
  let peer: RPCEndpointRef
  let replies = Results<String>("a reply")

  init(_ peer: RPCEndpointRef) { self.peer = peer }

  static func handlers(_ on: inout RPCHandlers<Curious>) {
    on.receive(Note.self) { curious, note async in
      do {
        curious.replies.add("\(note.text) \(try await curious.peer.ask(bytes: [7], timeout: .seconds(15)))")
      } catch {
        curious.replies.add("\(note.text) \(error)")
      }
    }
  }
}

/// Peers that fill an inbox, and how they are slowed down: raw sockets, on which every frame is seen.
final class InboxFeedTests: EnvironmentTestCase {
  private static let mark = 4

  /// A server with a slow endpoint whose inbox is small, and a fast one.
  private struct Host {
    let env: RPCEnv
    let slow: RPCEndpointRef
    let inbox: Inbox
    let steps: Signal
    let numbers: Box<[Int]>
    let handled: Signal
    /// The highest level that a handler has seen.
    let highest: Box<Int>

    func connect(knowsPauses: Bool) async throws -> RawSocket {
      let peer = try RawSocket(port: env.port)
      if knowsPauses { try await peer.introduce() }
      return peer
    }
  }

  private func makeHost() async throws -> Host {
    var configuration = RPCConfiguration()
    configuration.maximumInboxMessages = Self.mark
    let env = try await makeServer(configuration)
    let stepped = Stepped()
    let (steps, numbers, handled, onMessage) = (stepped.steps, stepped.numbers, stepped.handled, stepped.onMessage)
    let slow = try env.register("slow", stepped, on: .dedicated())
    try env.register("echo", Echo())
    guard case .local(let inbox) = slow.target else { throw RawSocket.Failure("the endpoint is local") }
    let highest = Box(0)
    onMessage.update { $0 = { highest.update { $0 = max($0, inbox.level.messages) } } }
    return Host(
      env: env, slow: slow, inbox: inbox, steps: steps, numbers: numbers, handled: handled, highest: highest)
  }

  private func feed(_ peer: RawSocket, _ numbers: Range<Int>) throws {
    try peer.send(numbers.flatMap { RawFrame.oneWay(to: "slow", [1] + RPCEndpointRef.bytes(of: $0)) })
  }

  /// Asks the fast endpoint; its answer must be the next frame.
  private func assertServed(
    _ peer: RawSocket, id: Int64 = 7, file: StaticString = #filePath, line: UInt = #line
  ) async throws {
    try peer.send(RawFrame.request(id, to: "echo", [1, 42]))
    let answer = try await peer.next()
    XCTAssertEqual(answer.kind, 4, "\(answer)", file: file, line: line)
    XCTAssertEqual(answer.id, id, file: file, line: line)
    XCTAssertEqual(answer.body, [1, 42], file: file, line: line)
  }

  // MARK: A peer that knows pauses

  func testPauseIsSentOncePerFillAndTakenBackOnce() async throws {
    let host = try await makeHost()
    let peer = try await host.connect(knowsPauses: true)
    for round in 0..<3 {
      try feed(peer, round * 10..<round * 10 + 10)
      let pause = try await peer.next()
      XCTAssertEqual(pause.kind, 66)
      XCTAssertEqual(pause.text, "slow")
      // Others are served over the same connection, and the pause is not repeated.
      for id in 0..<3 { try await assertServed(peer, id: Int64(id)) }
      await eventually("all of them are queued") { host.inbox.level.messages == 10 }
      Stepped.allow(7, host.steps)
      await host.handled.comes(7)
      try await assertServed(peer)
      Stepped.allow(1, host.steps)
      let resumption = try await peer.next()
      XCTAssertEqual(resumption.kind, 67)
      XCTAssertEqual(resumption.text, "slow")
      Stepped.allow(2, host.steps)
      await host.handled.comes(3)
      await eventually("the inbox is empty") { host.inbox.level.messages == 0 }
      try await assertServed(peer)
    }
    XCTAssertEqual(host.numbers.value, Array(0..<30))
    XCTAssertLessThanOrEqual(host.highest.value, 10)
  }

  func testPeerThatIgnoresPausesIsHeldWhenItHasSentMoreThanWasOnItsWay() async throws {
    let host = try await makeHost()
    let peer = try await host.connect(knowsPauses: true)
    let other = try await host.connect(knowsPauses: true)
    let (size, count) = (4 << 20, 24)
    // From elsewhere, because it is not read to its end before there is room.
    async let sent: Void = offPool {
      for number in 0..<count {
        try peer.send(RawFrame.oneWay(to: "slow", [1] + RPCEndpointRef.bytes(of: number, size: size)))
      }
      try peer.send(RawFrame.request(99, to: "echo", [1, 42]))
    }
    let pause = try await peer.next()
    XCTAssertEqual(pause.kind, 66)
    // What fills the inbox, then 64 MiB, and the one that shows that it was too much.
    let most = Self.mark + (64 << 20) / size + 1
    XCTAssertLessThan(most, count)
    await eventually("as much as can have been on its way is queued") { host.inbox.level.messages == most }
    // The other connection is of the same loop: what was to be read behind that was read.
    for _ in 0..<3 { try await assertServed(other) }
    XCTAssertEqual(host.inbox.level.messages, most)
    Stepped.allow(count, host.steps)
    await host.handled.comes(count)
    try await sent
    XCTAssertEqual(host.numbers.value, Array(0..<count))
    XCTAssertLessThanOrEqual(host.highest.value, most)
    // Pauses and their ends take turns, and one answer is among them.
    var kinds: [UInt8] = [66]
    while kinds.filter({ $0 == 4 }).isEmpty || kinds.filter({ $0 == 66 }).count != kinds.filter({ $0 == 67 }).count {
      kinds.append(try await peer.next().kind)
    }
    let pauses = kinds.filter { $0 != 4 }
    for (index, kind) in pauses.enumerated() { XCTAssertEqual(kind, index % 2 == 0 ? 66 : 67, "\(pauses)") }
    try await assertServed(peer)
  }

  func testPeerThatPausesIsServedHoweverMuchWasOnItsWay() async throws {
    var configuration = RPCConfiguration()
    configuration.maximumInboxMessages = 4
    let server = try await makeServer(configuration)
    let client = try await makeClient()
    let gate = Gate("the end of the test")
    let notes = Signal("a note")
    let came = Box<[String]>([])
    let slow = Scripted()
    slow.noted = { _, note in
      if came.value.isEmpty { gate.pass() }
      came.append(note.text)
      notes.fire()
    }
    try server.register("slow", slow, on: .dedicated())
    try server.register("echo", Echo())
    let there = try await client.endpointRef(server.uri("slow"))
    let echo = try await client.endpointRef(server.uri("echo"))
    // Far more than four times the bound leaves before the client can know that it should pause.
    let count = 20_000
    for number in 0..<count { try there.send(Note(text: "\(number)")) }
    do {
      let reply = try await echo.ask(Say(text: "Is anybody there?"), timeout: .seconds(10))
      XCTAssertEqual(reply, "Is anybody there?")
    } catch {
      XCTFail("the neighbour of a full inbox is not served: \(error)")
    }
    gate.open()
    await notes.comes(count)
    XCTAssertEqual(came.value, (0..<count).map { "\($0)" })
  }

  // MARK: A peer that knows nothing

  func testPlainPeerIsHeldAtTheBoundAndResumed() async throws {
    let host = try await makeHost()
    let peer = try await host.connect(knowsPauses: false)
    let other = try await host.connect(knowsPauses: false)
    try feed(peer, 0..<60)
    try peer.send(RawFrame.request(99, to: "echo", [1, 42]))
    await eventually("the inbox is full") { host.inbox.level.messages == Self.mark }
    for _ in 0..<3 { try await assertServed(other) }
    XCTAssertEqual(host.inbox.level.messages, Self.mark)
    Stepped.allow(60, host.steps)
    await host.handled.comes(60)
    XCTAssertEqual(host.numbers.value, Array(0..<60))
    XCTAssertLessThanOrEqual(host.highest.value, Self.mark)
    // It was told nothing, and its request was served when its turn came.
    let answer = try await peer.next()
    XCTAssertEqual(answer.id, 99)
    try await assertServed(peer)
  }

  func testHandlerCanAskThePeerThatFillsItsInbox() async throws {
    for dispatch in Way.dispatches {
      var configuration = RPCConfiguration()
      configuration.maximumInboxMessages = Self.mark
      let env = try await makeServer(configuration)
      let listener = try RawListener()
      let curious = Curious(
        try env.remoteRef(name: "there", address: RPCAddress(host: "127.0.0.1", port: listener.port)))
      let (there, replies) = (curious.peer, curious.replies)
      let ref = try env.register("curious", curious, on: dispatch)
      guard case .local(let inbox) = ref.target else { return XCTFail("it is local") }
      try there.send(bytes: [0])
      let peer = try await listener.acceptPeer()
      _ = try await peer.next()
      let notes = try (0..<30).map { RawFrame.oneWay(to: "curious", try RawFrame.typed(Note(text: "\($0)"))) }
      try peer.send(notes.flatMap { $0 })
      // Each of them is handled while as many are held as the inbox does not take.
      for number in 0..<30 {
        let question = try await peer.next()
        XCTAssertEqual(question.kind, 3)
        XCTAssertEqual(question.endpoint, "there")
        XCTAssertLessThanOrEqual(inbox.level.messages, Self.mark)
        try peer.send(RawFrame.response(question.id, [1, UInt8(number)]))
      }
      let values = await replies.next(30)
      XCTAssertEqual(values, (0..<30).map { "\($0) [\($0)]" }, "\(dispatch)")
    }
  }

  // MARK: Who is slowed down

  func testOnlyConnectionsThatFeedTheFullInboxAreSlowedDown() async throws {
    let host = try await makeHost()
    let feeders = [try await host.connect(knowsPauses: true), try await host.connect(knowsPauses: true)]
    let others = [try await host.connect(knowsPauses: true), try await host.connect(knowsPauses: false)]
    for (index, feeder) in feeders.enumerated() {
      try feed(feeder, index * 5..<index * 5 + 5)
      let pause = try await feeder.next()
      XCTAssertEqual(pause.kind, 66, "each feeder is told")
    }
    for other in others { try await assertServed(other) }
    Stepped.allow(10, host.steps)
    await host.handled.comes(10)
    for feeder in feeders {
      let resumption = try await feeder.next()
      XCTAssertEqual(resumption.kind, 67)
      try await assertServed(feeder)
    }
    for other in others { try await assertServed(other) }
    XCTAssertEqual(host.numbers.value, Array(0..<10))
  }

  func testRequestsFillAnInboxToo() async throws {
    let host = try await makeHost()
    let peer = try await host.connect(knowsPauses: true)
    for id in 0..<5 { try peer.send(RawFrame.request(Int64(id), to: "slow", RawFrame.typed(Say(text: "\(id)")))) }
    let pause = try await peer.next()
    XCTAssertEqual(pause.kind, 66)
    Stepped.allow(5, host.steps)
    let frames = try await peer.next(6)
    XCTAssertEqual(frames.filter { $0.kind == 67 }.count, 1)
    XCTAssertEqual(frames.filter { $0.kind == 4 }.map(\.id), [0, 1, 2, 3, 4])
  }

  // MARK: Ends

  func testPeersAreLetGoWhenTheEndpointIsStopped() async throws {
    let host = try await makeHost()
    let plain = try await host.connect(knowsPauses: false)
    let known = try await host.connect(knowsPauses: true)
    try feed(plain, 0..<20)
    await eventually("the inbox is full") { host.inbox.level.messages == Self.mark }
    try feed(known, 20..<21)
    let pause = try await known.next()
    XCTAssertEqual(pause.kind, 66)
    host.env.stop(host.slow)
    let resumption = try await known.next()
    XCTAssertEqual(resumption.kind, 67)
    try await assertServed(plain)
    XCTAssertEqual(host.env.undeliverableMessages, 16, "those of the plain peer that were held")
    Stepped.allow(5, host.steps)
    await host.handled.comes(5)
    XCTAssertEqual(host.numbers.value, [0, 1, 2, 3, 20])
  }

  func testPeerThatIsGoneWhenThereIsRoomDisturbsNobody() async throws {
    for knowsPauses in [true, false] {
      let host = try await makeHost()
      let peer = try await host.connect(knowsPauses: knowsPauses)
      try feed(peer, 0..<6)
      await eventually("the inbox is full") { host.inbox.level.messages >= Self.mark }
      peer.reset()
      let count = host.inbox.level.messages
      Stepped.allow(6, host.steps)
      await host.handled.comes(count)
      let next = try await host.connect(knowsPauses: true)
      try await assertServed(next)
    }
  }
}
