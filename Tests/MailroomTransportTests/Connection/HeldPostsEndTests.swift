import MailroomQueue
import TestSupport
import XCTest

@testable import MailroomTransport

/// Messages that were held for lack of room, and whose connection fails, ends or is closed while they are being sent.
///
/// The gate is shut and opened by the test, so that it is known what is held, and which write fails.
final class HeldPostsEndTests: TransportTestCase {
  /// What a connection holds, in the order posted.
  private struct Held {
    let log: ConnectionLog
    let client: TransportClient
    let peer: RawSocket
    var requests: [Reply] = []
    var oneWays = 0
    var answers = 0

    /// The connection, on its loop only.
    var connection: Connection? { client.connection }
  }

  /// A connection without room, whose requests leave in parts once it has some.
  private func makeShut(_ configuration: TransportConfiguration = .quickClose) throws -> Held {
    let log = ServiceLog()
    let (client, peer) = try makeRawPair(log, configuration: configuration)
    let held = Held(log: try XCTUnwrap(log.connection()), client: client, peer: peer)
    try onLoop(client.loop) {
      let connection = try XCTUnwrap(client.connection)
      connection.earlyWrite.value = EarlyWrite(EarlyWriteTrial(isOn: true))
      XCTAssertEqual(connection.writeGate.note(pendingBytes: .max), .filled)
      client.didChangeWritability(false)
    }
    return held
  }

  /// Posts `count` requests of a size, each with a one-way message and an answer behind it.
  private func post(_ count: Int, _ held: inout Held, size: Int = 4) throws {
    for number in held.requests.count..<held.requests.count + count {
      let body = Int32(number).wireBytes + [UInt8](repeating: 0, count: size - 4)
      held.requests.append(try held.client.ask(body, name: "the end of request \(number)"))
      try held.client.tell(body)
      try held.client.respond(Int64(number)) { $0.append(UInt8(7)) }
      held.oneWays += 1
      held.answers += 1
    }
    let client = held.client
    try onLoop(client.loop) {}
    XCTAssertEqual(client.gauge.level.messages, 3 * held.requests.count, "all are held")
  }

  /// Makes room; the held messages leave during the call.
  ///
  /// On the loop.
  private static func makeRoom(_ connection: Connection) {
    connection.noteLevel()
    XCTAssertTrue(connection.isWritable)
    connection.tellRoom()
  }

  /// Checks that all ended as those of a connection that was lost, once, and that nothing is counted any more.
  private func expectLost(_ held: Held, line: UInt = #line) {
    XCTAssertEqual(held.log.end(line: line)?.reason, .connectionClosed, line: line)
    for request in held.requests {
      XCTAssertEqual(request.outcome(line: line)?.reason, .connectionClosed, line: line)
      XCTAssertEqual(request.outcomes.count, 1, line: line)
    }
    expectNothingCounted(held, line: line)
    XCTAssertEqual(held.client.droppedOneWays, held.oneWays, line: line)
    XCTAssertEqual(held.client.droppedMessages, held.oneWays + held.answers, line: line)
    XCTAssertEqual(held.log.ends.value.count, 1, line: line)
  }

  /// Checks that those who wait for room are told, and that nothing is counted any more.
  private func expectNothingCounted(_ held: Held, line: UInt = #line) {
    let room = Signal("those who wait for room")
    held.client.waitForRoom { room.fire() }
    room.wait(line: line)
    waitUntil("everything to be counted out", line: line) { held.client.gauge.level.messages == 0 }
    XCTAssertEqual(held.client.gauge.level.bytes, 0, line: line)
  }

  /// Receives all that comes to the end; returns the numbers of the requests, one-way messages and answers that came whole.
  private func receiveAll(_ peer: RawSocket) throws -> (requests: [Int], oneWays: [Int], answers: [Int]) {
    let bytes = try peer.receiveToEnd().bytes
    var numbers: (requests: [Int], oneWays: [Int], answers: [Int]) = ([], [], [])
    func number(_ body: some Collection<UInt8>) -> Int { body.prefix(4).reduce(0) { $0 << 8 | Int($1) } }
    var rest = bytes[...]
    while rest.count >= 8 {
      let length = rest.prefix(8).reduce(0) { $0 << 8 | Int($1) }
      guard length <= rest.count else { break }
      switch try ReadMessage(payload: Array(rest.prefix(length).dropFirst(8))) {
      case .rpcRequest(_, let body): numbers.requests.append(number(body))
      case .oneWay(let body): numbers.oneWays.append(number(body))
      case .rpcResponse(let id, _): numbers.answers.append(Int(id))
      default: XCTFail("another message")
      }
      rest = rest.dropFirst(length)
    }
    return numbers
  }

  // MARK: Failed writes

