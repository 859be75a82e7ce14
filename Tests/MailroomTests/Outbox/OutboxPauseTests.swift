import MailroomQueue
import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// Peers that ask for pauses, as raw sockets that know the extensions, and the outboxes that heed them.
final class OutboxPauseTests: EnvironmentTestCase {
  /// A client, a peer that it is connected to, and references to endpoints of that peer.
  private struct Pair {
    let client: RPCEnv
    let listener: RawListener
    let peer: RawSocket
    let a: RPCEndpointRef
    let b: RPCEndpointRef

    /// Has the client see what the peer has sent up to now.
    func sync() async throws {
      try peer.send(RawFrame.request(-5, to: "no such endpoint", [1]))
      let answer = try await peer.next()
      XCTAssertEqual(answer.id, -5, "\(answer)")
    }

    func pause(_ name: String) async throws {
      try peer.send(RawFrame.pause(name))
      try await sync()
    }

    /// Has the client's loop run something.
    func onLoop(_ body: @escaping @Sendable () -> Void) async {
      let done = Signal("the loop's turn")
      client.group.next().execute {
        body()
        done.fire()
      }
      await done.comes()
    }
  }

  private func makePair(_ configuration: RPCConfiguration = .init()) async throws -> Pair {
    let listener = try RawListener()
    var configuration = configuration
    configuration.transport.closeTimeout = .milliseconds(100)
    let client = try await makeClient(configuration)
    let address = try RPCAddress(host: "127.0.0.1", port: listener.port)
    let a = try client.remoteRef(name: "a", address: address)
    let b = try client.remoteRef(name: "b", address: address)
    try a.send(bytes: [99])
    let peer = try await listener.acceptKnown()
    let first = try await peer.next()
    XCTAssertEqual(first.content, [1, 99])
    return Pair(client: client, listener: listener, peer: peer, a: a, b: b)
  }

  private func assertReceives(
    _ peer: RawSocket, _ name: String, _ numbers: [UInt8], file: StaticString = #filePath, line: UInt = #line
  ) async throws {
    let frames = try await peer.next(numbers.count)
    XCTAssertEqual(frames.map(\.endpoint), numbers.map { _ in name }, file: file, line: line)
    XCTAssertEqual(frames.map(\.content.last), numbers, file: file, line: line)
  }

  private func level(of ref: RPCEndpointRef) -> Int {
    if case .remote(let route) = ref.target { route.gauge.level.messages } else { -1 }
  }

  // MARK: Order

  func testPausedEndpointWaitsAndOthersPass() async throws {
    let pair = try await makePair()
    try await pair.pause("a")
    for number: UInt8 in 0..<10 {
      try pair.a.send(bytes: [number])
      try pair.b.send(bytes: [number])
    }
    try await assertReceives(pair.peer, "b", Array(0..<10))
    XCTAssertEqual(level(of: pair.a), 10, "what is held is counted")
    try pair.peer.send(RawFrame.resume("a"))
    try await assertReceives(pair.peer, "a", Array(0..<10))
    try pair.a.send(bytes: [10])
    try await assertReceives(pair.peer, "a", [10])
    await eventually("nothing is counted") { level(of: pair.a) == 0 && level(of: pair.b) == 0 }
    pair.peer.reset()
  }

  func testManyPausesKeepTheOrder() async throws {
    let pair = try await makePair()
    var number: UInt8 = 0
    for _ in 0..<20 {
      try await pair.pause("a")
      for _ in 0..<5 {
        try pair.a.send(bytes: [number])
        number += 1
      }
      try pair.peer.send(RawFrame.resume("a"))
      for _ in 0..<3 {
        try pair.a.send(bytes: [number])
        number += 1
      }
      try await assertReceives(pair.peer, "a", Array(number - 8..<number))
    }
    pair.peer.reset()
  }

  func testMessagesOfTheLoopAreHeldToo() async throws {
    let pair = try await makePair()
    try await pair.pause("a")
    let (a, b) = (pair.a, pair.b)
    try a.send(bytes: [0])
    await pair.onLoop {
      for number: UInt8 in 1..<5 {
        try? a.send(bytes: [number])
        try? b.send(bytes: [number])
      }
    }
    try await assertReceives(pair.peer, "b", [1, 2, 3, 4])
    try pair.peer.send(RawFrame.resume("a"))
    try await assertReceives(pair.peer, "a", [0, 1, 2, 3, 4])
    await pair.onLoop { try? a.send(bytes: [5]) }
    try await assertReceives(pair.peer, "a", [5])
    pair.peer.reset()
  }

  func testPauseOfAnEndpointThatNothingWasSentToIsIgnored() async throws {
    let pair = try await makePair()
    for name in ["c", "", "mailroom-introduction"] { try pair.peer.send(RawFrame.pause(name)) }
    try await pair.sync()
    let c = try pair.client.remoteRef(name: "c", address: try XCTUnwrap(pair.a.address))
    try c.send(bytes: [1])
    try await assertReceives(pair.peer, "c", [1])
    pair.peer.reset()
  }

  // MARK: A connection that ends

