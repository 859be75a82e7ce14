import MailroomQueue
import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// An outbox on an event loop of its own, whose peer is a raw socket.
final class OutboxTests: EnvironmentTestCase {
  // MARK: Waiting for a connection

  func testWhatWaitsForTheConnectionLeavesInOrder() async throws {
    let listener = try RawListener()
    let sender = try Sender(makeGroup(), port: listener.port)
    let gate = await sender.block()
    for number in 0..<100 {
      if number % 3 == 0 { sender.ask(number) } else { sender.send(number) }
    }
    gate.open()
    let peer = try await listener.accept()
    let first = try await sender.numbers(100, at: peer)
    XCTAssertEqual(first, (0..<100).map { $0 })
    // And so does what comes when it is there.
    for number in 100..<200 {
      if number % 3 == 0 { sender.ask(number) } else { sender.send(number) }
    }
    let second = try await sender.numbers(100, at: peer)
    XCTAssertEqual(second, (100..<200).map { $0 })
    peer.reset()
    await sender.end()
  }

  func testMessagesOfManyThreadsKeepEachThreadsOrder() async throws {
    let listener = try RawListener()
    let sender = try Sender(makeGroup(), port: listener.port)
    try await fromThreads(5) { thread in
      for number in 0..<50 {
        if number % 2 == 0 { sender.ask(thread * 50 + number) } else { sender.send(thread * 50 + number) }
      }
    }
    let peer = try await listener.accept()
    let numbers = try await sender.numbers(250, at: peer)
    for thread in 0..<5 {
      XCTAssertEqual(numbers.filter { $0 / 50 == thread }, (0..<50).map { thread * 50 + $0 })
    }
    peer.reset()
    await sender.end()
  }

  func testWhatIsBehindAWriteThatFailsGoesToTheNextConnection() async throws {
    let listener = try RawListener()
    let sender = try Sender(makeGroup(), port: listener.port)
    sender.send(0)
    let peer = try await listener.accept()
    let first = try await sender.numbers(1, at: peer)
    XCTAssertEqual(first, [0])
    let gate = await sender.block()
    // The loop has more to write than it collects before it writes, and finds that the peer is gone.
    peer.reset()
    for number in 1...100 { sender.send(number, size: 16 * 1024) }
    gate.open()
    let next = try await listener.accept()
    let number = try await sender.numbers(1, at: next)[0]
    XCTAssertLessThanOrEqual(number, 1 + 256 / 16)
    let rest = try await sender.numbers(100 - number, at: next)
    XCTAssertEqual(rest, Array(number..<100).map { $0 + 1 })
    next.reset()
    await sender.end()
  }

  func testAllFailTogetherWhenConnectingFails() async throws {
    let sender = try Sender(makeGroup(), port: try RawListener.closedPort())
    let gate = await sender.block()
    for number in 0..<20 {
      if number % 2 == 0 { sender.ask(number) } else { sender.send(number) }
    }
    gate.open()
    let ends = await sender.ends.next(10)
    XCTAssertEqual(ends.map(\.number), stride(from: 0, to: 20, by: 2).map { $0 })
    for end in ends { end.assertIs(.connectFailed, isNotSent: true) }

    // The next message makes an attempt of its own.
    sender.ask(20)
    let last = await sender.ends.next()
    last[10].assertIs(.connectFailed, isNotSent: true)
    XCTAssertEqual(last.count, 11)
    await sender.end()
  }

  func testFailedAskerThatAsksAgainGetsANewAttempt() async throws {
    let port = try RawListener.closedPort()
    let sender = try Sender(makeGroup(), port: port)
    let listeners = Box<[RawListener]>([])
    sender.onEnd = { number, again in
      guard number == 0, let listener = try? RawListener(port: port) else { return }
      listeners.append(listener)
      again(1)
    }
    sender.ask(0)
    let ends = await sender.ends.next()
    ends[0].assertIs(.connectFailed, isNotSent: true)
    let listener = try XCTUnwrap(listeners.value.first, "somebody else took the port")
    let peer = try await listener.accept()
    let numbers = try await sender.numbers(1, at: peer)
    XCTAssertEqual(numbers, [1])
    peer.reset()
    await sender.end()
  }

