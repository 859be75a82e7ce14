import MailroomQueue
import TestSupport
import XCTest

@testable import MailroomTransport

final class ConnectorTests: TransportTestCase {
  private func factory(
    _ group: EventLoopGroup, _ log: ServiceLog = ServiceLog(), _ configuration: TransportConfiguration = .init()
  ) -> TransportClientFactory {
    TransportClientFactory(group: group, configuration: configuration, handler: log.factory)
  }

  /// A port on which nobody listens.
  private func unusedPort() throws -> Int {
    let socket = try RawSocket.listen()
    defer { socket.close() }
    return socket.port
  }

  /// A listening socket whose queue is full: further attempts to connect neither succeed nor fail.
  private func makeBlackHole() throws -> (port: Int, sockets: [RawSocket]) {
    let listener = try RawSocket.listen(backlog: 0)
    let fillers = try (0..<4).map { _ in try RawSocket.connect(port: listener.port, isWaiting: false) }
    return (listener.port, [listener] + fillers)
  }

  func testConnects() throws {
    let service = ServiceLog()
    let group = try makeGroup()
    let server = try makeServer(group, service)
    let client = try connect(group, port: server.port)
    XCTAssertEqual(client.peer, "127.0.0.1:\(server.port)")
    XCTAssertTrue(client.isActive)
    XCTAssertEqual(try client.ask("hello/you").outcome(), .success(Array("Hello, you!".utf8)))
  }

  func testConnectsByName() throws {
    let service = ServiceLog()
    let group = try makeGroup()
    let server = try makeServer(group, service)
    let client = try connect(group, port: server.port, host: "localhost")
    XCTAssertEqual(client.peer, "localhost:\(server.port)")
    XCTAssertEqual(try client.ask("hello/you").outcome(), .success(Array("Hello, you!".utf8)))
  }

  func testConnectsToIPv6() throws {
    let service = ServiceLog()
    let group = try makeGroup()
    let server: TransportServer
    do {
      server = try makeServer(group, service, host: "::1")
    } catch let error as TransportError where error.reason == .bindFailed {
      throw XCTSkip("this machine has no IPv6: \(error)")
    }
    XCTAssertEqual(server.host, "::1")
    let client = try connect(group, port: server.port, host: "::1")
    XCTAssertEqual(client.peer, "[::1]:\(server.port)")
    XCTAssertEqual(try client.ask("hello/you").outcome(), .success(Array("Hello, you!".utf8)))
    XCTAssertTrue(try XCTUnwrap(service.connection()).client.peer.hasPrefix("[::1]:"))
  }

  func testRefusedConnectionIsReported() throws {
    let group = try makeGroup()
    let port = try unusedPort()
    for host in ["127.0.0.1", "localhost"] {
      let attempt = Attempt()
      attempt.begin(factory(group), host: host, port: port)
      let error = attempt.error()
      XCTAssertEqual(error?.reason, .connectFailed)
      XCTAssertEqual(error?.isNotSent, true)
      XCTAssertTrue(error?.message.contains("\(host):\(port)") == true, "\(String(describing: error))")
      XCTAssertEqual(attempt.results.count, 1)
    }
  }

  func testHostThatCannotBeResolvedIsReported() throws {
    let attempt = Attempt()
    attempt.begin(try factory(makeGroup()), host: "no-such-host.invalid", port: 1)
    let error = attempt.error()
    XCTAssertEqual(error?.reason, .unresolvableHost)
    XCTAssertEqual(error?.isNotSent, true)
    XCTAssertTrue(error?.message.contains("no-such-host.invalid") == true)
  }

  func testHostThatIsNoNameIsReported() throws {
    let group = try makeGroup()
    for host in ["", "a b", String(repeating: "x", count: 300), "[::1]", "::1::2"] {
      let attempt = Attempt()
      attempt.begin(factory(group), host: host, port: 1)
      XCTAssertEqual(attempt.error()?.reason, .unresolvableHost, host)
      XCTAssertEqual(attempt.results.count, 1)
    }
  }

  func testConnectingIsGivenUpAtTheTimeout() throws {
    let hole = try makeBlackHole()
    var configuration = TransportConfiguration()
    configuration.connectTimeout = .milliseconds(80)
    let group = try makeGroup()
    let began = MonotonicTime.now
    let attempts = (0..<3).map { _ in Attempt() }
    for attempt in attempts { attempt.begin(factory(group, ServiceLog(), configuration), port: hole.port) }
    for attempt in attempts {
      XCTAssertEqual(attempt.error()?.reason, .connectFailed)
      XCTAssertEqual(attempt.error()?.isNotSent, true)
    }
    XCTAssertGreaterThanOrEqual(MonotonicTime.now.since(began), .milliseconds(80))
    try shutDown(group)
    for attempt in attempts { XCTAssertEqual(attempt.results.count, 1) }
    withExtendedLifetime(hole.sockets) {}
  }

