import MailroomQueue
import XCTest

@testable import Mailroom

final class RemoteRoutesTests: EnvironmentTestCase {
  func testRoutesInUseAreKeptAndOthersAreDroppedNowAndThen() async throws {
    let client = try await makeClient()
    let outbox = try client.outbox(for: RPCAddress(host: "127.0.0.1", port: 1))
    var routes = RemoteRoutes()
    var kept: [RemoteRoute] = []
    for number in 0..<10_000 {
      let route = RemoteRoute(
        outbox: outbox, name: "endpoint-\(number)", envelope: [], marks: FlowMarks(messages: 1, bytes: 1))
      if number % 100 == 0 { kept.append(route) }
      routes.insert(route)
      XCTAssertLessThanOrEqual(routes.count, 512)
    }
    for route in kept { XCTAssertTrue(routes[route.name] === route) }
    XCTAssertGreaterThanOrEqual(routes.count, kept.count)
    XCTAssertEqual(routes.all.count, routes.count)
  }

  func testReferencesToOneEndpointShareItsRoute() async throws {
    let client = try await makeClient()
    let address = try RPCAddress(host: "127.0.0.1", port: 1)
    let refs = [
      try client.remoteRef(name: "echo", address: address), try client.remoteRef(name: "echo", address: address),
    ]
    guard case .remote(let first) = refs[0].target, case .remote(let second) = refs[1].target else {
      return XCTFail("both are remote")
    }
    XCTAssertTrue(first === second)
  }
}
