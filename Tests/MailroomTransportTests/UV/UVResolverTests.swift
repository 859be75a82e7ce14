import Glibc
import XCTest

@testable import MailroomTransport

final class UVResolverTests: TransportTestCase {
  /// What a question is answered; runs a loop on the test's thread until it is.
  private func resolve(_ host: String, port: Int = 7) throws -> Result<[SocketAddress], UVError> {
    let core = try LoopCore()
    var results: [Result<[SocketAddress], UVError>] = []
    core.beginShutdown {}
    do throws(UVError) {
      _ = try UVResolver.resolve(core.uv, host: host, port: port) { results.append($0) }
    } catch {
      results.append(.failure(error))
    }
    core.run()
    XCTAssertEqual(results.count, 1)
    return try XCTUnwrap(results.first)
  }

  func testNameIsResolvedWithThePort() throws {
    let addresses = try resolve("localhost", port: 4711).get()
    XCTAssertFalse(addresses.isEmpty)
    for address in addresses {
      XCTAssertTrue(["127.0.0.1", "::1"].contains(address.host), address.host)
      XCTAssertEqual(address.port, 4711)
    }
  }

  func testUnknownNameIsAnError() throws {
    guard case .failure(let error) = try resolve("no-such-host.invalid") else { return XCTFail("resolved") }
    XCTAssertEqual(error.operation, "uv_getaddrinfo")
  }

  func testPortsThatDoNotExistAreErrors() throws {
    for port in [-1, 65_536, .max] {
      guard case .failure = try resolve("localhost", port: port) else { return XCTFail("resolved port \(port)") }
    }
  }

  func testScopeOfAnAddressIsKept() throws {
    // A link-local address means nothing without the interface that it belongs to.
    let address = try XCTUnwrap(resolve("fe80::1%lo").get().first)
    XCTAssertEqual(address.port, 7)
    let scope = address.withSockaddr { pointer in
      pointer?.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { $0.pointee.sin6_scope_id }
    }
    XCTAssertEqual(scope, if_nametoindex("lo"))
  }

  func testCancelledQuestionIsNotAnswered() throws {
    final class Token {}
    weak var released: Token?
    let core = try LoopCore()
    do {
      let token = Token()
      released = token
      let resolver = try UVResolver.resolve(core.uv, host: "localhost", port: 1) { _ in
        withExtendedLifetime(token) {}
        XCTFail("answered")
      }
      resolver.cancel()
      resolver.cancel()
    }
    XCTAssertNil(released)
    core.beginShutdown {}
    core.run()
  }
}
