import Foundation
import MailroomQueue
import TestSupport
import XCTest

@testable import MailroomTransport

/// What a connection does with a peer that does not read, and with one that asks too much.
final class ConnectionBackPressureTests: TransportTestCase {
  private static let high = 64 * 1024
  private static let size = 32 * 1024

  private static var narrow: TransportConfiguration {
    var configuration = TransportConfiguration()
    configuration.writeHighWaterMark = high
    configuration.writeLowWaterMark = high / 4
    return configuration
  }

  /// The body of the message with this number.
  private static func body(_ number: Int, size: Int = size) -> [UInt8] {
    Int32(number).wireBytes + [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: size - 4)
  }

  /// Sends one-way messages until the connection takes no more for good, from `first` on; says how many there are then.
  private func fill(_ client: TransportClient, from first: Int = 0) throws -> Int {
    var count = first
    while true {
      count = try onLoop(client.loop) { [count] in
        var count = count
        while true {
          do throws(TransportError) {
            try client.tell(Self.body(count))
          } catch {
            XCTAssertEqual(error.reason, .full)
            XCTAssertTrue(error.isNotSent)
            return count
          }
          count += 1
        }
      }
      // The system may find more room in its own buffers.
      for _ in 0..<50 { try onLoop(client.loop) {} }
      if !client.isWritable { return count }
    }
  }

  private func expectMessages(_ numbers: Range<Int>, _ peer: RawSocket, line: UInt = #line) throws {
    for number in numbers {
      guard case .oneWay(let body) = try peer.receiveMessage() else { return XCTFail("another message", line: line) }
      if body != Self.body(number) { return XCTFail("not message \(number): \(body.prefix(4))", line: line) }
    }
  }

  private func pendingBytes(_ client: TransportClient) throws -> Int {
    try onLoop(client.loop) { client.connection?.out.value.pendingBytes ?? 0 }
  }

  private func isReading(_ client: TransportClient) throws -> Bool {
    try onLoop(client.loop) { client.connection?.isReading ?? false }
  }

  // MARK: Peers that do not read

  func testPeerThatAsksAndNeverReadsIsReadNoFurther() throws {
    let service = ServiceLog()
    let server = try makeServer(makeGroup(), service, configuration: Self.narrow)
    let peer = try RawSocket.connect(port: server.port)
    let count = 2000
    try peer.send((0..<count).flatMap { [UInt8].request(id: Int64($0), Array("size/\(Self.size)".utf8)) })
    let log = try XCTUnwrap(service.connection())
    waitUntil("the connection to be full") { !log.client.isWritable }
    var served = 0
    waitUntil("requests to be served no more") {
      let before = served
      for _ in 0..<50 { try? onLoop(log.client.loop) {} }
      served = log.events.value.count { $0 == "request" }
      return served == before && served > 0
    }
    XCTAssertLessThan(served, count)
    XCTAssertFalse(try isReading(log.client))
    XCTAssertLessThan(try pendingBytes(log.client), Self.high + Self.size + FrameFormat.rpcOverhead)
    for id in 0..<count {
      guard case .rpcResponse(Int64(id), let body) = try peer.receiveMessage(), body.count == Self.size else {
        return XCTFail("no answer \(id)")
      }
    }
    waitUntil("the connection to be writable") { log.client.isWritable }
    XCTAssertEqual(log.client.droppedMessages, 0)
    try peer.send(.request(id: 1, Array("hello/you".utf8)))
    XCTAssertEqual(try peer.receiveMessage(), .rpcResponse(id: 1, body: Array("Hello, you!".utf8)))
    XCTAssertTrue(try isReading(log.client))
  }

