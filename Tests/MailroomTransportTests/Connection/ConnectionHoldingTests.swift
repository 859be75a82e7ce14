import Foundation
import MailroomQueue
import TestSupport
import XCTest

@testable import MailroomTransport

/// A connection whose requests are held: what comes through all the same, and what becomes of the rest.
final class ConnectionHoldingTests: TransportTestCase {
  private static let held = 64 * 1024

  private static var narrow: TransportConfiguration {
    var configuration = TransportConfiguration()
    configuration.writeHighWaterMark = held
    return configuration
  }

  private func isReading(_ client: TransportClient) throws -> Bool {
    try onLoop(client.loop) { client.connection?.isReading ?? false }
  }

  private func heldBytes(_ client: TransportClient) throws -> Int {
    try onLoop(client.loop) { client.connection?.unserved.value.byteCount ?? 0 }
  }

  /// A paused connection to a raw socket.
  private func makePausedPair(
    configuration: TransportConfiguration = narrow
  ) throws -> (client: TransportClient, peer: RawSocket, log: ConnectionLog) {
    let log = ServiceLog()
    let (client, peer) = try makeRawPair(log, configuration: configuration)
    try onLoop(client.loop) { client.pauseReading() }
    return (client, peer, try XCTUnwrap(log.connection()))
  }

  private func oneWays(_ numbers: Range<Int>, size: Int = 4) -> [UInt8] {
    numbers.flatMap { [UInt8].oneWay(Int32($0).wireBytes + [UInt8](repeating: 0, count: size - 4)) }
  }

  private func expectOneWays(_ count: Int, _ log: ConnectionLog, line: UInt = #line) {
    log.noted.wait(count, line: line)
    XCTAssertEqual(log.oneWays.value.map { Array($0.prefix(4)) }, (0..<count).map { Int32($0).wireBytes }, line: line)
  }

  // MARK: Holding

  func testReadingIsHeldUntilItWasResumedAsOftenAsPaused() throws {
    let service = ServiceLog { service in
      service.onOneWay = { [log = service.log] body in
        guard body.byte(at: 0) == 1 else { return }
        log.client.pauseReading()
        log.client.pauseReading()
      }
    }
    let server = try makeServer(makeGroup(), service)
    let peer = try RawSocket.connect(port: server.port)
    try peer.send(.oneWay([1]) + .oneWay([2]) + .oneWay([3]))
    let log = try XCTUnwrap(service.connection())
    log.noted.wait()
    for _ in 0..<50 { try onLoop(log.client.loop) {} }
    XCTAssertEqual(log.oneWays.value, [[1]])
    try onLoop(log.client.loop) { log.client.resumeReading() }
    for _ in 0..<50 { try onLoop(log.client.loop) {} }
    XCTAssertEqual(log.oneWays.value, [[1]])
    try onLoop(log.client.loop) {
      log.client.resumeReading()
      XCTAssertEqual(log.oneWays.value, [[1]], "not during the call")
    }
    log.noted.wait(2)
    try peer.send(.oneWay([4]))
    log.noted.wait()
    XCTAssertEqual(log.oneWays.value, [[1], [2], [3], [4]])
    peer.close()
    XCTAssertNil(log.end())
    try onLoop(log.client.loop) {
      log.client.resumeReading()
      log.client.pauseReading()
    }
  }

  func testConnectionMayBePausedAsItOpens() throws {
    let service = ServiceLog { service in
      service.onOpen = { [log = service.log] in log.client.pauseReading() }
    }
    let server = try makeServer(makeGroup(), service)
    let peer = try RawSocket.connect(port: server.port)
    try peer.send(.request(id: 1, [5]))
    let log = try XCTUnwrap(service.connection())
    log.opened.wait()
    waitUntil("the request to be held") {
      ((try? onLoop(log.client.loop) { log.client.connection?.unserved.value.isEmpty }) ?? true) == false
    }
    XCTAssertFalse(log.events.value.contains("request"))
    try onLoop(log.client.loop) { log.client.resumeReading() }
    XCTAssertEqual(try peer.receiveMessage(), .rpcResponse(id: 1, body: [5]))
  }

  func testPausedConnectionThatIsClosedSeesThePeersEnd() throws {
    var configuration = TransportConfiguration()
    configuration.closeTimeout = .seconds(60)
    let service = ServiceLog { service in
      service.onOneWay = { [log = service.log] _ in log.client.pauseReading() }
    }
    let server = try makeServer(makeGroup(), service, configuration: configuration)
    let peer = try RawSocket.connect(port: server.port)
    try peer.send(.oneWay([1]) + .oneWay([2]))
    let log = try XCTUnwrap(service.connection())
    log.noted.wait()
    log.client.close()
    XCTAssertEqual(try peer.receiveToEnd().bytes, [])
    peer.close()
    XCTAssertNil(log.end(), "it was not cut off")
    XCTAssertEqual(log.oneWays.value, [[1]])
  }

