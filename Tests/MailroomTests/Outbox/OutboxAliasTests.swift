import TestSupport
import XCTest

@testable import Mailroom

/// One peer under several names: one connection, once it has introduced itself.
final class OutboxAliasTests: EnvironmentTestCase {
  func testW35NamesOfOnePeerShareAConnection() async throws {
    let (server, client) = (try await makeServer(), try await makeClient())
    let witness = Witness()
    let events = witness.events
    try server.register("echo", Echo())
    let first = try await client.endpointRef("rpc://echo@127.0.0.1:\(server.port)")
    try server.register("witness", witness)
    let second = try await client.endpointRef("rpc://echo@localhost:\(server.port)")
    // The connection that was made to find that out has ended.
    await eventually("the second connection has ended") { events.value.count == 2 }
    XCTAssertTrue(events.value[1].hasPrefix("disconnected"))
    let outbox = try client.outbox(for: RPCAddress(host: "127.0.0.1", port: server.port))
    XCTAssertTrue(try client.outbox(for: RPCAddress(host: "localhost", port: server.port)) === outbox)
    let third = try await client.endpointRef("rpc://echo@localhost:\(server.port)")
    for ref in [first, second, third] {
      let reply = try await ref.ask(Say(text: "same"))
      XCTAssertEqual(reply, "same")
      let bytes = try await ref.ask(bytes: [1])
      XCTAssertEqual(bytes, [1])
    }
    XCTAssertEqual(events.value.count, 2, "no more connections were made")
  }

  func testW35MessagesThatWaitedForTheAliasKeepTheirOrder() async throws {
    for dispatch in Way.dispatches {
      let (server, client) = (try await makeServer(), try await makeClient())
      let echo = Echo()
      let (notes, noted) = (echo.notes, echo.noted)
      try server.register("echo", echo, on: dispatch)
      _ = try await client.endpointRef(server.uri("echo"))
      let ref = try client.remoteRef(name: "echo", address: RPCAddress(host: "localhost", port: server.port))
      // Some of these are queued before the peer is known to be the same, and some come while and after it turns out.
      for index in 0..<20_000 { try ref.send(Note(text: "\(index)")) }
      await noted.comes(20_000)
      XCTAssertEqual(notes.value, (0..<20_000).map { "\($0)" }, "\(dispatch)")
      await client.shutdown()
      await server.shutdown()
    }
  }

  func testW35ManyThreadsUseTheAliasWhileItBecomesOne() async throws {
    for _ in 0..<10 {
      let (server, client) = (try await makeServer(), try await makeClient())
      try server.register("counter", Counter())
      _ = try await client.endpointRef(server.uri("counter"))
      let ref = try client.remoteRef(name: "counter", address: RPCAddress(host: "localhost", port: server.port))
      try await fromThreads(4) { _ in for _ in 0..<500 { try ref.send(Add(1)) } }
      let total = try await ref.ask(Total())
      XCTAssertEqual(total, 2000)
      await client.shutdown()
      await server.shutdown()
    }
  }

  func testServerThatComesBackIsReachedUnderBothNames() async throws {
    var configuration = RPCConfiguration()
    configuration.reconnectDelay = .zero
    let client = try await makeClient(configuration)
    var server = try await makeServer()
    let port = server.port
    try server.register("echo", Echo())
    let refs = [
      try await client.endpointRef("rpc://echo@127.0.0.1:\(port)"),
      try await client.endpointRef("rpc://echo@localhost:\(port)"),
    ]
    await server.shutdown()
    for ref in refs {
      do throws(RPCError) {
        _ = try await ref.ask(Say(text: ""))
        XCTFail("nobody is there")
      } catch {
        XCTAssertTrue([.connectFailed, .connectionLost].contains(error.code), "\(error)")
      }
    }
    configuration.portRetries = 0
    server = try await makeServer(configuration, port: port)
    try server.register("echo", Echo())
    for ref in refs {
      let reply = try await ref.ask(Say(text: "back"))
      XCTAssertEqual(reply, "back")
    }
    let again = try await client.endpointRef("rpc://echo@localhost:\(port)")
    let reply = try await again.ask(Say(text: "again"))
    XCTAssertEqual(reply, "again")
  }
}
