import MailroomQueue
import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// What an outbox counts, whom it tells what was lost, and how it leaves a peer alone.
final class OutboxBoundsTests: EnvironmentTestCase {
  private func assertNothingIsCounted(_ sender: Sender, file: StaticString = #filePath, line: UInt = #line) async {
    await eventually("nothing is counted", file: file, line: line) {
      sender.route.gauge.level.messages == 0 && sender.route.gauge.level.bytes == 0
    }
  }

  // MARK: Counts

  func testCountsReturnToZeroWhenMessagesAreSent() async throws {
    let listener = try RawListener()
    let sender = try Sender(makeGroup(), port: listener.port)
    let gate = await sender.block()
    for number in 0..<30 {
      if number % 3 == 0 { sender.ask(number, isAbandoned: number % 2 == 0) } else { sender.send(number) }
    }
    XCTAssertEqual(sender.route.gauge.level.messages, 30)
    XCTAssertEqual(sender.route.gauge.level.bytes, 60)
    gate.open()
    let peer = try await listener.accept()
    _ = try await sender.numbers(25, at: peer)
    await assertNothingIsCounted(sender)
    XCTAssertEqual(sender.lost.value, [])
    peer.reset()
    await sender.end()
  }

  func testCountsReturnToZeroWhenConnectingFailsAndEachLossIsToldOnce() async throws {
    let sender = try Sender(makeGroup(), port: try RawListener.closedPort())
    for round in 1...3 {
      let gate = await sender.block()
      for number in 0..<10 { if number % 2 == 0 { sender.ask(number) } else { sender.send(number) } }
      gate.open()
      for end in await sender.ends.next(5) { end.assertIs(.connectFailed, isNotSent: true) }
      await assertNothingIsCounted(sender)
      await eventually("all losses are told") { sender.lost.value.count == 5 * round }
      XCTAssertEqual(sender.lost.value, Array(repeating: .connectFailed, count: 5 * round))
      XCTAssertEqual(sender.ends.values.count, 5 * round)
    }
    await sender.end()
  }

  func testCountsReturnToZeroWhenAsksExpire() async throws {
    let listener = try RawListener(backlog: 0)
    let filler = try RawSocket(port: listener.port)
    let sender = try Sender(makeGroup(), port: listener.port)
    for number in 0..<10 { sender.ask(number, in: .milliseconds(number)) }
    for end in await sender.ends.next(10) { end.assertIs(.timeout, isNotSent: true) }
    await assertNothingIsCounted(sender)
    filler.reset()
    await sender.end()
  }

  func testCountsReturnToZeroAtTheEndAndWhoWaitsForRoomIsCalled() async throws {
    let listener = try RawListener()
    let sender = try Sender(makeGroup(), port: listener.port, marks: FlowMarks(messages: 5, bytes: 1 << 20))
    let gate = await sender.block()
    for number in 0..<5 { XCTAssertTrue(sender.send(number)) }
    XCTAssertFalse(sender.send(5), "it is full")
    let room = Signal("a wait for room")
    sender.route.gauge.wait { room.fire() }
    sender.outbox.stop()
    gate.open()
    await room.comes()
    await assertNothingIsCounted(sender)
    await eventually("all losses are told") { sender.lost.value.count == 5 }
    XCTAssertEqual(sender.lost.value, Array(repeating: .stopped, count: 5))
    // And what comes later is told at once, once.
    for number in 0..<3 { sender.send(number) }
    XCTAssertEqual(sender.lost.value, Array(repeating: .stopped, count: 8))
    await assertNothingIsCounted(sender)
    assertIs(sender.outbox.refusal, .stopped, execution: .notExecuted)
    await sender.end()
  }

