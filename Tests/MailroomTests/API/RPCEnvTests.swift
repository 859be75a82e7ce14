import Mailroom
import TestSupport
import XCTest

/// Rows RE1 to RE18 of the reference's RpcEnvSuite, on real sockets where they are remote.
final class RPCEnvTests: XCTestCase {
  private func withServerAndClient(
    _ body: (_ server: RPCEnv, _ client: RPCEnv) async throws -> Void
  ) async throws {
    let server = try await RPCEnv.start(name: "server")
    let client = try await RPCEnv.client(name: "client")
    do {
      try await body(server, client)
    } catch {
      await client.shutdown()
      await server.shutdown()
      throw error
    }
    await client.shutdown()
    await server.shutdown()
  }

  func testRE1SendLocally() async throws {
    try await withServerAndClient { server, _ in
      let echo = Echo()
      let (notes, noted) = (echo.notes, echo.noted)
      let ref = try server.register("echo", echo)
      try ref.send(Note(text: "hello"))
      noted.wait()
      XCTAssertEqual(notes.value, ["hello"])
    }
  }

  func testRE2SendRemotely() async throws {
    try await withServerAndClient { server, client in
      let echo = Echo()
      let (notes, noted) = (echo.notes, echo.noted)
      try server.register("echo", echo)
      let ref = try await client.endpointRef(server.uri("echo"))
      try ref.send(Note(text: "hello"))
      noted.wait()
      XCTAssertEqual(notes.value, ["hello"])
    }
  }

  func testRE4AskLocally() async throws {
    try await withServerAndClient { server, _ in
      let ref = try server.register("echo", Echo())
      let reply = try await ref.ask(Say(text: "hello"))
      XCTAssertEqual(reply, "hello")
    }
  }

  func testRE5AskRemotely() async throws {
    try await withServerAndClient { server, client in
      try server.register("echo", Echo())
      let ref = try await client.endpointRef(server.uri("echo"))
      let reply = try await ref.ask(Say(text: "hello"))
      XCTAssertEqual(reply, "hello")
      let bytes = try await ref.ask(bytes: [1, 2, 3])
      XCTAssertEqual(bytes, [1, 2, 3])
    }
  }
}
