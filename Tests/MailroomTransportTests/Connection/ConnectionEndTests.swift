import Foundation
import Glibc
import MailroomQueue
import TestSupport
import XCTest

@testable import MailroomTransport

/// How connections end, by either side, in order and not.
final class ConnectionEndTests: TransportTestCase {
  // MARK: Half-closed

  func testPeerThatEndedItsSideStillGetsItsAnswer() throws {
    let service = ServiceLog()
    let server = try makeServer(makeGroup(), service)
    let peer = try RawSocket.connect(port: server.port)
    try peer.send(.request(id: 1, [5]))
    peer.endWriting()
    let (bytes, isReset) = try peer.receiveToEnd()
    XCTAssertEqual(bytes, .answer(id: 1, [5]))
    XCTAssertFalse(isReset)
    XCTAssertNil(try XCTUnwrap(service.connection()).end())
  }

  func testPeerThatEndedItsSideGetsAnswersThatAreGivenLater() throws {
    let service = ServiceLog()
    let server = try makeServer(makeGroup(), service)
    let peer = try RawSocket.connect(port: server.port)
    for id in 1...3 { try peer.send(.request(id: Int64(id), Array("hold".utf8))) }
    peer.endWriting()
    let log = try XCTUnwrap(service.connection())
    log.holding.wait(3)
    waitUntil("the end of the peer's side to be seen") { !log.client.isActive }
    let held = log.held.value
    try held[2].succeed([UInt8]([3]).rawSpan)
    held[0].fail("one")
    // Requests and messages of ours are not taken any more, answers are.
    XCTAssertEqual(try log.client.ask("late").outcome()?.reason, .connectionClosed)
    try log.client.tell([1])
    let large = [UInt8](repeating: 2, count: 4 << 20)
    try onLoop(log.client.loop) { try held[1].succeed(large.rawSpan) }
    XCTAssertEqual(try peer.receiveMessage(), .rpcResponse(id: 3, body: [3]))
    XCTAssertEqual(try peer.receiveMessage(), .rpcFailure(id: 1, error: Array("one".utf8)))
    XCTAssertTrue(try peer.receiveMessage() == .rpcResponse(id: 2, body: large))
    let (rest, isReset) = try peer.receiveToEnd()
    XCTAssertEqual(rest, [])
    XCTAssertFalse(isReset)
    XCTAssertNil(log.end())
    XCTAssertEqual(log.client.droppedMessages, 1)
  }

  func testHalfClosedConnectionIsCutWhenNoAnswerComes() throws {
    let service = ServiceLog()
    let server = try makeServer(makeGroup(), service, configuration: .quickClose)
    let peer = try RawSocket.connect(port: server.port)
    try peer.send(.request(id: 1, Array("hold".utf8)))
    peer.endWriting()
    XCTAssertEqual(try peer.receiveToEnd().bytes, [])
    let log = try XCTUnwrap(service.connection())
    _ = log.end()
    // What comes too late goes nowhere.
    let responder = try XCTUnwrap(log.held.value.first)
    try responder.succeed([UInt8]([1]).rawSpan)
    // The end is told a moment before the queue is closed.
    try onLoop(log.client.loop) {}
    XCTAssertEqual(log.client.droppedMessages, 1)
    XCTAssertEqual(log.ends.value.count, 1)
  }

  func testHalfClosedConnectionMayBeClosedBeforeItsAnswers() throws {
    let service = ServiceLog()
    let server = try makeServer(makeGroup(), service)
    let peer = try RawSocket.connect(port: server.port)
    try peer.send(.request(id: 1, [9]) + .request(id: 2, Array("hold".utf8)))
    peer.endWriting()
    let log = try XCTUnwrap(service.connection())
    log.holding.wait()
    waitUntil("the end of the peer's side to be seen") { !log.client.isActive }
    log.client.close()
    XCTAssertEqual(try peer.receiveToEnd().bytes, .answer(id: 1, [9]))
    XCTAssertNil(log.end())
  }