  func testMessagesThatComeAfterTheLoopHasEndedAreToldOnce() async throws {
    let listener = try RawListener()
    let sender = try Sender(makeGroup(), port: listener.port)
    await sender.end()
    for number in 0..<5 { sender.send(number) }
    XCTAssertEqual(sender.lost.value, Array(repeating: .stopped, count: 5))
    await assertNothingIsCounted(sender)
  }

  // MARK: A peer that is left alone

  func testPeerIsLeftAloneAfterAFailedAttempt() async throws {
    let sender = try Sender(makeGroup(), port: try RawListener.closedPort(), backoff: .seconds(3600))
    XCTAssertNil(sender.outbox.refusal)
    sender.ask(0)
    let first = await sender.ends.next()
    first[0].assertIs(.connectFailed, isNotSent: true)
    assertIs(sender.outbox.refusal, .connectFailed, execution: .notExecuted)
    // Who had passed the check already fails as well, and no attempt is made.
    for number in 1..<10 { if number % 2 == 0 { sender.ask(number) } else { sender.send(number) } }
    for end in await sender.ends.next(4) { end.assertIs(.connectFailed, isNotSent: true) }
    await eventually("all losses are told") { sender.lost.value.count == 5 }
    XCTAssertEqual(sender.attempts.value, 1)
    await assertNothingIsCounted(sender)
    await sender.end()
  }

  func testWhatIsPostedWhileOthersFailDoesNotStayBehind() async throws {
    let sender = try Sender(makeGroup(), port: try RawListener.closedPort(), backoff: .seconds(3600))
    sender.ask(0)
    _ = await sender.ends.next()
    // Each is posted while the outbox fails the one before it, and is awake.
    sender.onEnd = { number, again in
      if number < 10 { again(number + 1) }
      sender.send(100)
    }
    sender.ask(1)
    for end in await sender.ends.next(10) { end.assertIs(.connectFailed, isNotSent: true) }
    await eventually("all losses are told") { sender.lost.value.count == 10 }
    await assertNothingIsCounted(sender)
    sender.onEnd = { _, _ in }
    await sender.end()
  }

  func testPeerIsConnectedToAgainAfterThePause() async throws {
    let port = try RawListener.closedPort()
    let sender = try Sender(makeGroup(), port: port, backoff: .milliseconds(50))
    sender.ask(0)
    _ = await sender.ends.next()
    let listener = try RawListener(port: port)
    await eventually("the pause is over") { sender.outbox.refusal == nil }
    sender.ask(1)
    let peer = try await listener.accept()
    let numbers = try await sender.numbers(1, at: peer)
    XCTAssertEqual(numbers, [1])
    XCTAssertEqual(sender.attempts.value, 2)
    peer.reset()
    _ = await sender.ends.next()
    XCTAssertNil(sender.outbox.refusal, "a connection that is lost is no failed attempt")
    await sender.end()
  }

  func testEnvironmentRefusesAtOnceWhileThePeerIsLeftAlone() async throws {
    var configuration = RPCConfiguration()
    configuration.reconnectDelay = .seconds(3600)
    configuration.maximumReconnectDelay = .seconds(3600)
    let client = try await makeClient(configuration)
    let address = try RPCAddress(host: "127.0.0.1", port: try RawListener.closedPort())
    let ref = try client.remoteRef(name: "a", address: address)
    await assertThrows(.connectFailed, execution: .notExecuted) { try await ref.ask(Say(text: "")) }
    let error = await assertThrows(.connectFailed, execution: .notExecuted) { try ref.send(Note(text: "")) }
    XCTAssertTrue(error?.message.contains("left alone") ?? false, error?.message ?? "")
    await assertThrows(.connectFailed, execution: .notExecuted) { try await client.endpointRef("rpc://b@\(address)") }
    await assertThrows(.connectFailed) { try await ref.send(Note(text: ""), waitingAtMost: .seconds(60)) }
    XCTAssertEqual(client.undeliverableMessages, 0, "who was told did not lose anything unawares")
  }

  // MARK: A connection without room

