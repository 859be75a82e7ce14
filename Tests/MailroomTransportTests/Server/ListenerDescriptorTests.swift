import Glibc
import TestSupport
import XCTest

@testable import MailroomTransport

/// A server in a process that has no descriptor left, not even the one that libuv keeps to turn connections away with.
final class ListenerDescriptorTests: TransportTestCase {
  /// Runs `body` while no descriptor can be opened and every number is above the limit, as if other threads took what is free.
  private func withLimitBelowAllDescriptors(_ body: () throws -> Void) throws {
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    XCTAssertEqual(getrlimit(resource, &limit), 0)
    var none = limit
    none.rlim_cur = 3
    XCTAssertEqual(setrlimit(resource, &none), 0)
    defer { setrlimit(resource, &limit) }
    try body()
  }

  func testConnectionsAreServedAndNewOnesWaitWhileNoDescriptorIsLeft() throws {
    let group = try makeGroup()
    let server = try makeServer(group, ServiceLog())
    let old = try RawSocket.connect(port: server.port)
    try old.send(.request(id: 1, Array("before".utf8)))
    XCTAssertEqual(try old.receiveMessage(), .rpcResponse(id: 1, body: Array("before".utf8)))

    let waiting = try RawSocket.unconnected()
    try withLimitBelowAllDescriptors {
      try waiting.connect(port: server.port)
      for id in 2...50 as ClosedRange<Int64> {
        try old.send(.request(id: id, Array("during".utf8)))
        XCTAssertEqual(try old.receiveMessage(), .rpcResponse(id: id, body: Array("during".utf8)))
      }
    }
    try waiting.send(.request(id: 1, Array("after".utf8)))
    XCTAssertEqual(try waiting.receiveMessage(), .rpcResponse(id: 1, body: Array("after".utf8)))
  }

  func testServerClosesWhileAcceptingIsPaused() throws {
    let group = try makeGroup()
    let server = try makeServer(group, ServiceLog())
    let old = try RawSocket.connect(port: server.port)
    try old.send(.request(id: 0, Array("before".utf8)))
    XCTAssertEqual(try old.receiveMessage(), .rpcResponse(id: 0, body: Array("before".utf8)))
    let waiting = try RawSocket.unconnected()
    try withLimitBelowAllDescriptors {
      try waiting.connect(port: server.port)
      try old.send(.request(id: 1, Array("during".utf8)))
      XCTAssertEqual(try old.receiveMessage(), .rpcResponse(id: 1, body: Array("during".utf8)))
      server.close()
    }
    old.close()
    waiting.close()
    try shutDown(group)
    expectNothingLeft()
  }
}
