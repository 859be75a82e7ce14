import Foundation
import MailroomQueue
import TestSupport
import XCTest

@testable import MailroomTransport

/// What two processes of this library tell each other beyond the reference's protocol.
final class ConnectionExtensionsTests: TransportTestCase {
  private static let frames: [ReadMessage] = [
    .rpcRequestWithDeadline(id: 1, nanosecondsLeft: 5, body: [1]), .cancel(id: 1), .pauseEndpoint(name: [65]),
    .resumeEndpoint(name: [65]), .numberPrefix(number: 0, prefix: [65]),
  ]

  private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  /// A connection to a raw socket, with extensions.
  private func makeExtendedPair(_ log: ServiceLog = ServiceLog()) throws -> (TransportClient, RawSocket) {
    let (client, peer) = try makeRawPair(log)
    XCTAssertFalse(client.hasExtensions)
    try onLoop(client.loop) { client.enableExtensions() }
    XCTAssertTrue(client.hasExtensions)
    return (client, peer)
  }

  /// Runs `body` on the client's loop, and not there.
  private func both(_ client: TransportClient, _ body: @escaping @Sendable () throws -> Void) throws {
    try body()
    try onLoop(client.loop, body)
  }

  // MARK: Before they are enabled

  func testExtensionsAreAViolationUntilTheyAreEnabled() throws {
    for frame in Self.frames {
      let log = ServiceLog()
      let (client, peer) = try makeRawPair(log)
      try peer.send(try frame.frame())
      XCTAssertEqual(try XCTUnwrap(log.connection()).end()?.reason, .protocolViolation, "\(frame)")
      try onLoop(client.loop) {
        client.enableExtensions()
        client.send(pauseOf: [1].rawSpan)
        client.cancel(1)
      }
      XCTAssertFalse(client.hasExtensions, "there is no connection")
    }
  }

  func testNothingOfThemIsSentUntilTheyAreEnabled() throws {
    let (client, peer) = try makeRawPair()
    let asker = IdentifiedAsker()
    try client.sendRPC(.receiver(asker), deadline: MonotonicTime.now.advanced(by: .seconds(30))) { $0.append(UInt8(1)) }
    asker.sent.wait()
    let id = try XCTUnwrap(asker.id.value)
    try onLoop(client.loop) {
      client.send(pauseOf: [1].rawSpan)
      client.send(resumptionOf: [1].rawSpan)
      client.cancel(id)
    }
    try client.tell([2])
    XCTAssertEqual(try peer.receiveRequest().id, id)
    XCTAssertEqual(try peer.receiveMessage(), .oneWay(body: [2]))
    try peer.send(.answer(id: id, []))
    waitUntil("the answer to be unknown") { client.unknownReplies == 1 }
    XCTAssertEqual(asker.reply.outcomes, [])
  }

  func testHostileExtensionsEndOnlyTheConnection() throws {
    let hostile: [(String, [UInt8])] = [
      ("deadline of zero", .frame([64] + Int64(1).wireBytes + Int64(0).wireBytes + [0, 0, 0, 0])),
      ("deadline before", .frame([64] + Int64(1).wireBytes + Int64.min.wireBytes + [0, 0, 0, 0])),
      ("request without a length", .frame([64] + Int64(1).wireBytes + Int64(1).wireBytes)),
      ("cancellation without an id", .frame([65, 0, 0])),
      ("pause with a negative length", .frame([66] + Int32(-1).wireBytes)),
      ("pause beyond the frame", .frame([66] + Int32(5).wireBytes + [1])),
      ("resumption with a negative length", .frame([67] + Int32.min.wireBytes)),
      ("resumption beyond the frame", .frame([67] + Int32.max.wireBytes)),
      ("prefix without a number", .frame([68, 0])),
      ("prefix without a length", .frame([68, 0, 0, 0])),
      ("prefix with a negative length", .frame([68, 0, 0] + Int32(-1).wireBytes)),
      ("prefix beyond the frame", .frame([68, 0, 0] + Int32(2).wireBytes + [1])),
      ("prefix with a number that no body can begin with", .frame([68, 0x80, 0] + Int32(1).wireBytes + [1])),
      ("prefix for a handler that keeps none", .frame([68, 0, 0] + Int32(1).wireBytes + [1])),
      ("type 69", .frame([69] + [UInt8](repeating: 0, count: 30))),
    ]
    for (what, bytes) in hostile {
      let log = ServiceLog()
      let (_, peer) = try makeExtendedPair(log)
      try peer.send(.oneWay([1]) + bytes + .oneWay([2]))
      let end = try XCTUnwrap(log.connection())
      XCTAssertEqual(end.end()?.reason, .protocolViolation, what)
      XCTAssertEqual(end.oneWays.value, [[1]], what)
    }
  }

