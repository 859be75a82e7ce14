import MailroomQueue
import TestSupport
import XCTest

@testable import MailroomTransport

final class TransportClientFactoryTests: TransportTestCase {
  private func makeFactory(_ group: EventLoopGroup, _ log: ServiceLog = ServiceLog()) -> TransportClientFactory {
    TransportClientFactory(group: group, handler: log.factory)
  }

  private func client(
    _ factory: TransportClientFactory, _ server: TransportServer, line: UInt = #line
  ) throws -> TransportClient {
    try awaited("a client", line: line) { try await factory.client(host: "127.0.0.1", port: server.port) }
  }

  /// Asks for the same client `count` times at once.
  private func concurrently(_ count: Int, _ factory: TransportClientFactory, port: Int) -> [Attempt] {
    let attempts = (0..<count).map { _ in Attempt() }
    let asked = Signal("a caller")
    for attempt in attempts {
      Task {
        factory.client(host: "127.0.0.1", port: port) { attempt.tell($0) }
        asked.fire()
      }
    }
    asked.wait(count)
    return attempts
  }

  func testTF1ClientIsUsedAgain() throws {
    let service = ServiceLog()
    let group = try makeGroup()
    let server = try makeServer(group, service)
    let factory = makeFactory(group)
    let first = try client(factory, server)
    for _ in 0..<10 { XCTAssertTrue(try client(factory, server) === first) }
    XCTAssertEqual(try first.ask("hello/you").outcome(), .success(Array("Hello, you!".utf8)))
    XCTAssertEqual(service.connections.count, 1)
  }

  func testTF2ConcurrentCallersShareOneAttempt() throws {
    let service = ServiceLog()
    let group = try makeGroup(count: 2)
    let server = try makeServer(group, service)
    let factory = makeFactory(group)
    let attempts = concurrently(50, factory, port: server.port)
    let clients = try attempts.map { try XCTUnwrap($0.result()).get() }
    XCTAssertEqual(Set(clients.map(ObjectIdentifier.init)).count, 1)
    XCTAssertEqual(try clients[0].ask("hello/you").outcome(), .success(Array("Hello, you!".utf8)))
    XCTAssertEqual(service.connections.count, 1)
    for attempt in attempts { XCTAssertEqual(attempt.results.count, 1) }
  }

  func testTF3ServersHaveClientsOfTheirOwn() throws {
    let group = try makeGroup()
    let servers = try (0..<2).map { _ in try makeServer(group, ServiceLog()) }
    let factory = makeFactory(group)
    let clients = try servers.map { try client(factory, $0) }
    XCTAssertFalse(clients[0] === clients[1])
    let byName = try awaited("a client") { [port = servers[0].port] in
      try await factory.client(host: "localhost", port: port)
    }
    XCTAssertFalse(byName === clients[0])
  }

  func testTF4ClosedClientIsReplaced() throws {
    let service = ServiceLog()
    let group = try makeGroup()
    let server = try makeServer(group, service)
    let factory = makeFactory(group)
    let first = try client(factory, server)
    first.close()
    waitUntil("the client to be inactive") { !first.isActive }
    let second = try client(factory, server)
    XCTAssertFalse(first === second)
    // Closed by the peer.
    try XCTUnwrap(service.connection(2)).client.close()
    waitUntil("the client to be inactive") { !second.isActive }
    let third = try client(factory, server)
    XCTAssertFalse(second === third)
    XCTAssertTrue(third.isActive)
    XCTAssertTrue(try client(factory, server) === third)
  }

  func testTF5ClosingTheFactoryClosesItsClients() throws {
    let service = ServiceLog()
    let clientSide = ServiceLog()
    let group = try makeGroup()
    let servers = try (0..<2).map { _ in try makeServer(group, service) }
    let factory = makeFactory(group, clientSide)
    let clients = try servers.map { try client(factory, $0) }
    let own = try connect(group, port: servers[0].port)
    let replies = try clients.map { try $0.ask("hold") }
    for index in 1...3 where index != 3 { service.connection(index)?.holding.wait() }
    factory.close()
    factory.close()
    for reply in replies { XCTAssertEqual(reply.outcome()?.reason, .connectionClosed) }
    for client in clients { XCTAssertFalse(client.isActive) }
    XCTAssertTrue(own.isActive, "it is not the factory's to close")
    for log in service.connections { for responder in log.held.value { responder.fail("enough") } }
    for index in 1...2 { _ = clientSide.connection(index)?.end() }
  }

  func testTF7ClosedFactoryMakesNoClient() throws {
    let group = try makeGroup()
    let server = try makeServer(group, ServiceLog())
    let factory = makeFactory(group)
    factory.close()
    let error = transportError { _ = try client(factory, server) }
    XCTAssertEqual(error?.reason, .stopped)
    XCTAssertEqual(error?.isNotSent, true)
  }

  func testTF9FailedAttemptIsReportedToAllAndMayBeRepeated() throws {
    let group = try makeGroup()
    let placeholder = try RawSocket.listen()
    let port = placeholder.port
    placeholder.close()
    let factory = makeFactory(group)
    for _ in 0..<3 {
      let attempts = concurrently(10, factory, port: port)
      for attempt in attempts {
        XCTAssertEqual(attempt.error()?.reason, .connectFailed)
        XCTAssertEqual(attempt.results.count, 1)
      }
    }
  }

