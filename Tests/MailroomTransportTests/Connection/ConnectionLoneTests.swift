import MailroomQueue
import TestSupport
import XCTest

@testable import MailroomTransport

/// What a thread sends in place of a sleeping loop.
final class ConnectionLoneTests: TransportTestCase {
  private let prefix = BodyPrefix([1, 2])
  private let later = MonotonicTime.distantFuture

  /// As ``makeRawPair(_:configuration:)``, with a prefix that is known to the connection.
  private func makeSettledPair(
    _ log: ServiceLog = ServiceLog(), configuration: TransportConfiguration = .init()
  ) throws -> (TransportClient, RawSocket) {
    let (client, peer) = try makeRawPair(log, configuration: configuration)
    try onLoop(client.loop) { [prefix] in _ = client.mark(of: prefix) }
    return (client, peer)
  }

  /// Sends a request in place of the loop, once that sleeps; says whether the connection took it.
  private func askAlone(
    _ client: TransportClient, _ content: [UInt8], _ reply: Reply, until deadline: MonotonicTime = .distantFuture
  ) -> Bool {
    whileLent(client) {
      client.sendLoneRPC(.receiver(reply), deadline: deadline, prefix, tag: 3, content.rawSpan)
    }
  }

  /// Runs `body` in place of the client's loop, as soon as that sleeps.
  private func whileLent(_ client: TransportClient, _ body: () -> Bool) -> Bool {
    var result = false
    var hasRun = false
    waitUntil("the loop to sleep") {
      _ = client.loop.borrow {
        hasRun = true
        result = body()
        return true
      }
      return hasRun
    }
    return result
  }

  // MARK: Requests

  func testLoneRequestLeavesWithoutTheLoopBeingWoken() throws {
    let (client, peer) = try makeSettledPair()
    for number: UInt8 in 0..<20 {
      let reply = Reply()
      let wakes = client.loop.wakes
      XCTAssertTrue(askAlone(client, [number], reply))
      let request = try peer.receiveRequest()
      XCTAssertEqual(request.body, [1, 2, 3, number])
      XCTAssertEqual(client.loop.wakes, wakes)
      try peer.send(.answer(id: request.id, [number]))
      XCTAssertEqual(reply.outcome(), .success([number]))
    }
  }

  func testRequestIsNotSentAloneWhileAnotherWaitsForItsAnswer() throws {
    let (client, peer) = try makeSettledPair()
    let first = Reply()
    XCTAssertTrue(askAlone(client, [1], first))
    let second = Reply()
    XCTAssertFalse(askAlone(client, [2], second))
    let id = try peer.receiveRequest().id
    try peer.send(.answer(id: id, []))
    first.outcome()
    XCTAssertTrue(askAlone(client, [3], second))
    XCTAssertEqual(try peer.receiveRequest().body, [1, 2, 3, 3])
    XCTAssertTrue(second.outcomes.isEmpty)
  }

  func testRequestThatNeedsATimerIsNotSentAlone() throws {
    let (client, peer) = try makeSettledPair()
    let soon = MonotonicTime.now.advanced(by: .seconds(60))
    XCTAssertFalse(askAlone(client, [1], Reply(), until: soon))
    // One that the loop sends arms it, and then it serves later ones.
    let armed = try client.ask([0], timeout: .seconds(30))
    try peer.send(.answer(id: try peer.receiveRequest().id, []))
    armed.outcome()
    let reply = Reply()
    XCTAssertTrue(askAlone(client, [1], reply, until: soon))
    try peer.send(.answer(id: try peer.receiveRequest().id, [9]))
    XCTAssertEqual(reply.outcome(), .success([9]))
    XCTAssertFalse(askAlone(client, [1], Reply(), until: .now.advanced(by: .seconds(5))))
  }

  func testRequestThatWasSentAloneExpires() throws {
    let (client, peer) = try makeSettledPair()
    try GrowingTimes().tryEach("a request beside a timer") { time in
      // Its timer stays when it was answered.
      let armed = try client.ask([0], timeout: time)
      try peer.send(.answer(id: try peer.receiveRequest().id, []))
      armed.outcome()
      let reply = Reply()
      guard askAlone(client, [1], reply, until: .now.advanced(by: time)) else { return false }
      XCTAssertEqual(try peer.receiveRequest().body, [1, 2, 3, 1])
      XCTAssertEqual(reply.outcome()?.reason, .timeout)
      return true
    }
  }