  func testEndOfAPeerThatKnowsTheExtensionsWaitsForNoAnswer() throws {
    let service = ServiceLog { service in
      service.onOpen = { [log = service.log] in log.client.enableExtensions() }
    }
    var patient = TransportConfiguration()
    patient.closeTimeout = .seconds(60)
    let server = try makeServer(makeGroup(), service, configuration: patient)
    let peer = try RawSocket.connect(port: server.port)
    for id in 1...3 { try peer.send(.request(id: Int64(id), Array("hold".utf8))) }
    let log = try XCTUnwrap(service.connection())
    log.holding.wait(3)
    let held = log.held.value
    let abandoned = Signal("an abandoned request")
    held[0].onAbandon { abandoned.fire() }
    // What it was sent before still arrives.
    let large = [UInt8](repeating: 2, count: 4 << 20)
    try log.client.tell(large)
    try held[1].succeed([UInt8]([3]).rawSpan)
    try peer.send(.oneWay([1]))
    peer.endWriting()
    abandoned.wait()
    XCTAssertTrue(try peer.receiveMessage() == .oneWay(body: large))
    XCTAssertEqual(try peer.receiveMessage(), .rpcResponse(id: 2, body: [3]))
    let (rest, isReset) = try peer.receiveToEnd()
    XCTAssertEqual(rest, [])
    XCTAssertFalse(isReset)
    XCTAssertNil(log.end())
    XCTAssertEqual(log.oneWays.value, [[1]])
    XCTAssertTrue(held[2].isAbandoned)
  }

  func testPeerThatEndsBetweenFramesEndsTheConnectionInOrder() throws {
    let service = ServiceLog()
    let server = try makeServer(makeGroup(), service)
    let peer = try RawSocket.connect(port: server.port)
    try peer.send(.oneWay([1]))
    peer.endWriting()
    XCTAssertEqual(try peer.receiveToEnd().bytes, [])
    let log = try XCTUnwrap(service.connection())
    XCTAssertNil(log.end())
    XCTAssertEqual(log.oneWays.value, [[1]])
  }

  func testPeerThatEndsWithinAFrameIsAnError() throws {
    let frame = [UInt8].oneWay([1, 2, 3])
    let service = ServiceLog()
    let server = try makeServer(makeGroup(), service)
    for count in 1..<frame.count {
      let peer = try RawSocket.connect(port: server.port)
      try peer.send(Array(frame[..<count]))
      peer.endWriting()
      _ = try peer.receiveToEnd()
      let log = try XCTUnwrap(service.connection(count))
      XCTAssertEqual(log.end()?.reason, .connectionClosed, "\(count) bytes of a frame")
      XCTAssertEqual(log.oneWays.value, [])
    }
  }

  // MARK: Ended by the peer

  func testRequestsFailOnceWhenThePeerCloses() throws {
    let log = ServiceLog()
    let (client, peer) = try makeRawPair(log)
    let replies = try (0..<5).map { try client.ask("request \($0)") }
    let first = try peer.receiveRequest()
    for _ in 1..<5 { _ = try peer.receiveRequest() }
    try peer.send(.answer(id: first.id, []))
    peer.close()
    XCTAssertEqual(replies[0].outcome(), .success([]))
    for reply in replies.dropFirst() {
      XCTAssertEqual(reply.outcome()?.reason, .connectionClosed)
      XCTAssertEqual(reply.error?.isNotSent, false)
    }
    XCTAssertNil(try XCTUnwrap(log.connection()).end())
    for reply in replies { XCTAssertEqual(reply.outcomes.count, 1) }
    XCTAssertFalse(client.isActive)
  }

  func testRequestsFailOnceWhenThePeerResets() throws {
    let log = ServiceLog()
    let (client, peer) = try makeRawPair(log)
    let replies = try (0..<5).map { try client.ask("request \($0)") }
    _ = try peer.receiveRequest()
    peer.reset()
    for reply in replies { XCTAssertEqual(reply.outcome()?.reason, .connectionClosed) }
    XCTAssertEqual(try XCTUnwrap(log.connection()).end()?.reason, .connectionClosed)
    for reply in replies { XCTAssertEqual(reply.outcomes.count, 1) }
  }

  func testResetRightBehindARequestEndsTheConnectionAtOnce() throws {
    var configuration = TransportConfiguration()
    configuration.closeTimeout = .seconds(60)
    let service = ServiceLog()
    let server = try makeServer(makeGroup(), service, configuration: configuration)
    let peer = try RawSocket.connect(port: server.port)
    let log = try XCTUnwrap(service.connection())
    log.opened.wait()
    let isGone = Signal("the peer to be gone")
    // The loop finds the request and the reset together.
    log.client.loop.execute { isGone.wait() }
    try peer.send(.request(id: 1, Array("hold".utf8)))
    peer.reset()
    isGone.fire()
    XCTAssertEqual(log.end()?.reason, .connectionClosed)
    XCTAssertEqual(log.held.value.count, 1, "what came before the reset is served")
  }