  func testClosingWhileConnectingEndsTheAttempt() throws {
    for _ in 0..<30 {
      let service = ServiceLog()
      let clientSide = ServiceLog()
      let group = try makeGroup()
      let server = try makeServer(group, service)
      let factory = makeFactory(group, clientSide)
      let attempts = (0..<3).map { _ in Attempt() }
      for attempt in attempts { factory.client(host: "127.0.0.1", port: server.port) { attempt.tell($0) } }
      factory.close()
      for attempt in attempts {
        switch attempt.result() {
        case .success(let client): waitUntil("the client to be closed") { !client.isActive }
        case .failure(let error): XCTAssertEqual(error.reason, .stopped)
        case nil: XCTFail("no result")
        }
        XCTAssertEqual(attempt.results.count, 1)
      }
      for log in clientSide.connections { _ = log.end() }
      try shutDown(group)
    }
  }

  func testClientMayBeAskedForFromTheResultOfAnother() throws {
    let group = try makeGroup()
    let servers = try (0..<2).map { _ in try makeServer(group, ServiceLog()) }
    let factory = makeFactory(group)
    let attempt = Attempt()
    let same = Attempt()
    factory.client(host: "127.0.0.1", port: servers[0].port) { _ in
      factory.client(host: "127.0.0.1", port: servers[0].port) { same.tell($0) }
      factory.client(host: "127.0.0.1", port: servers[1].port) { attempt.tell($0) }
    }
    let client = try XCTUnwrap(attempt.result()).get()
    XCTAssertEqual(client.peer, "127.0.0.1:\(servers[1].port)")
    XCTAssertEqual(try XCTUnwrap(same.result()).get().peer, "127.0.0.1:\(servers[0].port)")
  }

  func testUnmanagedClientsAreNotShared() throws {
    let service = ServiceLog()
    let group = try makeGroup(count: 2)
    let server = try makeServer(group, service)
    let factory = makeFactory(group)
    let attempts = (0..<4).map { _ in Attempt() }
    for (index, attempt) in attempts.enumerated() {
      attempt.begin(factory, port: server.port, on: index < 2 ? nil : group.loops[index - 2])
    }
    let clients = try attempts.map { try XCTUnwrap($0.result()).get() }
    XCTAssertEqual(Set(clients.map(ObjectIdentifier.init)).count, 4)
    XCTAssertTrue(clients[2].loop === group.loops[0])
    XCTAssertTrue(clients[3].loop === group.loops[1])
    factory.close()
    for client in clients {
      XCTAssertEqual(try client.ask("hello/you").outcome(), .success(Array("Hello, you!".utf8)))
      client.close()
    }
  }

  func testShutdownOfTheLoopsEndsWaitingForAClient() throws {
    let listener = try RawSocket.listen(backlog: 0)
    let fillers = try (0..<4).map { _ in try RawSocket.connect(port: listener.port, isWaiting: false) }
    let group = try makeGroup()
    let factory = makeFactory(group)
    let attempts = concurrently(5, factory, port: listener.port)
    try shutDown(group)
    for attempt in attempts {
      XCTAssertEqual(attempt.error()?.reason, .stopped)
      XCTAssertEqual(attempt.results.count, 1)
    }
    XCTAssertEqual(transportError { _ = try awaitedClient(factory, listener.port) }?.reason, .stopped)
    withExtendedLifetime(fillers) {}
  }

  private func awaitedClient(_ factory: TransportClientFactory, _ port: Int) throws -> TransportClient {
    try awaited("a client") { try await factory.client(host: "127.0.0.1", port: port) }
  }

  // MARK: How many at a time

  /// A listening socket whose queue is full: further attempts to connect neither succeed nor fail.
  private func makeBlackHole() throws -> (port: Int, sockets: [RawSocket]) {
    let listener = try RawSocket.listen(backlog: 0)
    let fillers = try (0..<4).map { _ in try RawSocket.connect(port: listener.port, isWaiting: false) }
    return (listener.port, [listener] + fillers)
  }

  func testAttemptsBeyondTheLimitWaitAndHaveTheirOwnTimeout() throws {
    let hole = try makeBlackHole()
    let group = try makeGroup()
    let server = try makeServer(group, ServiceLog())
    var configuration = TransportConfiguration()
    configuration.maximumConcurrentConnects = 1
    configuration.connectTimeout = .milliseconds(60)
    let factory = TransportClientFactory(group: group, configuration: configuration, handler: ServiceLog().factory)
    let order = Box<[Int]>([])
    let done = Signal("the result of an attempt")
    let began = MonotonicTime.now
    for index in 0..<4 {
      factory.unmanagedClient(host: "127.0.0.1", port: index == 3 ? server.port : hole.port) { result in
        switch result {
        case .success: XCTAssertEqual(index, 3)
        case .failure(let error): XCTAssertEqual(error.reason, .connectFailed)
        }
        order.append(index)
        done.fire()
      }
    }
    done.wait(4)
    XCTAssertEqual(order.value, [0, 1, 2, 3])
    XCTAssertGreaterThanOrEqual(MonotonicTime.now.since(began), .milliseconds(180), "one after the other")
    withExtendedLifetime(hole.sockets) {}
  }

