import MailroomQueue
import TestSupport
import XCTest

@testable import MailroomTransport

/// What a connection does with the bytes of a peer that knows the protocol, and of one that does not.
final class ConnectionProtocolTests: TransportTestCase {
  private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  // MARK: Peers that break the protocol

  /// Bytes that no peer may send, by what they are.
  private static let violations: [(what: String, bytes: [UInt8])] =
    [Int64(0), 7, 8, -1, .min, 2001, .max].map { ("length \($0)", $0.wireBytes) }
    + [UInt8(11), 12, 13, 126, 127, 128, 255].map { ("type \($0)", .frame([$0] + [UInt8](repeating: 0, count: 30))) }
    + [
      ("request without a body length", .frame([3] + Int64(1).wireBytes)),
      ("answer without an id", .frame([4, 0, 0])),
      ("failure with a negative text length", .frame([5] + Int64(1).wireBytes + Int32(-1).wireBytes)),
      ("failure with a text beyond the frame", .frame([5] + Int64(1).wireBytes + Int32(100).wireBytes)),
      ("one-way message without a length", .frame([9])),
      (
        "request with a deadline that nobody agreed on",
        .frame([64] + Int64(1).wireBytes + Int64(1).wireBytes + [0, 0, 0, 0])
      ),
      ("cancellation that nobody agreed on", .frame([65] + Int64(1).wireBytes)),
      ("pause that nobody agreed on", .frame([66] + Int32(0).wireBytes)),
      ("resumption that nobody agreed on", .frame([67] + Int32(0).wireBytes)),
      ("prefix that nobody agreed on", .frame([68, 0, 0] + Int32(0).wireBytes)),
      ("upload", .frame([10] + Int64(1).wireBytes + Int32(0).wireBytes + Int64(5).wireBytes)),
      ("stream", .frame([7] + Int32(0).wireBytes + Int64(5).wireBytes)),
      ("text", Array("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)),
    ]

  func testOnlyTheConnectionOfAPeerThatBreaksTheProtocolIsClosed() throws {
    let service = ServiceLog()
    let group = try makeGroup()
    var configuration = TransportConfiguration()
    configuration.maximumFrameLength = 2000
    let server = try makeServer(group, service, configuration: configuration)
    let other = try connect(group, port: server.port, configuration: configuration)
    let waiting = try other.ask("hold")
    for (index, (what, bytes)) in Self.violations.enumerated() {
      let peer = try RawSocket.connect(port: server.port)
      // What came before is served, what comes after is not.
      try peer.send(.oneWay([1]) + bytes + .oneWay([2]))
      _ = try peer.receiveToEnd()
      let log = try XCTUnwrap(service.connection(index + 2))
      XCTAssertEqual(log.end()?.reason, .protocolViolation, what)
      XCTAssertEqual(log.oneWays.value, [[1]], what)
      XCTAssertEqual(log.ends.value.count, 1, what)
      XCTAssertFalse(log.client.isActive, what)
    }
    XCTAssertEqual(try other.ask("hello/you").outcome(), .success(bytes("Hello, you!")))
    XCTAssertEqual(waiting.outcomes, [])
    try XCTUnwrap(service.connections.first?.held.value.first).succeed([UInt8]().rawSpan)
    XCTAssertEqual(waiting.outcome(), .success([]))
  }

  func testRequestsFailOnceWhenThePeerBreaksTheProtocol() throws {
    var configuration = TransportConfiguration()
    configuration.maximumFrameLength = 2000
    for (what, bytes) in Self.violations {
      let log = ServiceLog()
      let (client, peer) = try makeRawPair(log, configuration: configuration)
      let replies = try (0..<3).map { try client.ask("request \($0)") }
      for _ in replies { _ = try peer.receiveRequest() }
      try peer.send(bytes)
      for reply in replies {
        XCTAssertEqual(reply.outcome()?.reason, .protocolViolation, what)
        XCTAssertEqual(reply.error?.isNotSent, false, what)
      }
      XCTAssertEqual(try XCTUnwrap(log.connection()).end()?.reason, .protocolViolation, what)
      for reply in replies { XCTAssertEqual(reply.outcomes.count, 1, what) }
      XCTAssertFalse(client.isActive)
    }
  }

  func testRequestAfterTheFailureWasCertainlyNotSent() throws {
    let second = Reply()
    let (client, peer) = try makeRawPair()
    try client.sendRPC([UInt8]([1]).rawSpan, timeout: .seconds(30)) { response in
      XCTAssertEqual(Outcome(response).reason, .protocolViolation)
      try? client.sendRPC(.receiver(second), deadline: .distantFuture) { $0.append(UInt8(2)) }
    }
    _ = try peer.receiveRequest()
    try peer.send(Int64(0).wireBytes)
    XCTAssertEqual(second.outcome()?.reason, .protocolViolation)
    XCTAssertEqual(second.error?.isNotSent, true)
  }

  func testAnnouncedLengthDoesNotTakeMemory() throws {
    let service = ServiceLog()
    let server = try makeServer(makeGroup(), service)
    // Each announces the largest legal frame, and sends a little of it.
    let limit = TransportConfiguration().maximumFrameLength
    let peers = try (0..<40).map { _ in
      let peer = try RawSocket.connect(port: server.port)
      try peer.send(Int64(limit).wireBytes + [9] + [UInt8](repeating: 0, count: 40_000))
      return peer
    }
    let asking = try RawSocket.connect(port: server.port)
    try asking.send(.request(id: 1, [7]))
    XCTAssertEqual(try asking.receiveMessage(), .rpcResponse(id: 1, body: [7]))
    for peer in peers { peer.close() }
    for index in 0..<40 {
      let end = try XCTUnwrap(service.connection(index + 1)).end()
      XCTAssertEqual(end?.reason, .connectionClosed, "it ended in the middle of a frame")
    }
  }

  // MARK: Requests that are refused

  func testStreamRequestsAreRefusedAndTheConnectionLivesOn() throws {
    let server = try makeServer(makeGroup(), ServiceLog())
    let peer = try RawSocket.connect(port: server.port)
    try peer.send(try ReadMessage.streamRequest(streamID: bytes("/files/small.txt")).frame())
    guard case .streamFailure(let streamID, let error) = try peer.receiveMessage() else { return XCTFail("no failure") }
    XCTAssertEqual(streamID, bytes("/files/small.txt"))
    XCTAssertFalse(error.isEmpty)
    try peer.send(try ReadMessage.chunkFetchRequest(streamID: 5, chunkIndex: 6).frame())
    guard case .chunkFetchFailure(5, 6, let other) = try peer.receiveMessage() else { return XCTFail("no failure") }
    XCTAssertFalse(other.isEmpty)
    try peer.send(.request(id: 1, [7]))
    XCTAssertEqual(try peer.receiveMessage(), .rpcResponse(id: 1, body: [7]))
  }

  func testRefusalThatWouldBeTooLargeIsNotSent() throws {
    var configuration = TransportConfiguration()
    configuration.maximumFrameLength = 100
    let server = try makeServer(makeGroup(), ServiceLog(), configuration: configuration)
    let peer = try RawSocket.connect(port: server.port)
    try peer.send(try ReadMessage.streamRequest(streamID: [UInt8](repeating: 65, count: 87)).frame())
    try peer.send(.request(id: 1, [7]))
    XCTAssertEqual(try peer.receiveMessage(), .rpcResponse(id: 1, body: [7]))
  }

  // MARK: Golden bytes

  func testCapturedConversationIsServed() throws {
    let service = ServiceLog()
    let server = try makeServer(makeGroup(), service)
    let peer = try RawSocket.connect(port: server.port)
    for golden in GoldenFrame.all {
      guard case .rpcRequest(let id, let body) = golden.message else { continue }
      try peer.send(golden.bytes)
      XCTAssertEqual(try peer.receive(golden.bytes.count), .answer(id: id, body), golden.name)
    }
    let (client, other) = try makeRawPair()
    for golden in GoldenFrame.all {
      guard case .rpcResponse(_, let body) = golden.message else { continue }
      let reply = try client.ask("question")
      let id = try other.receiveRequest().id
      // The captured answer, but for the id, which is ours.
      try other.send(Array(golden.bytes[..<9]) + id.wireBytes + Array(golden.bytes[17...]))
      XCTAssertEqual(reply.outcome(), .success(body), golden.name)
    }
  }

  // MARK: Slow peers

  func testPeerMaySendOneByteAtATime() throws {
    let service = ServiceLog()
    let server = try makeServer(makeGroup(), service)
    let peer = try RawSocket.connect(port: server.port)
    let sent = [UInt8].request(id: -3, bytes("hello/you")) + .oneWay([1, 2]) + .request(id: 4, [])
    for byte in sent { try peer.send([byte]) }
    XCTAssertEqual(try peer.receiveMessage(), .rpcResponse(id: -3, body: bytes("Hello, you!")))
    XCTAssertEqual(try peer.receiveMessage(), .rpcResponse(id: 4, body: []))
    XCTAssertEqual(service.connection()?.oneWays.value, [[1, 2]])
  }

  func testPeerMayAnswerOneByteAtATime() throws {
    let (client, peer) = try makeRawPair()
    let replies = try (0..<3).map { try client.ask([UInt8($0)]) }
    for _ in replies {
      let (id, body) = try peer.receiveRequest()
      for byte in [UInt8].answer(id: id, body + [9]) { try peer.send([byte]) }
    }
    for (index, reply) in replies.enumerated() { XCTAssertEqual(reply.outcome(), .success([UInt8(index), 9])) }
  }

  func testNothingIsLostWhenThePeerReadsSlowly() throws {
    let listener = try RawSocket.listen()
    let client = try connect(makeGroup(), port: listener.port)
    let peer = try listener.accept()
    var random = SeededRandom(seed: 8)
    // Far more than both sockets hold, so that writes are cut at all sorts of places.
    let bodies = (0..<400).map { random.bytes($0 % 10 == 0 ? 500_000 : $0 * 50) }
    for body in bodies { try client.tell(body) }
    for (index, body) in bodies.enumerated() {
      let expected = [UInt8].oneWay(body)
      XCTAssertTrue(try peer.receive(expected.count) == expected, "message \(index)")
      if index % 50 == 0 { try client.tell([UInt8(index / 50)]) }
    }
    for index in 0..<8 { XCTAssertEqual(try peer.receiveMessage(), .oneWay(body: [UInt8(index)])) }
    let reply = try client.ask("done")
    try peer.send(.answer(id: try peer.receiveRequest().id, []))
    XCTAssertEqual(reply.outcome(), .success([]))
  }

  // MARK: The handler

  func testHandlerIsToldOfEverythingInOrder() throws {
    let service = ServiceLog()
    let server = try makeServer(makeGroup(), service)
    let peer = try RawSocket.connect(port: server.port)
    try peer.send(.oneWay([1]) + .request(id: 1, [2]) + .oneWay([3]))
    _ = try peer.receiveMessage()
    peer.close()
    let log = try XCTUnwrap(service.connection())
    XCTAssertNil(log.end())
    let events = log.events.value
    XCTAssertEqual(events.first, "open")
    XCTAssertEqual(events.last, "close")
    XCTAssertEqual(events.filter { $0 != "batch" }, ["open", "one-way", "request", "one-way", "close"])
    XCTAssertEqual(events[events.count - 2], "batch", "each batch has an end")
  }

  func testHandlerHearsNothingAfterItClosedTheConnection() throws {
    let service = ServiceLog { service in
      service.onOneWay = { [log = service.log] body in if body.byte(at: 0) == 2 { log.client.close() } }
    }
    let server = try makeServer(makeGroup(), service)
    let peer = try RawSocket.connect(port: server.port)
    try peer.send(.oneWay([1]) + .oneWay([2]) + .oneWay([3]) + .request(id: 1, [4]))
    XCTAssertEqual(try peer.receiveToEnd().bytes, [])
    try peer.send(.oneWay([5]))
    peer.close()
    let log = try XCTUnwrap(service.connection())
    XCTAssertNil(log.end())
    XCTAssertEqual(log.oneWays.value, [[1], [2]])
  }

  func testHandlerMayCloseTheConnectionAsItOpens() throws {
    let service = ServiceLog { service in
      service.onOpen = { [log = service.log] in
        try? log.client.tell([7])
        log.client.close()
      }
    }
    let server = try makeServer(makeGroup(), service)
    let peer = try RawSocket.connect(port: server.port)
    XCTAssertEqual(try peer.receiveToEnd().bytes, .oneWay([7]))
    peer.close()
    let log = try XCTUnwrap(service.connection())
    XCTAssertNil(log.end())
    XCTAssertEqual(log.events.value.filter { $0 != "batch" }, ["open", "close"])
  }
}