  // MARK: Deadlines

  func testRequestsTellTheTimeLeft() throws {
    let (client, peer) = try makeExtendedPair()
    try both(client) {
      _ = try client.ask("question", timeout: .seconds(20))
      _ = try client.ask("late", timeout: .zero)
      try client.sendRPC(.receiver(Reply()), deadline: .distantFuture) { $0.append(UInt8(1)) }
    }
    /// The next message but for the word that nobody waits for the late one, which comes whenever the loop gets to it.
    func next() throws -> ReadMessage {
      while true {
        let message = try peer.receiveMessage()
        guard case .cancel = message else { return message }
      }
    }
    for _ in 0..<2 {
      guard case .rpcRequestWithDeadline(_, let left, let body) = try next() else {
        return XCTFail("no deadline")
      }
      XCTAssertEqual(body, bytes("question"))
      XCTAssertLessThanOrEqual(left, 20_000_000_000 + 1_000_000_000, "as of the tick's beginning")
      XCTAssertGreaterThan(left, 1_000_000_000)
      guard case .rpcRequestWithDeadline(_, let none, _) = try next() else {
        return XCTFail("no deadline")
      }
      XCTAssertGreaterThanOrEqual(none, 1)
      XCTAssertLessThan(none, 1_000_000_000)
      guard case .rpcRequest(_, [1]) = try next() else { return XCTFail("a deadline, or none came") }
    }
  }

  func testDeadlineArrives() throws {
    let service = ServiceLog { service in
      service.onOpen = { [log = service.log] in log.client.enableExtensions() }
      service.onRequest = { [log = service.log] body, responder in
        log.held.append(responder)
        try? responder.succeed(body)
      }
    }
    let client = try makePair(service)
    let log = try XCTUnwrap(service.connection())
    log.opened.wait()
    XCTAssertEqual(try client.ask("plain").outcome(), .success(bytes("plain")))
    try onLoop(client.loop) { client.enableExtensions() }
    let deadline = MonotonicTime.now.advanced(by: .seconds(2000))
    let reply = Reply()
    try client.sendRPC(.receiver(reply), deadline: deadline) { $0.append(UInt8(1)) }
    XCTAssertEqual(reply.outcome(), .success([1]))
    let deadlines = log.held.value.map(\.deadline)
    XCTAssertEqual(deadlines[0], .distantFuture)
    XCTAssertLessThan(deadlines[1], deadline.advanced(by: .seconds(500)))
    XCTAssertGreaterThan(deadlines[1].advanced(by: .seconds(500)), deadline)
  }

  func testFarthestDeadlineIsNoneAtAll() throws {
    let service = ServiceLog { service in
      service.onOpen = { [log = service.log] in log.client.enableExtensions() }
    }
    let server = try makeServer(makeGroup(), service)
    let peer = try RawSocket.connect(port: server.port)
    try peer.send(
      try ReadMessage.rpcRequestWithDeadline(id: 1, nanosecondsLeft: .max, body: bytes("hold")).frame())
    let log = try XCTUnwrap(service.connection())
    log.holding.wait()
    let responder = try XCTUnwrap(log.held.value.first)
    XCTAssertGreaterThan(responder.deadline, MonotonicTime.now.advanced(by: .seconds(1_000_000_000)))
    responder.fail("no")
    XCTAssertEqual(try peer.receiveMessage(), .rpcFailure(id: 1, error: bytes("no")))
  }

  func testLargestRequestIsSentWithoutItsDeadline() throws {
    var configuration = TransportConfiguration()
    configuration.maximumFrameLength = 1000
    let (client, peer) = try makeRawPair(configuration: configuration)
    try onLoop(client.loop) { client.enableExtensions() }
    let largest = [UInt8](repeating: 1, count: 1000 - FrameFormat.rpcOverhead)
    try both(client) {
      _ = try client.ask(largest)
      XCTAssertThrowsError(try client.ask(largest + [1])) {
        XCTAssertEqual(($0 as? TransportError)?.reason, .tooLarge)
      }
    }
    for _ in 0..<2 { XCTAssertEqual(try peer.receiveRequest().body, largest) }
  }

  // MARK: Cancelling

