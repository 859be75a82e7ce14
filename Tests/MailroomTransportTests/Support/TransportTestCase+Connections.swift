import TestSupport
import XCTest

@testable import MailroomTransport

extension TransportTestCase {
  /// Starts a server on a free port of the loopback interface.
  func makeServer(
    _ group: EventLoopGroup, _ log: ServiceLog, configuration: TransportConfiguration = .init(),
    host: String = "127.0.0.1"
  ) throws -> TransportServer {
    try awaited("the server's start") {
      try await TransportServer.start(
        group: group, host: host, port: 0, configuration: configuration, handler: log.factory)
    }
  }

  /// Makes a connection of its own.
  func connect(
    _ group: EventLoopGroup, port: Int, _ log: ServiceLog = ServiceLog(),
    configuration: TransportConfiguration = .init(), host: String = "127.0.0.1"
  ) throws -> TransportClient {
    try connecting(group, port: port, log, configuration: configuration, host: host).get()
  }

  /// Tries to make a connection of its own.
  func connecting(
    _ group: EventLoopGroup, port: Int, _ log: ServiceLog = ServiceLog(),
    configuration: TransportConfiguration = .init(), host: String = "127.0.0.1", seconds: Int = 20
  ) throws -> Result<TransportClient, TransportError> {
    let attempt = Attempt()
    attempt.begin(
      TransportClientFactory(group: group, configuration: configuration, handler: log.factory), host: host, port: port)
    return try XCTUnwrap(attempt.result(seconds: seconds))
  }

  /// A server and a connection to it, on one loop each.
  func makePair(
    _ service: ServiceLog = ServiceLog(), _ clientSide: ServiceLog = ServiceLog(),
    configuration: TransportConfiguration = .init(), serverConfiguration: TransportConfiguration? = nil
  ) throws -> TransportClient {
    let group = try makeGroup(count: 2)
    let server = try makeServer(group, service, configuration: serverConfiguration ?? configuration)
    return try connect(group, port: server.port, clientSide, configuration: configuration)
  }

  /// A connection to a raw socket, which is returned too.
  func makeRawPair(
    _ log: ServiceLog = ServiceLog(), configuration: TransportConfiguration = .init()
  ) throws -> (TransportClient, RawSocket) {
    let listener = try RawSocket.listen()
    let client = try connect(makeGroup(), port: listener.port, log, configuration: configuration)
    return (client, try listener.accept())
  }

  /// Runs `body` on the loop, and waits until it has run.
  func onLoop<Value: Sendable>(
    _ loop: EventLoop, file: StaticString = #filePath, line: UInt = #line,
    _ body: @escaping @Sendable () throws -> Value
  ) throws -> Value {
    try awaited("a function on the loop", file: file, line: line) {
      try await withCheckedThrowingContinuation { continuation in
        if !loop.execute({ continuation.resume(with: Result(catching: body)) }) {
          continuation.resume(throwing: CancellationError())
        }
      }
    }
  }
}

extension TransportConfiguration {
  /// With connections that are cut soon when ending them in order takes long.
  static var quickClose: TransportConfiguration {
    var configuration = TransportConfiguration()
    configuration.closeTimeout = .milliseconds(100)
    return configuration
  }
}

/// One attempt to connect, and all that was told of it.
final class Attempt: Sendable {
  private let signal = Signal("the result of connecting")
  private let told = Box<[Result<TransportClient, TransportError>]>([])

  func begin(_ factory: TransportClientFactory, host: String = "127.0.0.1", port: Int, on loop: EventLoop? = nil) {
    factory.unmanagedClient(host: host, port: port, on: loop) { self.tell($0) }
  }

  func tell(_ result: Result<TransportClient, TransportError>) {
    told.append(result)
    signal.fire()
  }

  /// All that was told so far.
  var results: [Result<TransportClient, TransportError>] { told.value }

  /// Waits for the result.
  func result(
    seconds: Int = 20, file: StaticString = #filePath, line: UInt = #line
  ) -> Result<TransportClient, TransportError>? {
    guard results.isEmpty else { return results[0] }
    signal.wait(seconds: seconds, file: file, line: line)
    return results.first
  }

  /// Waits for the error; fails the test when there is none.
  func error(seconds: Int = 20, file: StaticString = #filePath, line: UInt = #line) -> TransportError? {
    guard let result = result(seconds: seconds, file: file, line: line) else { return nil }
    if case .failure(let error) = result { return error }
    XCTFail("connected", file: file, line: line)
    return nil
  }
}
