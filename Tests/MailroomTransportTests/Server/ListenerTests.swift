import MailroomQueue
import TestSupport
import XCTest

@testable import MailroomTransport

final class ListenerTests: TransportTestCase {
  func testConnectionsAreSpreadOverTheLoops() throws {
    let service = ServiceLog { service in
      service.onRequest = { _, responder in
        let thread = UInt64(ThreadID.current)
        try? responder.succeed((thread.wireBytes).rawSpan)
      }
    }
    let group = try makeGroup(count: 2)
    let others = try makeGroup()
    let server = try makeServer(group, service)
    let clients = try (0..<8).map { _ in try connect(others, port: server.port) }
    let threads = try clients.map { try $0.ask("thread").outcome()?.body }
    XCTAssertEqual(Set(threads).count, 2, "each loop serves some of them")
    for index in 1...8 {
      let log = try XCTUnwrap(service.connection(index))
      XCTAssertTrue(group.loops.contains { $0 === log.client.loop })
    }
    for loop in group.loops {
      XCTAssertEqual(service.connections.filter { $0.client.loop === loop }.count, 4)
    }
  }

  func testConnectionsHandedToOtherLoopsAreServedLikeAnyOther() throws {
    let service = ServiceLog()
    let group = try makeGroup(count: 3)
    let others = try makeGroup()
    let server = try makeServer(group, service)
    var random = SeededRandom(seed: 10)
    let clients = try (0..<6).map { _ in try connect(others, port: server.port) }
    let body = random.bytes(2 << 20)
    let replies = try clients.map { try $0.ask(body) }
    for reply in replies { XCTAssertTrue(reply.outcome() == .success(body)) }
    let descriptors = ProcessResources.descriptors.count
    for client in clients { client.close() }
    for index in 1...6 { XCTAssertNil(try XCTUnwrap(service.connection(index)).end()) }
    waitUntil("both ends of each connection to be closed") {
      ProcessResources.descriptors.count == descriptors - 12
    }
  }

  func testPeerThatSendsBeforeItIsHandedOverLosesNothing() throws {
    let service = ServiceLog()
    let group = try makeGroup(count: 2)
    let server = try makeServer(group, service)
    for round in 0..<20 {
      let peer = try RawSocket.connect(port: server.port)
      try peer.send(.request(id: Int64(round), Array("hello/you".utf8)))
      peer.endWriting()
      XCTAssertEqual(try peer.receiveToEnd().bytes, .answer(id: Int64(round), Array("Hello, you!".utf8)))
    }
  }

  func testShutdownMayComeAnyTimeWhileConnectionsAreHandedOver() throws {
    for _ in 0..<10 {
      let service = ServiceLog()
      let group = try makeGroup(count: 3)
      let server = try makeServer(group, service, configuration: .quickClose)
      let peers = try (0..<12).map { _ in try RawSocket.connect(port: server.port) }
      try shutDown(group)
      for peer in peers {
        _ = try peer.receiveToEnd()
        peer.close()
      }
      for log in service.connections { XCTAssertEqual(log.ends.value.count, 1) }
      expectHandlesClosed()
    }
  }

  func testManyPeersMayConnectAtOnce() throws {
    let service = ServiceLog()
    let group = try makeGroup(count: 2)
    let server = try makeServer(group, service)
    let peers = try (0..<300).map { _ in try RawSocket.connect(port: server.port) }
    for (index, peer) in peers.enumerated() { try peer.send(.request(id: Int64(index), [1])) }
    for (index, peer) in peers.enumerated() {
      XCTAssertEqual(try peer.receiveMessage(), .rpcResponse(id: Int64(index), body: [1]))
    }
    XCTAssertEqual(service.connections.count, 300)
  }

  func testListenerIsNotMadeOnALoopThatIsEnding() throws {
    for host in ["127.0.0.1", "localhost"] {
      let peers = try RawSocket.listen()
      let group = try makeGroup()
      let loop = group.loops[0]
      let errors = Box<[TransportError?]>([])
      // Told of the shutdown, the handler of the last connection wants to listen.
      let log = ServiceLog { service in
        service.onClose = { _ in
          Listener.resolve(loop.core.value, host: host, port: 0) { resolved in
            do {
              let address = try resolved.get()
              _ = try Listener(
                address, loop: loop, group: group, configuration: .init(), handler: ServiceLog().factory)
              errors.append(nil)
            } catch {
              errors.append(error as? TransportError)
            }
          }
        }
      }
      _ = try connect(group, port: peers.port, log, configuration: .quickClose)
      try shutDown(group)
      XCTAssertEqual(errors.value.map { $0?.reason }, [.stopped])
    }
  }

  func testServerGoesOnAfterDescriptorsRanOut() throws {
    let service = ServiceLog()
    let group = try makeGroup(count: 2)
    let server = try makeServer(group, service)
    let turnedAway = try (0..<3).map { _ in try RawSocket.unconnected() }
    try withoutDescriptors {
      for peer in turnedAway {
        try peer.connect(port: server.port)
        XCTAssertEqual(try peer.receiveToEnd().bytes, [])
      }
    }
    for peer in turnedAway { peer.close() }
    // Whoever comes while the loop is still turning peers away is turned away too.
    try onLoop(group.loops[0]) {}
    let peer = try RawSocket.connect(port: server.port)
    try peer.send(.request(id: 5, [6]))
    XCTAssertEqual(try peer.receiveMessage(), .rpcResponse(id: 5, body: [6]))
  }
}