  func testPeerThatWasDialledIsReadOnAndGivenUpInTheEnd() throws {
    for isOnLoop in [true, false] {
      let log = ServiceLog { service in
        service.onRequest = { [log = service.log] _, responder in
          let answer = [UInt8](repeating: 1, count: Self.size)
          if isOnLoop { try? responder.succeed(answer.rawSpan) } else { log.held.append(responder) }
          log.holding.fire()
        }
      }
      var configuration = Self.narrow
      configuration.maximumQueuedBytes = Self.high
      let (client, peer) = try makeRawPair(log, configuration: configuration)
      let held = try XCTUnwrap(log.connection())
      let isOver = Flag()
      let ended = Signal("a thread's end")
      Thread.detachNewThread {
        while !isOver.isRaised { try? peer.send(.request(id: 1, [1])) }
        ended.fire()
      }
      if !isOnLoop {
        Thread.detachNewThread {
          while !isOver.isRaised {
            held.holding.wait()
            for responder in held.held.value { try? responder.succeed([UInt8](repeating: 1, count: Self.size).rawSpan) }
            held.held.update { $0 = [] }
          }
          ended.fire()
        }
      }
      let error = held.end()
      isOver.raise()
      held.holding.fire()
      ended.wait(isOnLoop ? 1 : 2)
      peer.close()
      XCTAssertEqual(error?.reason, .connectionClosed)
      XCTAssertEqual(error?.message.contains("does not read the answers"), true, "\(String(describing: error))")
      XCTAssertFalse(client.isActive)
    }
  }

  func testPeerThatWasDialledIsNotGivenUpForWhatIsAboutToBeServed() throws {
    let log = ServiceLog()
    let (client, peer) = try makeRawPair(log, configuration: Self.narrow)
    let end = try XCTUnwrap(log.connection())
    let count = 16 * Self.high / Self.size + 2
    try onLoop(client.loop) {
      let connection = try XCTUnwrap(client.connection)
      client.pauseReading()
      connection.streamDidRead([UInt8].oneWay(Self.body(0)).rawSpan)
      client.resumeReading()
      // The first one waits for the end of the tick, and so the others do.
      for number in 1..<count { connection.streamDidRead([UInt8].oneWay(Self.body(number)).rawSpan) }
      XCTAssertTrue(client.isActive)
    }
    end.noted.wait(count)
    XCTAssertEqual(end.oneWays.value, (0..<count).map { Self.body($0) })
    peer.close()
    XCTAssertNil(end.end())
  }

  func testPeerThatWasDialledGetsItsAnswersInOrderWhenItReadsLate() throws {
    let log = ServiceLog()
    let (client, peer) = try makeRawPair(log, configuration: Self.narrow)
    let question = try client.ask("question")
    let id = try peer.receiveRequest().id
    let count = 2000
    try peer.send((0..<count).flatMap { [UInt8].request(id: Int64($0), Array("size/\(Self.size)".utf8)) })
    waitUntil("the connection to be full") { !client.isWritable }
    // An answer comes through though requests before it do not.
    try peer.send(.oneWay([7]) + .answer(id: id, [1]))
    XCTAssertEqual(question.outcome(), .success([1]))
    XCTAssertTrue(try isReading(client))
    let end = try XCTUnwrap(log.connection())
    XCTAssertEqual(end.oneWays.value, [], "what came behind the requests is served behind them")
    XCTAssertLessThan(end.events.value.count { $0 == "request" }, count)
    XCTAssertLessThan(try pendingBytes(client), Self.high + Self.size + FrameFormat.rpcOverhead)
    for id in 0..<count {
      guard case .rpcResponse(Int64(id), let body) = try peer.receiveMessage(), body.count == Self.size else {
        return XCTFail("no answer \(id)")
      }
    }
    end.noted.wait()
    XCTAssertEqual(end.oneWays.value, [[7]])
  }

  func testPairThatFloodsItselfBothWaysIsAnswered() throws {
    let service = ServiceLog()
    let client = try makePair(service, configuration: Self.narrow)
    let back = try XCTUnwrap(service.connection()).client
    let replies = try (0..<1000).map { number in
      try (number % 2 == 0 ? back : client).ask("size/\(Self.size)")
    }
    for reply in replies { XCTAssertEqual(reply.outcome()?.body?.count, Self.size) }
    XCTAssertEqual(client.droppedMessages + back.droppedMessages, 0)
  }

  // MARK: Room