  func testX8AskThatWasGivenUpBeforeTheConnectionIsNotSent() async throws {
    let listener = try RawListener()
    let sender = try Sender(makeGroup(), port: listener.port)
    let gate = await sender.block()
    sender.ask(0, isAbandoned: true)
    sender.ask(1)
    sender.ask(2, isAbandoned: true)
    sender.send(3)
    gate.open()
    let peer = try await listener.accept()
    let numbers = try await sender.numbers(2, at: peer)
    XCTAssertEqual(numbers, [1, 3])
    XCTAssertEqual(sender.ends.values.count, 0)
    peer.reset()
    await sender.end()
  }

  func testX8AskWhoseDeadlinePassedBeforeTheConnectionIsNotSent() async throws {
    let listener = try RawListener()
    let sender = try Sender(makeGroup(), port: listener.port)
    let gate = await sender.block()
    sender.ask(0, in: .zero)
    sender.ask(1)
    sender.ask(2, in: .nanoseconds(1))
    sender.send(3)
    gate.open()
    let ends = await sender.ends.next(2)
    XCTAssertEqual(ends.map(\.number), [0, 2])
    for end in ends { end.assertIs(.timeout, isNotSent: true) }
    let peer = try await listener.accept()
    let numbers = try await sender.numbers(2, at: peer)
    XCTAssertEqual(numbers, [1, 3])
    peer.reset()
    await sender.end()
  }

  func testX8AsksTimeOutWhileConnectingHangs() async throws {
    // Whoever comes when the backlog is full is not answered until somebody is accepted.
    let listener = try RawListener(backlog: 0)
    let filler = try RawSocket(port: listener.port)
    let sender = try Sender(makeGroup(), port: listener.port)
    sender.send(0)
    sender.ask(1, in: .milliseconds(30))
    sender.ask(2)
    sender.ask(3, in: .milliseconds(10))
    sender.send(4)
    let ends = await sender.ends.next(2)
    XCTAssertEqual(Set(ends.map(\.number)), [1, 3])
    for end in ends { end.assertIs(.timeout, isNotSent: true) }
    sender.ask(5, in: .milliseconds(1))
    sender.send(6)
    let third = await sender.ends.next()
    XCTAssertEqual(third.last?.number, 5)
    // Now there is room, and the attempt that hung succeeds.
    _ = try await listener.accept()
    let peer = try await listener.accept()
    let numbers = try await sender.numbers(4, at: peer)
    XCTAssertEqual(numbers, [0, 2, 4, 6])
    filler.reset()
    peer.reset()
    await sender.end()
  }

  func testConnectingTimesOut() async throws {
    let listener = try RawListener(backlog: 0)
    let filler = try RawSocket(port: listener.port)
    var configuration = TransportConfiguration()
    configuration.connectTimeout = .milliseconds(20)
    let sender = try Sender(makeGroup(), port: listener.port, configuration)
    sender.ask(0)
    sender.ask(1)
    for end in await sender.ends.next(2) { end.assertIs(.connectFailed, isNotSent: true) }
    filler.reset()
    await sender.end()
  }

  // MARK: A connection that ends

  func testOutstandingAsksFailOnceWhenTheConnectionIsLostAndTheNextConnects() async throws {
    let listener = try RawListener()
    let sender = try Sender(makeGroup(), port: listener.port)
    for number in 0..<50 { sender.ask(number) }
    var peer = try await listener.accept()
    _ = try await sender.numbers(50, at: peer)
    for round in 1..<4 {
      peer.reset()
      let ends = await sender.ends.next(50)
      XCTAssertEqual(Set(ends.suffix(50).map(\.number)), Set(0..<50))
      for end in ends.suffix(50) { end.assertIs(.connectionClosed, isNotSent: false) }
      for number in 0..<50 { sender.ask(number) }
      peer = try await listener.accept()
      let again = try await sender.numbers(50, at: peer)
      XCTAssertEqual(again, (0..<50).map { $0 })
      XCTAssertEqual(sender.ends.values.count, 50 * round)
    }
    peer.reset()
    await sender.end()
  }

  func testWhatIsPostedWhenAsksFailWithTheirConnectionIsSentOnTheNext() async throws {
    let listener = try RawListener()
    let sender = try Sender(makeGroup(), port: listener.port)
    sender.onEnd = { number, again in if number < 10 { again(number + 10) } }
    for number in 0..<10 { sender.ask(number) }
    let first = try await listener.accept()
    _ = try await sender.numbers(10, at: first)
    first.reset()
    let ends = await sender.ends.next(10)
    for end in ends { end.assertIs(.connectionClosed, isNotSent: false) }
    let second = try await listener.accept()
    let numbers = try await sender.numbers(10, at: second)
    XCTAssertEqual(Set(numbers), Set(10..<20))
    XCTAssertEqual(sender.ends.values.count, 10, "no ask that came later failed with the old connection")
    second.reset()
    await sender.end()
  }