  func testNothingIsSentAloneBehindWhatIsQueued() throws {
    let (client, peer) = try makeSettledPair()
    let isTaken = whileLent(client) {
      // The loop is woken by this, but cannot act yet.
      try? client.tell([7])
      let content: [UInt8] = [1]
      return client.sendLoneRPC(.receiver(Reply()), deadline: later, prefix, tag: 3, content.rawSpan)
    }
    XCTAssertFalse(isTaken)
    XCTAssertEqual(try peer.receiveMessage(), .oneWay(body: [7]))
  }

  func testNothingIsSentAloneThatIsTooLarge() throws {
    let (client, peer) = try makeSettledPair()
    XCTAssertFalse(askAlone(client, [UInt8](repeating: 0, count: 20_000), Reply()))
    XCTAssertTrue(askAlone(client, [UInt8](repeating: 5, count: 10_000), Reply()))
    XCTAssertEqual(try peer.receiveRequest().body.count, 10_003)

    var small = TransportConfiguration()
    small.maximumFrameLength = 100
    let (narrow, narrowPeer) = try makeSettledPair(configuration: small)
    XCTAssertFalse(askAlone(narrow, [UInt8](repeating: 0, count: 100), Reply()))
    XCTAssertTrue(askAlone(narrow, [1], Reply()))
    XCTAssertEqual(try narrowPeer.receiveRequest().body, [1, 2, 3, 1])
  }

  func testNothingIsSentAloneOnceTheConnectionEnds() throws {
    let (client, peer) = try makeSettledPair()
    peer.reset()
    waitUntil("the end to be seen") { !client.isActive }
    XCTAssertFalse(askAlone(client, [1], Reply()))
  }

  func testWhatAFullSocketDoesNotTakeIsLeftForTheLoop() throws {
    let (client, peer) = try makeSettledPair()
    let content = [UInt8](repeating: 6, count: 12_000)
    var sent = 0
    // Nobody reads, so the socket fills up; each request is given up, so that the next one is alone again.
    while true {
      let asker = IdentifiedReply()
      let isTaken = whileLent(client) {
        client.sendLoneRPC(.receiver(asker), deadline: later, prefix, tag: 3, content.rawSpan)
      }
      guard isTaken else { break }
      sent += 1
      guard sent < 10_000 else { return XCTFail("a socket that nobody reads never fills up") }
      try onLoop(client.loop) { client.cancel(asker.id.value ?? -1) }
    }
    XCTAssertGreaterThan(sent, 2)
    for _ in 0..<sent { XCTAssertEqual(try peer.receiveRequest().body, [1, 2, 3] + content) }
    waitUntil("all to have left") { (try? onLoop(client.loop) { client.connection?.isDrained }) == true }
    XCTAssertTrue(askAlone(client, [1], Reply()))
    XCTAssertEqual(try peer.receiveRequest().body, [1, 2, 3, 1])
  }

  // MARK: Answers

  func testAnswerToTheOnlyRequestLeavesWithoutTheLoopBeingWoken() throws {
    let log = ServiceLog()
    let (client, peer) = try makeSettledPair(log)
    let connection = try XCTUnwrap(log.connection())
    for id: Int64 in 1...20 {
      try peer.send(.request(id: id, Array("hold".utf8)))
      XCTAssertTrue(connection.holding.wait())
      // Until the loop sleeps, which it is about to.
      XCTAssertTrue(whileLent(client) { true })
      let wakes = client.loop.wakes
      try client.respond(id, tag: 1, [UInt8(id)].rawSpan)
      XCTAssertEqual(try peer.receiveMessage(), .rpcResponse(id: id, body: [1, UInt8(id)]))
      XCTAssertEqual(client.loop.wakes, wakes)
    }
    XCTAssertEqual(client.gauge.level.messages, 0)
  }