  func testPeerIsServedNoFurtherWhileTooManyOfItsRequestsAreUnanswered() throws {
    var configuration = TransportConfiguration()
    configuration.maximumUnansweredRequests = 3
    let service = ServiceLog()
    let server = try makeServer(makeGroup(), service, configuration: configuration)
    let peer = try RawSocket.connect(port: server.port)
    try peer.send((0..<10).flatMap { [UInt8].request(id: $0, Array("hold".utf8)) })
    let log = try XCTUnwrap(service.connection())
    log.holding.wait(3)
    for served in 3..<10 {
      for _ in 0..<20 { try onLoop(log.client.loop) {} }
      XCTAssertEqual(log.held.value.count, served)
      let responder = log.held.value[served - 3]
      // On the loop, and off it.
      if served % 2 == 0 { responder.fail("no") } else { try onLoop(log.client.loop) { responder.fail("no") } }
      log.holding.wait()
    }
    for index in 7..<10 { log.held.value[index].fail("no") }
    for id in 0..<10 {
      XCTAssertEqual(try peer.receiveMessage(), .rpcFailure(id: Int64(id), error: Array("no".utf8)))
    }
    XCTAssertTrue(try isReading(log.client))
  }

  func testHeldBytesThatBreakTheProtocolEndTheConnection() throws {
    let service = ServiceLog { service in
      service.onOneWay = { [log = service.log] _ in log.client.pauseReading() }
    }
    let server = try makeServer(makeGroup(), service)
    let peer = try RawSocket.connect(port: server.port)
    try peer.send(.oneWay([1]) + .frame([77, 1, 2]) + .oneWay([2]))
    let log = try XCTUnwrap(service.connection())
    log.noted.wait()
    try onLoop(log.client.loop) { log.client.resumeReading() }
    XCTAssertEqual(log.end()?.reason, .protocolViolation)
    XCTAssertEqual(log.oneWays.value, [[1]])
  }

  // MARK: What passes

  func testAnswersPassRequestsThatAreHeld() throws {
    let (client, peer, log) = try makePausedPair()
    let questions = [try client.ask("first"), try client.ask("second"), try client.ask("third")]
    let ids = try questions.map { _ in try peer.receiveRequest().id }
    try peer.send(oneWays(0..<10) + .answer(id: ids[0], [1]) + oneWays(10..<20) + .failure(id: ids[1], "no"))
    XCTAssertEqual(questions[0].outcome(), .success([1]))
    XCTAssertEqual(questions[1].outcome(), .failure(.remoteFailure, "no"))
    try peer.send(oneWays(20..<30) + .answer(id: ids[2], [3]))
    XCTAssertEqual(questions[2].outcome(), .success([3]))
    XCTAssertEqual(log.oneWays.value, [])
    try onLoop(client.loop) { client.resumeReading() }
    expectOneWays(30, log)
  }

  func testAnswersPassWhileTooManyRequestsAreUnanswered() throws {
    var configuration = TransportConfiguration()
    configuration.maximumUnansweredRequests = 2
    let log = ServiceLog()
    let (client, peer) = try makeRawPair(log, configuration: configuration)
    try peer.send((0..<4).flatMap { [UInt8].request(id: $0, Array("hold".utf8)) })
    let end = try XCTUnwrap(log.connection())
    end.holding.wait(2)
    // Who answers the requests may have to ask before.
    let question = try client.ask("back")
    try peer.send(.answer(id: try peer.receiveRequest().id, [1]))
    XCTAssertEqual(question.outcome(), .success([1]))
    XCTAssertEqual(end.held.value.count, 2)
    for index in 0..<4 {
      if index > 1 { end.holding.wait() }
      end.held.value[index].fail("done")
    }
    for id in 0..<4 {
      XCTAssertEqual(try peer.receiveMessage(), .rpcFailure(id: Int64(id), error: Array("done".utf8)))
    }
  }