  func testHeldMessagesGoOverTheNextConnectionInOrder() async throws {
    let pair = try await makePair()
    try await pair.pause("a")
    for number: UInt8 in 0..<10 { try pair.a.send(bytes: [number]) }
    try pair.b.send(bytes: [0])
    try await assertReceives(pair.peer, "b", [0])
    pair.peer.reset()
    let next = try await pair.listener.acceptKnown()
    for number: UInt8 in 10..<15 { try pair.a.send(bytes: [number]) }
    try await assertReceives(next, "a", Array(0..<15))
    XCTAssertEqual(pair.client.undeliverableMessages, 0)
    next.reset()
  }

  func testHeldMessagesFailWhenTheNextConnectionCannotBeMade() async throws {
    let pair = try await makePair()
    try await pair.pause("a")
    let ends = Results<RPCError?>("the end of an ask")
    for index in 0..<10 {
      if index % 2 == 0 { try pair.a.send(bytes: [1]) } else { pair.a.ask(Say(text: "")) { ends.add($0.error) } }
    }
    try pair.b.send(bytes: [0])
    try await assertReceives(pair.peer, "b", [0])
    pair.peer.reset()
    let (next, _) = try await pair.listener.acceptAsker()
    next.reset()
    for error in await ends.next(5) { assertIs(error, .connectFailed, execution: .notExecuted) }
    await eventually("each loss is counted") { pair.client.undeliverableMessages == 5 }
    await eventually("nothing is counted as waiting") { level(of: pair.a) == 0 }
    XCTAssertEqual(ends.values.count, 5)
  }

  func testHeldMessagesFailWhenTheEnvironmentEnds() async throws {
    let pair = try await makePair()
    try await pair.pause("a")
    let ends = Results<RPCError?>("the end of an ask")
    for _ in 0..<5 {
      pair.a.ask(Say(text: "")) { ends.add($0.error) }
      try pair.a.send(bytes: [1])
    }
    await pair.client.shutdown()
    for error in await ends.next(5) { assertIs(error, .stopped, execution: .notExecuted) }
    XCTAssertEqual(pair.client.undeliverableMessages, 5)
    XCTAssertEqual(level(of: pair.a), 0)
  }

  // MARK: Time

  func testHeldAsksTimeOutAndTheRestKeepsItsOrder() async throws {
    let pair = try await makePair()
    try await pair.pause("a")
    let ends = Results<RPCError?>("the end of an ask")
    for number: UInt8 in 0..<4 {
      try pair.a.send(bytes: [number])
      pair.a.ask(Say(text: ""), timeout: .milliseconds(10 * Int(number))) { ends.add($0.error) }
    }
    for error in await ends.next(4) { assertIs(error, .timeout, execution: .notExecuted) }
    await eventually("they are not counted any more") { level(of: pair.a) == 4 }
    try pair.peer.send(RawFrame.resume("a"))
    try await assertReceives(pair.peer, "a", [0, 1, 2, 3])
    pair.peer.reset()
  }

  func testHeldAskThatIsGivenUpIsNotSent() async throws {
    let pair = try await makePair()
    try await pair.pause("a")
    let ends = Results<RPCError?>("the end of an ask")
    let handle = pair.a.ask(Say(text: "")) { ends.add($0.error) }
    try pair.a.send(bytes: [1])
    handle.cancel()
    XCTAssertEqual(ends.values.count, 1)
    try pair.peer.send(RawFrame.resume("a"))
    try await assertReceives(pair.peer, "a", [1])
    await eventually("nothing is counted") { level(of: pair.a) == 0 }
    pair.peer.reset()
  }

  // MARK: The way back to a peer that does not listen

  func testBoundOutboxIsPausedAndEndsWithItsConnection() async throws {
    var configuration = RPCConfiguration()
    configuration.maximumOutboxMessages = 5
    let server = try await makeServer(configuration)
    let refs = Results<RPCEndpointRef>("a reference")
    try server.register("keeper", ReferenceKeeper(refs))
    let (peer, id) = (try RawSocket(port: server.port), RPCEnvID.random())
    try await peer.introduce(as: id)
    let mine = RPCEndpointRef(
      name: "mine", address: nil, target: .unreachable(.envStopped), env: server, owner: id)
    try peer.send(RawFrame.oneWay(to: "keeper", RawFrame.typed(SentReference(ref: mine))))
    let ref = await refs.next()[0]
    try ref.send(bytes: [0])
    try await assertReceives(peer, "mine", [0])

    try peer.send(RawFrame.pause("mine") + RawFrame.request(1, to: "missing", [1]))
    _ = try await peer.next()
    for number: UInt8 in 1...5 { try ref.send(bytes: [number]) }
    await assertThrows(.full, execution: .notExecuted) { try ref.send(bytes: [6]) }
    let waiting = Task { try await ref.send(bytes: [6], waitingAtMost: .seconds(600)) }
    let asked = Results<RPCError?>("the end of an ask")
    ref.ask(Say(text: "")) { asked.add($0.error) }
    for error in await asked.next() { assertIs(error, .full) }
    peer.reset()
    await assertThrows(.connectionLost, execution: .notExecuted) { try await waiting.value }
    await eventually("each loss is counted") { server.undeliverableMessages == 5 }
    await assertThrows(.connectionLost, execution: .notExecuted) { try ref.send(bytes: [7]) }
    XCTAssertEqual(level(of: ref), 0)
    refs.clear()
  }
}