  func testAnswersToSeveralRequestsGoThroughTheLoop() throws {
    let log = ServiceLog()
    let (client, peer) = try makeSettledPair(log)
    let connection = try XCTUnwrap(log.connection())
    for id: Int64 in 1...2 { try peer.send(.request(id: id, Array("hold".utf8))) }
    XCTAssertTrue(connection.holding.wait(2))
    XCTAssertTrue(whileLent(client) { true })
    let wakes = client.loop.wakes
    try client.respond(1, tag: 1, [1].rawSpan)
    XCTAssertEqual(client.loop.wakes, wakes + 1)
    XCTAssertEqual(try peer.receiveMessage(), .rpcResponse(id: 1, body: [1, 1]))
    XCTAssertTrue(whileLent(client) { true })
    try client.respond(2, tag: 1, [2].rawSpan)
    XCTAssertEqual(client.loop.wakes, wakes + 1)
    XCTAssertEqual(try peer.receiveMessage(), .rpcResponse(id: 2, body: [1, 2]))
  }

  func testNewPrefixIsSettledByTheLoopFirst() throws {
    let (client, peer) = try makeRawPair()
    try onLoop(client.loop) { client.enableExtensions(prefixes: PrefixLimits(count: 10, byteCount: 1000)) }
    XCTAssertFalse(askAlone(client, [1], Reply()))
    try onLoop(client.loop) { [prefix] in _ = client.mark(of: prefix) }
    XCTAssertTrue(askAlone(client, [1], Reply()))
    guard case .numberPrefix(_, let told) = try peer.receiveMessage() else { return XCTFail("no number") }
    XCTAssertEqual(told, [1, 2])
    guard case .rpcRequest(_, let body) = try peer.receiveMessage() else { return XCTFail("no request") }
    XCTAssertEqual(body.suffix(2), [3, 1])
  }

  func testResetThatASenderFindsInPlaceOfTheLoopIsWhatIsTold() throws {
    let (client, peer) = try makeSettledPair()
    let reply = Reply()
    let isTaken = whileLent(client) {
      // The loop is woken by this, and has to wait.
      peer.reset()
      let content: [UInt8] = [1]
      return client.sendLoneRPC(.receiver(reply), deadline: later, prefix, tag: 3, content.rawSpan)
    }
    XCTAssertTrue(isTaken)
    XCTAssertEqual(reply.outcome()?.reason, .connectionClosed)
    XCTAssertEqual(reply.outcomes.count, 1)
  }

  func testConnectionThatFindsAFailedWriteEndsWithItsError() throws {
    let log = ServiceLog()
    let (client, peer) = try makeSettledPair(log)
    try onLoop(client.loop) {
      client.connection?.untoldError = UVError("write", code: -104)
      client.connection?.markDirty()
    }
    let error = try XCTUnwrap(log.connection()).end()
    XCTAssertTrue(error?.message.contains("ECONNRESET") == true, "\(String(describing: error))")
    XCTAssertTrue(try peer.receiveToEnd().bytes.isEmpty)
  }

  func testCancelledRequestIsNotAnsweredAlone() throws {
    let log = ServiceLog()
    let (client, peer) = try makeSettledPair(log)
    try onLoop(client.loop) { client.enableExtensions() }
    try peer.send(.request(id: 1, Array("hold".utf8)))
    XCTAssertTrue(try XCTUnwrap(log.connection()).holding.wait())
    client.abandonment.cancel(1)
    XCTAssertTrue(whileLent(client) { true })
    try client.respond(1, tag: 1, [1].rawSpan)
    try peer.send(.request(id: 2, Array("hello/you".utf8)))
    guard case .rpcResponse(2, _) = try peer.receiveMessage() else { return XCTFail("the first was answered") }
  }
}

/// Is told of its request's id, on whichever thread sends it.
private final class IdentifiedReply: TransportResponseReceiver {
  let id = Box<Int64?>(nil)
  func receive(_ response: borrowing TransportResponse) {}
  func wasSent(_ requestID: Int64, on client: TransportClient) { id.update { $0 = requestID } }
}