  func testQueueOfOtherThreadsIsBoundedAndItsRoomIsTold() throws {
    var configuration = Self.narrow
    configuration.maximumQueuedMessages = 10
    let (client, peer) = try makeRawPair(configuration: configuration)
    var count = try fill(client)
    var refusal: TransportError?
    for _ in 0..<10 { try client.tell(Self.body(count)); count += 1 }
    for send in [{ try client.tell([1]) }, { _ = try client.ask([1]) }] {
      refusal = transportError(send)
      XCTAssertEqual(refusal?.reason, .full)
      XCTAssertEqual(refusal?.isNotSent, true)
    }
    let reply = Reply()
    XCTAssertThrowsError(try client.sendRPC(.receiver(reply), deadline: .distantFuture) { $0.append(UInt8(1)) })
    // Answers are always taken.
    try client.respond(77) { $0.append(UInt8(9)) }
    let room = Signal("room")
    let never = Signal("room that nobody waits for")
    XCTAssertNotNil(client.waitForRoom { room.fire() })
    client.forget(try XCTUnwrap(client.waitForRoom { never.fire() }))
    try expectMessages(0..<count, peer)
    XCTAssertEqual(try peer.receiveMessage(), .rpcResponse(id: 77, body: [9]))
    room.wait()
    try client.tell(Self.body(count))
    try expectMessages(count..<count + 1, peer)
    XCTAssertEqual(reply.outcomes, [])
    XCTAssertNil(client.waitForRoom { room.fire() }, "there is room")
    room.wait()
    XCTAssertEqual(client.droppedMessages, 0)
  }

  func testBytesOfTheQueueAreBounded() throws {
    var configuration = Self.narrow
    configuration.maximumQueuedBytes = 3 * Self.size
    let (client, peer) = try makeRawPair(configuration: configuration)
    var count = try fill(client)
    for _ in 0..<3 { try client.tell(Self.body(count)); count += 1 }
    XCTAssertEqual(transportError { try client.tell([1]) }?.reason, .full)
    try expectMessages(0..<count, peer)
  }

  func testOrderOfAThreadIsKeptThroughTheQueue() throws {
    let (client, peer) = try makeRawPair(configuration: Self.narrow)
    let first = try fill(client)
    let done = Signal("the sender's end")
    let count = first + 500
    Thread.detachNewThread {
      for number in first..<count { try? client.tell(Self.body(number)) }
      done.fire()
    }
    try expectMessages(0..<count, peer)
    done.wait()
  }

  func testRequestThatIsHeldEndsAtItsDeadlineAndIsNotSent() throws {
    let (client, peer) = try makeRawPair(configuration: Self.narrow)
    let count = try fill(client)
    let late = try client.ask("late", timeout: .milliseconds(30))
    let patient = try client.ask("patient")
    XCTAssertEqual(late.outcome()?.reason, .timeout)
    try expectMessages(0..<count, peer)
    let (id, body) = try peer.receiveRequest()
    XCTAssertEqual(body, Array("patient".utf8))
    try peer.send(.answer(id: id, [1]))
    XCTAssertEqual(patient.outcome(), .success([1]))
    XCTAssertEqual(late.outcomes.count, 1)
  }

  // MARK: Ends

  func testClosingSendsWhatIsHeld() throws {
    for isOnLoop in [false, true] {
      let log = ServiceLog()
      let (client, peer) = try makeRawPair(log, configuration: Self.narrow)
      var count = try fill(client)
      let reply = try client.ask("question")
      for _ in 0..<20 { try client.tell(Self.body(count)); count += 1 }
      if isOnLoop { try onLoop(client.loop) { client.close() } } else { client.close() }
      XCTAssertEqual(reply.outcome()?.reason, .connectionClosed)
      try client.tell([1])
      let before = count - 20
      try expectMessages(0..<before, peer)
      XCTAssertEqual(try peer.receiveRequest().body, Array("question".utf8), "it was posted before")
      try expectMessages(before..<count, peer)
      XCTAssertEqual(try peer.receiveToEnd().bytes, [])
      peer.close()
      XCTAssertNil(try XCTUnwrap(log.connection()).end())
      XCTAssertEqual(client.droppedMessages, 1)
    }
  }