  func testServerOutlivesPeersThatReset() throws {
    let service = ServiceLog()
    let group = try makeGroup()
    let server = try makeServer(group, service)
    for round in 0..<30 {
      let peer = try RawSocket.connect(port: server.port)
      switch round % 3 {
      case 0: break
      case 1: try peer.send(.request(id: 1, Array("hold".utf8)))
      default: try peer.send([0, 0, 0])
      }
      peer.reset()
    }
    let client = try connect(group, port: server.port)
    XCTAssertEqual(try client.ask("hello/you").outcome(), .success(Array("Hello, you!".utf8)))
    // A connection that is reset before it is served may be one that nobody hears of.
    for log in service.connections where log.client.peer != client.peer && log !== service.connections.last {
      _ = log.end()
      XCTAssertEqual(log.ends.value.count, 1)
    }
  }

  func testWritingToAPeerThatHasResetRaisesNoSignal() throws {
    // Neither the test program nor a library may be ignoring it for us.
    let before = signal(SIGPIPE, SIG_DFL)
    defer { signal(SIGPIPE, before) }
    for size in [10, 300 * 1024] {
      let log = ServiceLog()
      let (client, peer) = try makeRawPair(log)
      let reply = try client.ask("question")
      _ = try peer.receiveRequest()
      let isGone = Signal("the peer to be gone")
      let sent = Signal("the messages to be sent")
      client.loop.execute {
        // While the loop is here it sees nothing of the socket, so its next step is to write.
        isGone.wait()
        for _ in 0..<3 { try? client.tell([UInt8](repeating: 1, count: size)) }
        sent.fire()
      }
      // After an end in order a reset makes writing a broken pipe, the error that comes with a signal.
      peer.endWriting()
      peer.reset()
      isGone.fire()
      sent.wait()
      XCTAssertEqual(reply.outcome()?.reason, .connectionClosed)
      XCTAssertEqual(try XCTUnwrap(log.connection()).end()?.reason, .connectionClosed)
    }
  }

  // MARK: Ended by this side

  func testAllThatWasSentArrivesBeforeTheEnd() throws {
    for size in [10, 8 << 20] {
      let log = ServiceLog()
      let (client, peer) = try makeRawPair(log)
      let bodies = (0..<3).map { [UInt8](repeating: UInt8($0), count: size) }
      for body in bodies { try client.tell(body) }
      client.close()
      waitUntil("the client to be inactive") { !client.isActive }
      for body in bodies { XCTAssertTrue(try peer.receiveMessage() == .oneWay(body: body)) }
      let (rest, isReset) = try peer.receiveToEnd()
      XCTAssertEqual(rest, [])
      XCTAssertFalse(isReset)
      XCTAssertEqual(log.connection()?.ends.value.count, 0, "the peer has not ended its side yet")
      peer.close()
      XCTAssertNil(try XCTUnwrap(log.connection()).end())
    }
  }

  func testAllThatWasSentArrivesThoughThePeerKeepsSending() throws {
    let log = ServiceLog()
    let (client, peer) = try makeRawPair(log)
    let large = [UInt8](repeating: 7, count: 8 << 20)
    try client.tell(large)
    client.close()
    waitUntil("the client to be inactive") { !client.isActive }
    // More than a socket holds: what is closed with unread bytes is reset, and our last bytes would be lost.
    let ended = Signal("the peer's last byte")
    Thread.detachNewThread {
      for _ in 0..<64 { try? peer.send(.oneWay([UInt8](repeating: 1, count: 64 * 1024))) }
      peer.endWriting()
      ended.fire()
    }
    XCTAssertTrue(try peer.receiveMessage() == .oneWay(body: large))
    XCTAssertFalse(try peer.receiveToEnd().isReset)
    ended.wait()
    let end = try XCTUnwrap(log.connection())
    XCTAssertNil(end.end())
    XCTAssertEqual(end.oneWays.value, [], "what comes after the end is not served")
  }