  func testConnectionThatThePeerEndsInOrderIsReplaced() async throws {
    let listener = try RawListener()
    let sender = try Sender(makeGroup(), port: listener.port)
    for round in 0..<5 {
      sender.ask(round)
      let peer = try await listener.accept()
      let numbers = try await sender.numbers(1, at: peer)
      XCTAssertEqual(numbers, [round])
      peer.finish()
      let ends = await sender.ends.next()
      ends[round].assertIs(.connectionClosed, isNotSent: false)
    }
    await sender.end()
  }

  // MARK: The end

  func testStopFailsWhatIsQueuedAndWhatComesLater() async throws {
    let listener = try RawListener(backlog: 0)
    let filler = try RawSocket(port: listener.port)
    let sender = try Sender(makeGroup(), port: listener.port)
    for number in 0..<10 { sender.ask(number) }
    sender.send(10)
    // It is connecting, which hangs.
    sender.outbox.stop()
    for end in await sender.ends.next(10) { end.assertIs(.stopped, isNotSent: true) }
    for number in 10..<20 { sender.ask(number) }
    for end in await sender.ends.next(10) { end.assertIs(.stopped, isNotSent: true) }
    sender.outbox.stop()
    filler.reset()
    await sender.end()
  }

  func testAskThatIsPostedWhenTheEndFailsAnotherFailsToo() async throws {
    let listener = try RawListener()
    let sender = try Sender(makeGroup(), port: listener.port)
    sender.onEnd = { number, again in if number < 40 { again(number + 10) } }
    let gate = await sender.block()
    for number in 0..<10 { sender.ask(number) }
    sender.outbox.stop()
    for number in 100..<110 { sender.ask(number) }
    gate.open()
    // Each of the first ten asks four times again.
    for end in await sender.ends.next(60) { end.assertIs(.stopped, isNotSent: true) }
    await sender.end()
    XCTAssertEqual(sender.ends.values.count, 60)
  }

  func testAsksThatComeAfterTheLoopHasEndedAllFail() async throws {
    for isStopped in [true, false] {
      let listener = try RawListener()
      let sender = try Sender(makeGroup(), port: listener.port)
      if isStopped { sender.outbox.stop() }
      await sender.end()
      for number in 0..<5 { sender.ask(number) }
      for end in await sender.ends.next(5) { end.assertIs(.stopped, isNotSent: true) }
    }
  }

  func testConnectionThatComesUpAfterTheStopIsClosed() async throws {
    let listener = try RawListener()
    let sender = try Sender(makeGroup(), port: listener.port)
    let gate = await sender.block()
    sender.ask(0)
    // Behind the first message's attempt to connect, and before its success.
    sender.loop.execute { sender.outbox.stop() }
    gate.open()
    let ends = await sender.ends.next()
    ends[0].assertIs(.stopped, isNotSent: true)
    await sender.end()
  }

  // MARK: On the loop

  func testMessagesOfTheLoopOvertakeNothing() async throws {
    let listener = try RawListener()
    let sender = try Sender(makeGroup(), port: listener.port)
    sender.send(0)
    let peer = try await listener.accept()
    _ = try await sender.numbers(1, at: peer)
    let gate = await sender.block()
    // These are in the queue when the loop itself sends.
    for number in 1...5 { sender.send(number) }
    let hasClient = Results<Bool>("the loop's turn")
    sender.loop.execute {
      let client = sender.outbox.directClient(for: sender.route)
      hasClient.add(client != nil)
      let six: [UInt8] = [0, 6]
      try? client?.send(six.rawSpan)
    }
    XCTAssertNil(sender.outbox.directClient(for: sender.route), "only the loop may")
    gate.open()
    let direct = await hasClient.next()
    XCTAssertEqual(direct, [true])
    let numbers = try await sender.numbers(6, at: peer)
    XCTAssertEqual(numbers, [1, 2, 3, 4, 5, 6])
    peer.reset()
    await sender.end()
  }
}
