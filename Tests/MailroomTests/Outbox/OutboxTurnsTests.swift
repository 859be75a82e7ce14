import MailroomQueue
import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// Messages that were held back for endpoints that had asked for a pause, beside messages to others.
final class OutboxTurnsTests: EnvironmentTestCase {
  func testWhatWasHeldBackTakesTurnsWithMessagesToOthers() async throws {
    let listener = try RawListener()
    let sender = try Sender(makeGroup(), port: listener.port)
    let other = try sender.outbox.route(to: "other") { [] }
    sender.send(0)
    let peer = try await listener.accept()
    _ = try await sender.numbers(1, at: peer)
    let isPaused = await sender.onLoop { client in
      sender.outbox.pause("test", on: client)
      return true
    }
    XCTAssertEqual(isPaused, true)
    for number in 1...50 { sender.send(number) }
    sender.send(100, to: other)
    let passing = try await sender.numbers(1, at: peer)
    XCTAssertEqual(passing, [100])
    let gate = await sender.block()
    sender.loop.execute {
      guard let client = sender.outbox.directClient(for: other) else { return XCTFail("no connection") }
      for number in 101...103 { sender.send(number, to: other) }
      sender.outbox.resume("test", on: client)
    }
    gate.open()
    let numbers = try await sender.numbers(53, at: peer)
    XCTAssertEqual(numbers.filter { $0 <= 50 }, (1...50).map { $0 })
    XCTAssertEqual(numbers.filter { $0 > 50 }, [101, 102, 103])
    XCTAssertTrue(numbers.prefix(6).contains(103), "others wait for half of the messages at most: \(numbers)")
    peer.reset()
    await sender.end()
  }

  func testWhatWasHeldBackLeavesALittleInEachTurnOfTheLoop() async throws {
    let listener = try RawListener()
    let sender = try Sender(makeGroup(), port: listener.port)
    sender.send(0)
    let peer = try await listener.accept()
    _ = try await sender.numbers(1, at: peer)
    let client = Box<TransportClient?>(nil)
    _ = await sender.onLoop { connected in
      client.update { $0 = connected }
      sender.outbox.pause("test", on: connected)
    }
    for number in 1...600 { sender.send(number, size: 1024) }
    let left = Results<Int>("the loop's turn")
    sender.loop.execute {
      guard let client = client.value else { return XCTFail("no connection") }
      sender.outbox.resume("test", on: client)
      sender.outbox.pause("test", on: client)
      left.add(sender.route.gauge.level.messages)
      sender.outbox.resume("test", on: client)
    }
    let levels = await left.next()
    XCTAssertGreaterThan(levels[0], 300, "the pause found too few that it could hold back")
    XCTAssertLessThan(levels[0], 600)
    let numbers = try await sender.numbers(600, at: peer)
    XCTAssertEqual(numbers, (1...600).map { $0 })
    peer.reset()
    await sender.end()
  }

  func testWhatWasHeldBackLeavesRoomInTheConnection() async throws {
    let listener = try RawListener()
    let sender = try Sender(makeGroup(), port: listener.port)
    let other = try sender.outbox.route(to: "other") { [] }
    sender.send(0)
    let peer = try await listener.accept()
    _ = try await sender.numbers(1, at: peer)
    _ = await sender.onLoop { client in sender.outbox.pause("test", on: client) }
    // More than all buffers on the way take.
    for number in 1...600 { sender.send(number, size: 64 * 1024) }
    let client = Box<TransportClient?>(nil)
    sender.loop.execute {
      client.update { $0 = sender.outbox.directClient(for: other) }
      if let client = client.value { sender.outbox.resume("test", on: client) }
    }
    await eventually("the socket takes no more") {
      let takes = Box(true)
      let looked = Signal("the loop's turn")
      sender.loop.execute {
        takes.update { $0 = client.value?.takesBulk ?? true }
        looked.fire()
      }
      looked.wait()
      return !takes.value
    }
    XCTAssertEqual(client.value?.isWritable, true, "the lane has filled the connection")
    sender.send(1000, to: other)
    let numbers = try await sender.numbers(601, at: peer)
    XCTAssertEqual(numbers.filter { $0 != 1000 }, (1...600).map { $0 })
    XCTAssertNotEqual(numbers.last, 1000, "it came behind everything that was held back")
    peer.reset()
    await sender.end()
  }
}