  func testPeerThatNeverReadsIsCutAtTheCloseTimeout() throws {
    var configuration = TransportConfiguration()
    configuration.closeTimeout = .milliseconds(150)
    let log = ServiceLog()
    let (client, peer) = try makeRawPair(log, configuration: configuration)
    try client.tell([UInt8](repeating: 1, count: 32 << 20))
    let began = MonotonicTime.now
    client.close()
    let end = try XCTUnwrap(log.connection()).end()
    XCTAssertGreaterThanOrEqual(MonotonicTime.now.since(began), .milliseconds(150))
    XCTAssertEqual(end?.reason, .connectionClosed, "bytes were lost")
    withExtendedLifetime(peer) {}
  }

  func testPeerThatReadsAllButNeverEndsIsCutAtTheCloseTimeout() throws {
    let log = ServiceLog()
    let (client, peer) = try makeRawPair(log, configuration: .quickClose)
    try client.tell([1])
    client.close()
    XCTAssertEqual(try peer.receiveMessage(), .oneWay(body: [1]))
    XCTAssertEqual(try peer.receiveToEnd().bytes, [])
    XCTAssertNil(try XCTUnwrap(log.connection()).end(), "nothing was lost")
    XCTAssertThrowsError(try { for _ in 0..<1000 { try peer.send([UInt8](repeating: 0, count: 1000)) } }())
  }

  func testShutdownIsBoundByTheCloseTimeout() throws {
    let listener = try RawSocket.listen()
    let group = try makeGroup()
    let clients = try (0..<3).map { _ in try connect(group, port: listener.port, configuration: .quickClose) }
    let peers = try clients.map { _ in try listener.accept() }
    for client in clients { try client.tell([UInt8](repeating: 1, count: 16 << 20)) }
    let replies = try clients.map { try $0.ask("question") }
    try shutDown(group)
    for reply in replies {
      XCTAssertEqual(reply.outcome()?.reason, .stopped)
      XCTAssertEqual(reply.outcomes.count, 1)
    }
    expectHandlesClosed()
    withExtendedLifetime(peers) {}
  }

  func testShutdownOfSeveralLoopsDoesNotWaitForRequestsBetweenThem() throws {
    var configuration = TransportConfiguration()
    configuration.closeTimeout = .seconds(60)
    let service = ServiceLog()
    let group = try makeGroup(count: 2)
    let server = try makeServer(group, service, configuration: configuration)
    // The end that asks lives on the loop that is shut down first, the one that does not answer on the other.
    let attempt = Attempt()
    attempt.begin(
      TransportClientFactory(group: group, configuration: configuration, handler: ServiceLog().factory),
      port: server.port, on: group.loops[0])
    let client = try XCTUnwrap(attempt.result()).get()
    let reply = try client.ask("hold")
    let log = try XCTUnwrap(service.connection())
    log.holding.wait()
    XCTAssertTrue(log.client.loop === group.loops[1])
    try shutDown(group, seconds: 20)
    XCTAssertEqual(reply.outcome()?.reason, .stopped)
  }

  func testConnectionsOfOneLoopEndTogether() throws {
    let service = ServiceLog()
    let clientSide = ServiceLog()
    let group = try makeGroup()
    let server = try makeServer(group, service)
    let clients = try (0..<20).map { _ in try connect(group, port: server.port, clientSide) }
    let replies = try clients.map { try $0.ask("hold") }
    for index in 1...20 { try XCTUnwrap(service.connection(index)).holding.wait() }
    try shutDown(group)
    for reply in replies { XCTAssertEqual(reply.outcome()?.reason, .stopped) }
    for log in service.connections + clientSide.connections {
      XCTAssertEqual(log.ends.value.map { $0?.reason }, [.stopped])
      XCTAssertEqual(log.events.value.last, "close")
    }
  }

  func testNobodyIsToldOfAFailedWriteWithinTheSending() throws {
    let (client, peer) = try makeRawPair()
    let replies = [Reply("the first request's failure"), Reply("the second request's failure")]
    let told = try onLoop(client.loop) {
      peer.reset()
      // Each is written at once.
      for reply in replies {
        try client.sendRPC(.receiver(reply), deadline: .distantFuture) {
          $0.append([UInt8](repeating: 1, count: Connection.earlyFlush).rawSpan)
        }
      }
      return replies.map(\.outcomes)
    }
    XCTAssertEqual(told, [[], []])
    for reply in replies {
      XCTAssertEqual(reply.outcome()?.reason, .connectionClosed)
      XCTAssertEqual(reply.outcomes.count, 1)
    }
  }
}