  func testTimeoutOfZeroGivesUpAtOnce() throws {
    let hole = try makeBlackHole()
    var configuration = TransportConfiguration()
    configuration.connectTimeout = .zero
    let attempt = Attempt()
    attempt.begin(try factory(makeGroup(), ServiceLog(), configuration), port: hole.port)
    XCTAssertEqual(attempt.error()?.reason, .connectFailed)
    withExtendedLifetime(hole.sockets) {}
  }

  func testShutdownEndsAttemptsThatAreUnderWay() throws {
    let hole = try makeBlackHole()
    let group = try makeGroup()
    let attempts = (0..<4).map { _ in Attempt() }
    let log = ServiceLog()
    for (index, attempt) in attempts.enumerated() {
      attempt.begin(factory(group, log), host: index < 2 ? "127.0.0.1" : "localhost", port: hole.port)
    }
    try shutDown(group)
    for attempt in attempts {
      XCTAssertEqual(attempt.error()?.reason, .stopped)
      XCTAssertEqual(attempt.error()?.isNotSent, true)
      XCTAssertEqual(attempt.results.count, 1)
    }
    XCTAssertEqual(log.connections.count, 0)
    expectHandlesClosed()
    withExtendedLifetime(hole.sockets) {}
  }

  func testShutdownMayComeAnyTimeWhileConnecting() throws {
    let listener = try RawSocket.listen(backlog: 1000)
    for round in 0..<100 {
      let group = try makeGroup()
      let attempt = Attempt()
      let log = ServiceLog()
      let host = round % 2 == 0 ? "127.0.0.1" : "localhost"
      attempt.begin(factory(group, log, .quickClose), host: host, port: listener.port)
      try shutDown(group)
      // Either it was stopped, or the connection was made, and closed again.
      switch attempt.result() {
      case .success(let client):
        XCTAssertFalse(client.isActive)
        XCTAssertEqual(log.connection()?.end()?.reason, .stopped)
      case .failure(let error): XCTAssertEqual(error.reason, .stopped)
      case nil: XCTFail("no result")
      }
      XCTAssertEqual(attempt.results.count, 1)
    }
  }

  func testAttemptOnALoopThatIsEndingIsStopped() throws {
    for host in ["127.0.0.1", "localhost"] {
      weak var core: LoopCore?
      try {
        let listener = try RawSocket.listen()
        let group = try EventLoopGroup(count: 1, name: Self.loopName)
        let attempt = Attempt()
        // Told of the shutdown, the handler of the last connection wants another one.
        let log = ServiceLog { [factory = factory(group)] service in
          service.onClose = { _ in attempt.begin(factory, host: host, port: listener.port) }
        }
        _ = try connect(group, port: listener.port, log, configuration: .quickClose)
        try shutDown(group)
        XCTAssertEqual(attempt.error()?.reason, .stopped)
        XCTAssertEqual(attempt.results.count, 1)
        core = group.loops[0].core.value
      }()
      waitUntil("the loop to be released") { core == nil }
    }
  }

  func testAttemptOnALoopThatHasEndedIsStopped() throws {
    let group = try makeGroup()
    try shutDown(group)
    let attempt = Attempt()
    attempt.begin(factory(group), port: 1)
    XCTAssertEqual(attempt.error()?.reason, .stopped)
    XCTAssertEqual(attempt.error()?.isNotSent, true)
  }

  func testAttemptWithoutADescriptorFails() throws {
    let listener = try RawSocket.listen()
    let group = try makeGroup()
    let attempt = Attempt()
    try withoutDescriptors {
      attempt.begin(factory(group), port: listener.port)
      XCTAssertEqual(attempt.error()?.reason, .connectFailed)
    }
    _ = try connect(group, port: listener.port)
  }

  func testConnectionIsServedThoughThePeerEndsAtOnce() throws {
    let listener = try RawSocket.listen()
    let group = try makeGroup()
    for isReset in [false, true] {
      let log = ServiceLog()
      let attempt = Attempt()
      attempt.begin(factory(group, log), port: listener.port)
      let peer = try listener.accept()
      if isReset { peer.reset() } else { peer.close() }
      switch attempt.result() {
      case .success: _ = log.connection()?.end()
      case .failure(let error): XCTAssertEqual(error.reason, .connectFailed, "\(error)")
      case nil: XCTFail("no result")
      }
      XCTAssertEqual(attempt.results.count, 1)
    }
  }
}