  func testWriteThatFailsInTheMiddleOfHeldRequestsEndsAllOfThemOnce() throws {
    // A write early, and one for much that has collected, of which the rest is sealed behind it.
    for size in [4, 4096] {
      var held = try makeShut()
      try post(200, &held, size: size)
      let (client, peer, requests) = (held.client, held.peer, held.requests)
      try onLoop(client.loop) {
        let connection = try XCTUnwrap(client.connection)
        peer.reset()
        Self.makeRoom(connection)
        XCTAssertNotNil(connection.untoldError, "a write has failed by now")
        XCTAssertFalse(client.isActive)
        XCTAssertFalse(client.takesMessage(of: 1), "what can go elsewhere is not taken")
        XCTAssertEqual(requests.flatMap(\.outcomes), [], "nobody is told meanwhile")
        XCTAssertEqual(connection.lifecycle.state, .open)
      }
      expectLost(held)
    }
  }

  func testWhoAsksAgainWhenAHeldRequestFailsIsToldOnceMore() throws {
    let held = try makeShut()
    let (client, peer) = (held.client, held.peer)
    let again = Box<[Reply]>([])
    for _ in 0..<50 {
      try client.sendRPC([1].rawSpan, timeout: .seconds(30)) { _ in
        // On the loop, while the others are still to be told.
        if let reply = try? client.ask("again") { again.append(reply) }
        try? client.tell([1])
        try? client.respond(1) { $0.append(UInt8(1)) }
      }
    }
    try onLoop(client.loop) {}
    XCTAssertEqual(client.gauge.level.messages, 50)
    try onLoop(client.loop) {
      peer.reset()
      Self.makeRoom(try XCTUnwrap(client.connection))
    }
    XCTAssertEqual(held.log.end()?.reason, .connectionClosed)
    XCTAssertEqual(again.value.count, 50)
    for reply in again.value { XCTAssertEqual(reply.outcomes.map(\.reason), [.connectionClosed]) }
    XCTAssertEqual(client.droppedOneWays, 50)
    XCTAssertEqual(client.droppedMessages, 100)
    expectNothingCounted(held)
  }

  // MARK: Ends in the middle

  func testHeldMessagesThatThePeerDoesNotGetWholeAreCounted() throws {
    var configuration = TransportConfiguration.quickClose
    configuration.writeHighWaterMark = 1 << 20
    var held = try makeShut(configuration)
    try post(400, &held, size: 40_000)
    let (client, peer) = (held.client, held.peer)
    try onLoop(client.loop) {
      let connection = try XCTUnwrap(client.connection)
      Self.makeRoom(connection)
      XCTAssertFalse(connection.isWritable, "the peer does not read")
      XCTAssertFalse(connection.posts.isEmpty)
    }
    // For whatever reason; what the system has taken it still delivers.
    try onLoop(client.loop) { client.connection?.fail(TransportError(.protocolViolation, "no reason")) }
    XCTAssertEqual(held.log.end()?.reason, .protocolViolation)
    let numbers = try receiveAll(peer)
    for got in [numbers.requests, numbers.oneWays, numbers.answers] { XCTAssertEqual(got, Array(0..<got.count)) }
    XCTAssertGreaterThan(numbers.oneWays.count, 0)
    XCTAssertEqual(client.droppedOneWays, held.oneWays - numbers.oneWays.count)
    XCTAssertEqual(client.droppedMessages - client.droppedOneWays, held.answers - numbers.answers.count)
    for request in held.requests { XCTAssertEqual(request.outcomes.map(\.reason), [.protocolViolation]) }
    expectNothingCounted(held)
  }

  func testHeldAnswersReachAPeerThatHasEndedItsSide() throws {
    var held = try makeShut()
    try post(100, &held)
    held.peer.endWriting()
    for request in held.requests { XCTAssertEqual(request.outcome()?.reason, .connectionClosed) }
    let numbers = try receiveAll(held.peer)
    XCTAssertEqual(numbers.answers, Array(0..<100))
    XCTAssertEqual(numbers.requests + numbers.oneWays, [], "nobody serves them")
    XCTAssertNil(held.log.end())
    XCTAssertEqual(held.client.droppedMessages, 100)
    XCTAssertEqual(held.client.droppedOneWays, 100)
    for request in held.requests { XCTAssertEqual(request.outcomes.count, 1) }
    expectNothingCounted(held)
  }

  func testObserverThatClosesTheConnectionWhenThereIsRoomHasTheHeldOnesSentBefore() throws {
    for closesFirst in [false, true] {
      var held = try makeShut()
      try post(100, &held)
      let client = held.client
      try onLoop(client.loop) {
        let connection = try XCTUnwrap(client.connection)
        client.observe(Closer())
        connection.observerIsFirst = !closesFirst
        Self.makeRoom(connection)
        XCTAssertTrue(connection.posts.isEmpty)
      }
      let numbers = try receiveAll(held.peer)
      XCTAssertEqual(numbers.requests, Array(0..<100))
      XCTAssertEqual(numbers.oneWays, Array(0..<100))
      XCTAssertEqual(numbers.answers, Array(0..<100))
      held.peer.close()
      XCTAssertNil(held.log.end())
      XCTAssertEqual(client.droppedMessages, 0)
      for request in held.requests { XCTAssertEqual(request.outcomes.map(\.reason), [.connectionClosed]) }
      expectNothingCounted(held)
    }
  }

  /// Closes the connection once there is room.
  private final class Closer: TransportClientObserver {
    func clientDidBecomeWritable(_ client: TransportClient) { client.close() }
    func clientDidClose(_ client: TransportClient) {}
  }
}