  func testWordsAboutOtherMessagesPassToo() throws {
    let (client, peer, log) = try makePausedPair()
    try onLoop(client.loop) {
      client.enableExtensions()
      client.resumeReading()
    }
    try peer.send(.request(id: 1, Array("hold".utf8)))
    log.holding.wait()
    try onLoop(client.loop) { client.pauseReading() }
    let abandoned = Signal("the request to be abandoned")
    log.held.value[0].onAbandon { abandoned.fire() }
    let cancel = try ReadMessage.cancel(id: 1).frame()
    let other = try ReadMessage.cancel(id: 2).frame()
    try peer.send(.request(id: 2, Array("hold".utf8)) + cancel + other)
    abandoned.wait()
    let pauses = [ReadMessage.pauseEndpoint(name: [65]), .resumeEndpoint(name: [65])]
    try peer.send(oneWays(0..<1) + pauses.flatMap { try $0.frame() })
    waitUntil("the endpoint to be paused and resumed") {
      log.events.value.filter { $0 != "batch" }.suffix(2) == ["pause", "resume"]
    }
    XCTAssertEqual(log.held.value.count, 1)
    // The cancellation of a request that is held itself is heeded when its turn has come.
    log.held.value[0].fail("nobody cares")
    try onLoop(client.loop) { client.resumeReading() }
    log.holding.wait()
    expectOneWays(1, log)
    XCTAssertTrue(log.held.value[1].isAbandoned)
  }

  // MARK: The bound

  func testReadingStopsWhenAsMuchIsHeldAsMayBe() throws {
    let (client, peer, log) = try makePausedPair()
    let (size, count) = (8 * 1024, 2000)
    let question = try client.ask("question")
    let id = try peer.receiveRequest().id
    let flood = oneWays(0..<count, size: size)
    let sent = Signal("everything to be sent")
    Thread.detachNewThread {
      do { try peer.send(flood + .answer(id: id, [1])) } catch { XCTFail("\(error)") }
      sent.fire()
    }
    waitUntil("reading to stop") { ((try? isReading(client)) ?? true) == false }
    let held = try heldBytes(client)
    XCTAssertGreaterThanOrEqual(held, Self.held)
    // One read more, at most.
    XCTAssertLessThanOrEqual(held, Self.held + 256 * 1024)
    XCTAssertEqual(question.outcomes, [])
    for _ in 0..<50 { try onLoop(client.loop) {} }
    XCTAssertEqual(try heldBytes(client), held)
    XCTAssertEqual(log.oneWays.value.count, 0)
    try onLoop(client.loop) { client.resumeReading() }
    expectOneWays(count, log)
    XCTAssertEqual(question.outcome(), .success([1]))
    sent.wait()
    XCTAssertTrue(try isReading(client))
  }

  // MARK: The peer's end

  func testHeldMessagesOfAPeerThatHasEndedAreServed() throws {
    var configuration = TransportConfiguration.quickClose
    configuration.writeHighWaterMark = Self.held
    for isReset in [false, true] {
      let (client, peer, log) = try makePausedPair(configuration: configuration)
      let question = try client.ask("question")
      _ = try peer.receiveRequest()
      try peer.send(oneWays(0..<10) + .request(id: 1, Array("hold".utf8)))
      waitUntil("all to be held") { ((try? heldBytes(client)) ?? 0) > 10 * 8 }
      if isReset { peer.reset() } else { peer.endWriting() }
      // No answer can come any more, and who waits for one is told at once.
      XCTAssertEqual(question.outcome()?.reason, .connectionClosed)
      XCTAssertFalse(client.isActive)
      // Longer than a closing connection has.
      let past = Signal("the time to close to pass")
      let later = MonotonicTime.now.advanced(by: configuration.closeTimeout * 3)
      try onLoop(client.loop) { _ = client.loop.schedule(at: later) { past.fire() } }
      past.wait()
      XCTAssertEqual(log.events.value.filter { $0 != "batch" }, ["open"])
      try onLoop(client.loop) { client.resumeReading() }
      expectOneWays(10, log)
      log.holding.wait()
      if isReset {
        XCTAssertEqual(log.end()?.reason, .connectionClosed)
      } else {
        log.held.value[0].fail("too late")
        XCTAssertEqual(try peer.receiveMessage(), .rpcFailure(id: 1, error: Array("too late".utf8)))
        XCTAssertNil(log.end())
      }
    }
  }

  func testConnectionThatIsClosedForgetsWhatItHolds() throws {
    let (client, peer, log) = try makePausedPair()
    try peer.send(oneWays(0..<10))
    waitUntil("something to be held") { ((try? heldBytes(client)) ?? 0) > 0 }
    peer.endWriting()
    waitUntil("the end to be seen") { !client.isActive }
    client.close()
    XCTAssertEqual(try peer.receiveToEnd().bytes, [])
    XCTAssertNil(log.end())
    XCTAssertEqual(log.oneWays.value, [])
  }
}