  func testCancelledRequestIsForgottenAndThePeerIsTold() throws {
    let (client, peer) = try makeExtendedPair()
    for isOnLoop in [true, false] {
      let asker = IdentifiedAsker()
      let ask: @Sendable () throws -> Void = {
        try client.sendRPC(.receiver(asker), deadline: .distantFuture) { $0.append(UInt8(1)) }
      }
      if isOnLoop { try onLoop(client.loop, ask) } else { try ask() }
      asker.sent.wait()
      let id = try XCTUnwrap(asker.id.value)
      XCTAssertEqual(try peer.receiveMessage(), .rpcRequest(id: id, body: [1]))
      if isOnLoop { try onLoop(client.loop) { client.cancel(id) } } else { client.cancel(id) }
      XCTAssertEqual(try peer.receiveMessage(), .cancel(id: id))
      let unknown = client.unknownReplies
      try peer.send(.answer(id: id, [1]))
      waitUntil("the answer to be unknown") { client.unknownReplies == unknown + 1 }
      // Neither one that has ended nor one that never was.
      for other in [id, id + 1, -1, .max] { client.cancel(other) }
      XCTAssertEqual(asker.reply.outcomes, [])
      try client.tell([2])
      XCTAssertEqual(try peer.receiveMessage(), .oneWay(body: [2]))
    }
  }

  func testRequestMayBeCancelledAsItIsSent() throws {
    let (client, peer) = try makeExtendedPair()
    try both(client) {
      let asker = IdentifiedAsker(isCancelling: true)
      try client.sendRPC(.receiver(asker), deadline: .distantFuture) { $0.append(UInt8(1)) }
      asker.sent.wait()
      XCTAssertEqual(asker.reply.outcomes, [])
    }
    for _ in 0..<2 {
      guard case .rpcRequest(let id, _) = try peer.receiveMessage() else { return XCTFail("no request") }
      XCTAssertEqual(try peer.receiveMessage(), .cancel(id: id))
    }
  }

  func testCancelledRequestThatIsHeldIsNotSent() throws {
    var configuration = TransportConfiguration()
    configuration.writeHighWaterMark = 1000
    let (client, peer) = try makeRawPair(configuration: configuration)
    try onLoop(client.loop) { client.enableExtensions() }
    let large = [UInt8](repeating: 1, count: 32 << 20)
    try onLoop(client.loop) { try client.tell(large) }
    XCTAssertFalse(client.isWritable)
    for isCancelling in [true, false] {
      let asker = IdentifiedAsker(isCancelling: isCancelling)
      try client.sendRPC(.receiver(asker), deadline: .distantFuture) { $0.append(UInt8(2)) }
      asker.sent.wait()
      client.cancel(try XCTUnwrap(asker.id.value))
    }
    try client.tell([3])
    XCTAssertTrue(try peer.receiveMessage() == .oneWay(body: large))
    XCTAssertEqual(try peer.receiveMessage(), .oneWay(body: [3]))
  }

  func testHandlerLearnsThatARequestWasCancelled() throws {
    let service = ServiceLog { service in
      service.onOpen = { [log = service.log] in log.client.enableExtensions() }
    }
    let server = try makeServer(makeGroup(), service, configuration: .quickClose)
    let peer = try RawSocket.connect(port: server.port)
    for id in 1...4 { try peer.send(.request(id: Int64(id), bytes("hold"))) }
    let log = try XCTUnwrap(service.connection())
    log.holding.wait(4)
    let held = log.held.value
    let abandoned = Box<[Int64]>([])
    let called = Signal("an abandoned request")
    @Sendable func watch(_ responder: RPCResponder) {
      responder.onAbandon {
        abandoned.append(responder.requestID)
        called.fire()
      }
    }
    for responder in held.prefix(3) { watch(responder) }
    XCTAssertFalse(held.contains(where: \.isAbandoned))
    for id in [Int64(1), 2, 77] { try peer.send(try ReadMessage.cancel(id: id).frame()) }
    called.wait(2)
    XCTAssertEqual(abandoned.value, [1, 2])
    XCTAssertEqual(held.map(\.isAbandoned), [true, true, false, false])
    watch(held[0])
    XCTAssertEqual(abandoned.value, [1, 2, 1])
    // Answers to cancelled requests are not sent, and count: from the loop, and from another thread.
    try onLoop(log.client.loop) { try held[0].succeed([UInt8]([1]).rawSpan) }
    held[1].fail("two")
    held[2].fail("three")
    try peer.send(try ReadMessage.cancel(id: 3).frame())
    XCTAssertEqual(try peer.receiveMessage(), .rpcFailure(id: 3, error: bytes("three")))
    // The last one is abandoned with the connection.
    watch(held[3])
    peer.endWriting()
    waitUntil("the end of the peer's side to be seen") { !log.client.isActive }
    peer.close()
    called.wait(2)
    XCTAssertEqual(abandoned.value, [1, 2, 1, 4])
    _ = log.end()
  }