  func testHeldRequestsAreToldOnceWhenThePeerResets() throws {
    let log = ServiceLog()
    let (client, peer) = try makeRawPair(log, configuration: Self.narrow)
    _ = try fill(client)
    let replies = try (0..<100).map { try client.ask("request \($0)") }
    for _ in 0..<5 { try client.tell([1]) }
    let room = Signal("room")
    peer.reset()
    XCTAssertEqual(try XCTUnwrap(log.connection()).end()?.reason, .connectionClosed)
    client.waitForRoom { room.fire() }
    room.wait()
    for reply in replies {
      XCTAssertEqual(reply.outcome()?.reason, .connectionClosed)
      XCTAssertEqual(reply.outcomes.count, 1)
    }
    XCTAssertGreaterThanOrEqual(client.droppedMessages, 5)
  }

  func testMessagesThatTheSocketDidNotTakeAreCounted() throws {
    for size in [1000, 100_000] {
      var configuration = TransportConfiguration.quickClose
      configuration.writeHighWaterMark = 64 << 20
      let log = ServiceLog()
      let (client, peer) = try makeRawPair(log, configuration: configuration)
      let count = (24 << 20) / size
      for number in 0..<count { try client.tell(Self.body(number, size: size)) }
      let requests = try (0..<3).map { try client.ask("request \($0)") }
      client.close()
      XCTAssertEqual(try XCTUnwrap(log.connection()).end()?.reason, .connectionClosed)
      for request in requests { XCTAssertEqual(request.outcomes.count, 1) }
      // What the system had taken it still delivers.
      let (bytes, isReset) = try peer.receiveToEnd()
      XCTAssertFalse(isReset)
      let taken = bytes.count / (size + FrameFormat.oneWayOverhead)
      XCTAssertGreaterThan(taken, 0)
      XCTAssertEqual(client.droppedMessages, count - taken, "of \(count) messages of \(size) bytes")
    }
  }

  // MARK: The observer

  private final class Observer: TransportClientObserver {
    let room = Signal("room")
    let closed = Signal("the client's end")
    let events = Box<[String]>([])

    func clientDidBecomeWritable(_ client: TransportClient) {
      XCTAssertTrue(client.loop.isCurrent)
      XCTAssertTrue(client.isWritable)
      events.append("room")
      room.fire()
    }

    func clientDidClose(_ client: TransportClient) {
      XCTAssertTrue(client.loop.isCurrent)
      events.append("close")
      closed.fire()
    }
  }

  func testObserverIsToldOfRoomAndOfTheEnd() throws {
    let observer = Observer()
    let log = ServiceLog { service in
      service.onClose = { _ in observer.events.append("handler") }
    }
    let (client, peer) = try makeRawPair(log, configuration: Self.narrow)
    try onLoop(client.loop) { client.observe(observer) }
    var count = 0
    for round in 1...3 {
      let end = try fill(client, from: count)
      let before = observer.events.value.count
      try expectMessages(count..<end, peer)
      observer.room.wait()
      XCTAssertGreaterThan(observer.events.value.count, before, "round \(round)")
      count = end
    }
    peer.close()
    observer.closed.wait()
    XCTAssertEqual(observer.events.value.drop { $0 == "room" }, ["handler", "close"])
    let late = Observer()
    try onLoop(client.loop) { client.observe(late) }
    XCTAssertEqual(late.events.value, ["close"])
  }

  func testObserverIsReleasedAtTheEnd() throws {
    let log = ServiceLog()
    let (client, peer) = try makeRawPair(log)
    weak var released: Observer?
    do {
      let observer = Observer()
      released = observer
      try onLoop(client.loop) { client.observe(observer) }
    }
    XCTAssertNotNil(released)
    peer.close()
    _ = try XCTUnwrap(log.connection()).end()
    waitUntil("the observer to be released") { released == nil }
  }

  func testObserverAndOtherThreadsTakeTheRoomInTurns() throws {
    let (client, peer) = try makeRawPair(configuration: Self.narrow)
    let observer = Observer()
    try onLoop(client.loop) { client.observe(observer) }
    let count = try fill(client)
    // More than fits several times over.
    for number in count..<count + 400 { try client.tell(Self.body(number)) }
    try expectMessages(0..<count + 400, peer)
    XCTAssertGreaterThan(observer.events.value.count, 1)
  }
}