  /// A sender whose connection has no room, for its peer does not read.
  private func makeStuck(_ listener: RawListener, backoff: Duration = .zero) async throws -> (Sender, RawSocket, Int) {
    var configuration = TransportConfiguration()
    configuration.writeHighWaterMark = 256 * 1024
    configuration.writeLowWaterMark = 64 * 1024
    let sender = try Sender(makeGroup(), port: listener.port, configuration, backoff: backoff)
    sender.send(0)
    let peer = try await listener.accept()
    _ = try await sender.numbers(1, at: peer)
    // More than the buffers of both sockets take.
    let count = 400
    for number in 1...count { sender.send(number, size: 64 * 1024) }
    await eventually("the connection has no room") { Self.isStuck(sender) }
    return (sender, peer, count)
  }

  private static func isStuck(_ sender: Sender) -> Bool {
    let before = sender.route.gauge.level
    let looked = Signal("a look at the outbox")
    let isFull = Box(false)
    sender.loop.execute {
      isFull.update { $0 = sender.outbox.directClient(for: sender.route) == nil }
      looked.fire()
    }
    looked.wait()
    return isFull.value && sender.route.gauge.level == before && before.messages > 0
  }

  func testAsksTimeOutWhileTheConnectionHasNoRoom() async throws {
    let (sender, peer, _) = try await makeStuck(RawListener())
    for number in 0..<3 { sender.ask(number, in: .milliseconds(20)) }
    for end in await sender.ends.next(3) { end.assertIs(.timeout, isNotSent: true) }
    // Also when some wait already.
    let before = sender.route.gauge.level.messages
    sender.ask(10, in: .seconds(600))
    sender.ask(11, in: .milliseconds(1))
    let ends = await sender.ends.next()
    XCTAssertEqual(ends.last?.number, 11)
    XCTAssertEqual(sender.route.gauge.level.messages, before + 1, "10 still waits")
    peer.reset()
    await sender.end()
  }

  func testWhatWasNotHandedToAConnectionSurvivesItsLossInOrder() async throws {
    let listener = try RawListener()
    let (sender, first, count) = try await makeStuck(listener)
    first.reset()
    let second = try await listener.accept()
    let begin = try await sender.numbers(1, at: second)[0]
    XCTAssertGreaterThan(begin, 1)
    let rest = try await sender.numbers(count - begin, at: second)
    XCTAssertEqual(rest, Array(begin + 1...count))
    await assertNothingIsCounted(sender)
    XCTAssertEqual(sender.lost.value, [], "what the first connection was handed is its loss")
    sender.send(count + 1)
    let next = try await sender.numbers(1, at: second)
    XCTAssertEqual(next, [count + 1])
    second.reset()
    await sender.end()
  }

  // MARK: The loop's own messages

  func testMessagesOfTheLoopDoNotOvertakeWhatWaitedForTheConnection() async throws {
    let listener = try RawListener()
    let sender = try Sender(makeGroup(), port: listener.port)
    // More than the loop sends in one go.
    let count = 10_000
    let hasClient = Results<Bool>("the loop's turn")
    sender.onConnected.update {
      $0 = {
        let client = sender.outbox.directClient(for: sender.route)
        hasClient.add(client != nil)
        guard let client else { return _ = sender.send(count) }
        try? client.send([UInt8(count >> 8), UInt8(count & 0xFF)].rawSpan)
      }
    }
    let gate = await sender.block()
    for number in 0..<count { sender.send(number) }
    gate.open()
    let peer = try await listener.accept()
    let numbers = try await offPool { try sender.numbersBlocking(count + 1, at: peer) }
    XCTAssertEqual(numbers.last, count)
    XCTAssertNil(numbers.indices.first { numbers[$0] != $0 }, "the first number that is not in its place")
    _ = await hasClient.next()
    sender.onConnected.update { $0 = {} }
    peer.reset()
    await sender.end()
  }
}
