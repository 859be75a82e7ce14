import TestSupport
import XCTest

@testable import Mailroom

/// Row NE1: looking endpoints up.
final class EndpointLookupTests: EnvironmentTestCase {
  func testNE1LookupOfAMissingEndpointNamesTheURI() async throws {
    let (server, client) = (try await makeServer(), try await makeClient())
    for env in [server, client] {
      let error = await assertThrows(.endpointNotFound, execution: .notExecuted) {
        try await env.endpointRef(server.uri("nonexist"))
      }
      XCTAssertEqual(error?.message, "Cannot find endpoint: \(server.uri("nonexist"))")
    }
  }

  func testLookupDoesNotWaitBehindMessages() async throws {
    var configuration = RPCConfiguration()
    configuration.messageLoopThreads = 1
    let (server, client) = (try await makeServer(configuration), try await makeClient())
    let gate = Gate("the end of the block")
    defer { gate.open() }
    let blocked = Signal("the block")
    let endpoint = Scripted()
    endpoint.started = { _, _ in
      blocked.fire()
      gate.pass()
    }
    try server.register("blocked", endpoint)
    await blocked.comes()
    let ref = try await client.endpointRef(server.uri("blocked"))
    XCTAssertEqual(ref.name, "blocked")
  }

  func testMalformedURIsAreRefused() async throws {
    let client = try await makeClient()
    for uri in ["", "echo", "http://echo@host:1", "rpc://host:1", "rpc://echo@host", "rpc-client://echo"] {
      await assertThrows(.invalidAddress, execution: .notExecuted, uri) { try await client.endpointRef(uri) }
    }
  }

  func testLookupAtAHostThatIsNoneFails() async throws {
    let client = try await makeClient()
    let error = await assertThrows(.unresolvableHost, execution: .notExecuted) {
      try await client.endpointRef("rpc://echo@no-such-host.invalid:7077")
    }
    XCTAssertTrue(error?.message.contains("no-such-host.invalid") ?? false, "\(error?.message ?? "")")
  }

  func testLookupWhereNobodyListensFails() async throws {
    let client = try await makeClient()
    let port = try RawListener.closedPort()
    let error = await assertThrows(.connectFailed, execution: .notExecuted) {
      try await client.endpointRef("rpc://echo@127.0.0.1:\(port)")
    }
    XCTAssertTrue(error?.message.contains("127.0.0.1:\(port)") ?? false, "\(error?.message ?? "")")
  }

  func testLookupTimesOut() async throws {
    let listener = try RawListener()
    var configuration = RPCConfiguration()
    configuration.lookupTimeout = .milliseconds(20)
    configuration.transport.closeTimeout = .milliseconds(20)
    let client = try await makeClient(configuration)
    let error = await assertThrows(.timeout) {
      try await client.endpointRef("rpc://echo@127.0.0.1:\(listener.port)")
    }
    XCTAssertTrue(
      error?.message.hasSuffix("controlled by RPCConfiguration.lookupTimeout") == true, "\(String(describing: error))")
  }

  func testLookupIsCancelled() async throws {
    let listener = try RawListener()
    let client = try await makeClient()
    let uri = "rpc://echo@127.0.0.1:\(listener.port)"
    let task = Task { try await client.endpointRef(uri) }
    let peer = try await listener.acceptPeer()
    _ = try await peer.receiveFrame()
    task.cancel()
    await assertThrows(.cancelled) { try await task.value }
    // Before it began, too.
    let gate = Signal("the cancellation")
    let second = Task {
      await gate.comes()
      return try await client.endpointRef(uri)
    }
    second.cancel()
    gate.fire()
    await assertThrows(.cancelled) { try await second.value }
    peer.reset()
  }

  func testLookupWithAnUnreadableAnswerFails() async throws {
    let listener = try RawListener()
    let client = try await makeClient()
    let uri = "rpc://echo@127.0.0.1:\(listener.port)"
    let task = Task { try await client.endpointRef(uri) }
    let peer = try await listener.acceptPeer()
    let id = Array(try await peer.receiveFrame()[9..<17])
    try peer.send(bytes(hex: "0000000000000016 04") + id + bytes(hex: "00000001 07"))
    await assertThrows(.undecodable) { try await task.value }
    peer.reset()
  }
}