  func testPeersThatDidNotAnswerDoNotKeepAllThePlaces() throws {
    let hole = try makeBlackHole()
    let group = try makeGroup()
    let server = try makeServer(group, ServiceLog())
    var configuration = TransportConfiguration()
    configuration.maximumConcurrentConnects = 4
    configuration.connectTimeout = .seconds(60)
    let factory = TransportClientFactory(group: group, configuration: configuration, handler: ServiceLog().factory)
    let doubtful = (0..<8).map { _ in Attempt() }
    for attempt in doubtful {
      factory.unmanagedClient(host: "127.0.0.1", port: hole.port, isDoubtful: true) { attempt.tell($0) }
    }
    let fresh = (0..<8).map { _ in Attempt() }
    for attempt in fresh { attempt.begin(factory, port: server.port) }
    for attempt in fresh { _ = try XCTUnwrap(attempt.result()).get() }
    for attempt in doubtful { XCTAssertEqual(attempt.results.count, 0) }
    factory.close()
    for attempt in doubtful { XCTAssertEqual(attempt.error()?.reason, .stopped) }
    withExtendedLifetime(hole.sockets) {}
  }

  func testManyAttemptsAreAllMadeInTheEnd() throws {
    let service = ServiceLog()
    let group = try makeGroup(count: 2)
    let server = try makeServer(group, service)
    var configuration = TransportConfiguration()
    configuration.maximumConcurrentConnects = 3
    let factory = TransportClientFactory(group: group, configuration: configuration, handler: ServiceLog().factory)
    let attempts = (0..<60).map { _ in Attempt() }
    for attempt in attempts { attempt.begin(factory, port: server.port) }
    let clients = try attempts.map { try XCTUnwrap($0.result()).get() }
    XCTAssertEqual(Set(clients.map(ObjectIdentifier.init)).count, 60)
    for attempt in attempts { XCTAssertEqual(attempt.results.count, 1) }
  }

  func testClosingEndsAttemptsUnderWayAndThoseThatWait() throws {
    let hole = try makeBlackHole()
    let group = try makeGroup()
    for host in ["127.0.0.1", "localhost"] {
      var configuration = TransportConfiguration()
      configuration.maximumConcurrentConnects = 2
      configuration.connectTimeout = .seconds(60)
      let factory = TransportClientFactory(group: group, configuration: configuration, handler: ServiceLog().factory)
      let attempts = (0..<6).map { _ in Attempt() }
      for attempt in attempts.prefix(4) { attempt.begin(factory, host: host, port: hole.port) }
      for attempt in attempts.suffix(2) { factory.client(host: host, port: hole.port) { attempt.tell($0) } }
      factory.close()
      factory.close()
      let late = Attempt()
      late.begin(factory, port: hole.port)
      for attempt in attempts + [late] {
        XCTAssertEqual(attempt.error()?.reason, .stopped)
        XCTAssertEqual(attempt.error()?.isNotSent, true)
        XCTAssertEqual(attempt.results.count, 1)
      }
    }
    withExtendedLifetime(hole.sockets) {}
  }

  func testClosingMayComeAnyTimeWhileConnecting() throws {
    let group = try makeGroup(count: 2)
    let server = try makeServer(group, ServiceLog())
    for _ in 0..<50 {
      var configuration = TransportConfiguration.quickClose
      configuration.maximumConcurrentConnects = 2
      let clientSide = ServiceLog()
      let factory = TransportClientFactory(group: group, configuration: configuration, handler: clientSide.factory)
      let attempts = (0..<5).map { _ in Attempt() }
      for attempt in attempts { attempt.begin(factory, port: server.port) }
      _ = attempts[0].result()
      factory.close()
      for attempt in attempts {
        switch attempt.result() {
        case .success(let client): client.close()
        case .failure(let error): XCTAssertEqual(error.reason, .stopped)
        case nil: XCTFail("no result")
        }
        XCTAssertEqual(attempt.results.count, 1)
      }
      for log in clientSide.connections { _ = log.end() }
    }
  }

  func testShutdownOfTheLoopsEndsAttemptsThatWait() throws {
    let hole = try makeBlackHole()
    let group = try makeGroup()
    var configuration = TransportConfiguration()
    configuration.maximumConcurrentConnects = 1
    configuration.connectTimeout = .seconds(60)
    let factory = TransportClientFactory(group: group, configuration: configuration, handler: ServiceLog().factory)
    let attempts = (0..<2000).map { _ in Attempt() }
    for attempt in attempts { attempt.begin(factory, port: hole.port) }
    try shutDown(group)
    for attempt in attempts {
      XCTAssertEqual(attempt.error()?.reason, .stopped)
      XCTAssertEqual(attempt.results.count, 1)
    }
    withExtendedLifetime(hole.sockets) {}
  }
}