  func testRequestsAreAbandonedWithTheirConnection() throws {
    let service = ServiceLog()
    let server = try makeServer(makeGroup(), service, configuration: .quickClose)
    for isReset in [true, false] {
      let peer = try RawSocket.connect(port: server.port)
      try peer.send(.request(id: 1, bytes("hold")))
      let log = try XCTUnwrap(service.connection(isReset ? 1 : 2))
      log.holding.wait()
      let responder = try XCTUnwrap(log.held.value.first)
      let called = Signal("the request to be abandoned")
      responder.onAbandon { called.fire() }
      if isReset { peer.reset() } else { peer.endWriting() }
      called.wait()
      XCTAssertTrue(responder.isAbandoned)
      _ = log.end()
    }
  }

  func testNothingIsRememberedOnceAllIsAnswered() throws {
    let service = ServiceLog { service in
      service.onOpen = { [log = service.log] in log.client.enableExtensions() }
    }
    let server = try makeServer(makeGroup(), service)
    let peer = try RawSocket.connect(port: server.port)
    // Cancelled before it comes, or never to come.
    try peer.send(try ReadMessage.cancel(id: 1).frame())
    try peer.send(.request(id: 1, bytes("first")))
    XCTAssertEqual(try peer.receiveMessage(), .rpcResponse(id: 1, body: bytes("first")))
    try peer.send(.request(id: 2, bytes("hold")))
    try peer.send(try ReadMessage.cancel(id: 3).frame() + ReadMessage.cancel(id: 2).frame())
    let log = try XCTUnwrap(service.connection())
    log.holding.wait()
    waitUntil("the cancellation to arrive") { log.held.value[0].isAbandoned }
    log.held.value[0].fail("nobody waits")
    waitUntil("the cancellation to be forgotten") { !log.held.value[0].isAbandoned }
    try peer.send(.request(id: 3, bytes("third")))
    XCTAssertEqual(try peer.receiveMessage(), .rpcResponse(id: 3, body: bytes("third")))
  }

  // MARK: Pausing endpoints

  private final class Listening: ConnectionHandler {
    let events: Box<[String]>
    let told: Signal

    init(_ events: Box<[String]>, _ told: Signal) { (self.events, self.told) = (events, told) }

    func receive(request body: RawSpan, responder: RPCResponder) {}
    func receive(oneWay body: RawSpan) {}
    func peerDidPause(_ endpoint: RawSpan) { note("pause", endpoint) }
    func peerDidResume(_ endpoint: RawSpan) { note("resume", endpoint) }

    private func note(_ what: String, _ endpoint: RawSpan) {
      events.append("\(what) \(endpoint.utf8String() ?? "?")")
      told.fire()
    }
  }

  func testEndpointsArePausedAndResumed() throws {
    let events = Box<[String]>([])
    let told = Signal("a pause or a resumption")
    let clients = Box<[TransportClient]>([])
    let group = try makeGroup(count: 2)
    let server = try awaited("the server's start") {
      try await TransportServer.start(group: group, host: "127.0.0.1", port: 0) { client in
        clients.append(client)
        client.loop.execute { client.enableExtensions() }
        return Listening(events, told)
      }
    }
    let client = try connect(group, port: server.port)
    waitUntil("the extensions to be enabled") { clients.value.first?.hasExtensions == true }
    let (names, unreadable) = (["echo", "", "ärger"].map { Array($0.utf8) }, [UInt8]([0xFF]))
    try onLoop(client.loop) {
      client.enableExtensions()
      for name in names {
        client.send(pauseOf: name.rawSpan)
        client.send(resumptionOf: name.rawSpan)
      }
      client.send(pauseOf: unreadable.rawSpan)
    }
    told.wait(7)
    XCTAssertEqual(
      events.value,
      ["pause echo", "resume echo", "pause ", "resume ", "pause ärger", "resume ärger", "pause ?"])
  }

  func testPauseIsSentAtOnce() throws {
    let (client, peer) = try makeExtendedPair()
    try onLoop(client.loop) {
      client.send(pauseOf: [65].rawSpan)
      XCTAssertEqual(client.connection?.out.value.pendingBytes, 0, "it waits for the end of the tick")
    }
    XCTAssertEqual(try peer.receiveMessage(), .pauseEndpoint(name: [65]))
  }

  func testHandlersNeedNotListen() throws {
    let service = ServiceLog { service in
      service.onOpen = { [log = service.log] in log.client.enableExtensions() }
    }
    let server = try makeServer(makeGroup(), service)
    let peer = try RawSocket.connect(port: server.port)
    try peer.send(try ReadMessage.pauseEndpoint(name: [1]).frame() + ReadMessage.resumeEndpoint(name: [1]).frame())
    try peer.send(.request(id: 1, [5]))
    XCTAssertEqual(try peer.receiveMessage(), .rpcResponse(id: 1, body: [5]))
  }
}
