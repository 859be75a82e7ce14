import TestSupport
import XCTest

@testable import MailroomTransport

final class TransportServerTests: TransportTestCase {
  private func start(_ group: EventLoopGroup, host: String, port: Int = 0) throws -> TransportServer {
    let log = ServiceLog()
    return try awaited("the server's start") {
      try await TransportServer.start(group: group, host: host, port: port, handler: log.factory)
    }
  }

  func testSaysWhichAddressItIsBoundTo() throws {
    let group = try makeGroup()
    for host in ["127.0.0.1", "0.0.0.0"] {
      let server = try start(group, host: host)
      XCTAssertEqual(server.host, host)
      XCTAssertGreaterThan(server.port, 0)
      _ = try connect(group, port: server.port)
    }
    let server = try start(group, host: "localhost")
    XCTAssertTrue(["127.0.0.1", "::1"].contains(server.host), server.host)
  }

  func testPortInUseIsReported() throws {
    let group = try makeGroup()
    let first = try start(group, host: "127.0.0.1")
    let error = transportError { _ = try start(group, host: "127.0.0.1", port: first.port) }
    XCTAssertEqual(error?.reason, .addressInUse)
    XCTAssertTrue(error?.message.contains("127.0.0.1:\(first.port)") == true, "\(String(describing: error))")
    _ = try connect(group, port: first.port)
  }

  func testAddressOfAnotherMachineIsReported() throws {
    // Set aside for documentation, so no machine has it.
    let error = transportError { _ = try start(makeGroup(), host: "203.0.113.1") }
    XCTAssertEqual(error?.reason, .bindFailed)
  }

  func testHostThatCannotBeResolvedIsReported() throws {
    let error = transportError { _ = try start(makeGroup(), host: "no-such-host.invalid") }
    XCTAssertEqual(error?.reason, .unresolvableHost)
  }

  func testPortMayBeUsedAgainAfterClosing() throws {
    let group = try makeGroup()
    let first = try start(group, host: "127.0.0.1")
    // A connection of its past lingers in the kernel, and must not keep the port.
    let log = ServiceLog()
    let client = try connect(group, port: first.port, log)
    client.close()
    _ = try XCTUnwrap(log.connection()).end()
    first.close()
    try onLoop(group.loops[0]) {}
    var second: TransportServer?
    waitUntil("the port to be free") {
      second = try? start(group, host: "127.0.0.1", port: first.port)
      return second != nil
    }
    XCTAssertEqual(second?.port, first.port)
    _ = try connect(group, port: first.port)
  }

  func testClosedServerAcceptsNothingButKeepsItsConnections() throws {
    let service = ServiceLog()
    let group = try makeGroup()
    let server = try makeServer(group, service)
    let client = try connect(group, port: server.port)
    XCTAssertEqual(try client.ask("hello/you").outcome(), .success(Array("Hello, you!".utf8)))
    server.close()
    server.close()
    waitUntil("connections to be refused") {
      guard case .failure(let error)? = try? connecting(group, port: server.port) else { return false }
      return error.reason == .connectFailed
    }
    XCTAssertEqual(try client.ask("hello/you").outcome(), .success(Array("Hello, you!".utf8)))
    try shutDown(group)
    server.close()
  }

  func testServerIsNotStartedOnALoopThatHasEnded() throws {
    let group = try makeGroup()
    try shutDown(group)
    for host in ["127.0.0.1", "localhost"] {
      XCTAssertEqual(transportError { _ = try start(group, host: host) }?.reason, .stopped)
    }
  }

  func testManyServersListenSideBySide() throws {
    let group = try makeGroup(count: 2)
    let servers = try (0..<20).map { _ in try start(group, host: "127.0.0.1") }
    XCTAssertEqual(Set(servers.map(\.port)).count, 20)
    for server in servers { _ = try connect(group, port: server.port) }
    for server in servers.prefix(10) { server.close() }
  }
}
