import TestSupport
import XCTest

@testable import Mailroom

/// Lookups have a lane of their own.
final class LookupLaneTests: EnvironmentTestCase {
  func testW19LookupsPassFloodsAndBlockedHandlers() async throws {
    var configuration = RPCConfiguration()
    configuration.messageLoopThreads = 2
    let (server, client) = (try await makeServer(configuration), try await makeClient())
    let gate = Gate("the lookups")
    let blocked = Signal("the block")
    for (index, dispatch) in [RPCDispatch.shared, .shared, .shared, .dedicated()].enumerated() {
      let endpoint = Scripted()
      endpoint.noted = { _, _ in
        blocked.fire()
        gate.pass()
      }
      let local = try server.register("flooded-\(index)", endpoint, on: dispatch)
      let remote = try await client.endpointRef(server.uri("flooded-\(index)"))
      for _ in 0..<1000 {
        try local.send(Note(text: "from here"))
        try remote.send(Note(text: "from afar"))
      }
    }
    // Both threads of the pool, and the dedicated one.
    await blocked.comes(3)
    for index in 0..<4 {
      // On the connection that the messages came on, and on a new one.
      _ = try await client.endpointRef(server.uri("flooded-\(index)"))
      _ = try await makeClient().endpointRef(server.uri("flooded-\(index)"))
      await assertThrows(.endpointNotFound) { try await client.endpointRef(server.uri("none-\(index)")) }
    }
    gate.open()
  }
}
