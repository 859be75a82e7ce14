import TestSupport
import XCTest

@testable import Mailroom

/// Servers that go away, and come back.
final class ReconnectTests: EnvironmentTestCase {
  func testServerEndsWithAsksOutstandingAndComesBackOnItsPort() async throws {
    for dispatch in Way.dispatches {
      let client = try await makeClient(Self.withoutPause)
      var server = try await makeServer()
      let port = server.port
      let contexts = Results<RPCCallContext<String>>("a call")
      try server.register("slow", Scripted.answering { _, context in contexts.add(context) }, on: dispatch)
      let ref = try await client.endpointRef(server.uri("slow"))

      let errors = Results<RPCError?>("the end of an ask")
      for _ in 0..<10 { ref.ask(Say(text: "")) { errors.add($0.error) } }
      let task = Task { try await ref.ask(Say(text: "")) }
      _ = await contexts.next(11)
      await server.shutdown()
      for error in await errors.next(10) { assertIs(error, .connectionLost, execution: .unknown, "\(dispatch)") }
      await assertThrows(.connectionLost, execution: .unknown, "\(dispatch)") { try await task.value }

      // While it is away, each ask fails with an attempt of its own.
      for _ in 0..<3 {
        await assertThrows(.connectFailed, execution: .notExecuted, "\(dispatch)") {
          try await ref.ask(Say(text: ""))
        }
      }
      server = try await makeServer(Self.thisPortOnly, port: port)
      try server.register("slow", Scripted.answering { say, context in try context.reply(say.text) }, on: dispatch)
      let reply = try await ref.ask(Say(text: "back"))
      XCTAssertEqual(reply, "back", "\(dispatch)")
      XCTAssertEqual(errors.values.count, 10, "\(dispatch)")
      await client.shutdown()
      await server.shutdown()
    }
  }

  func testServerDiesWithAsksOutstandingAndAnotherTakesItsPort() async throws {
    let client = try await makeClient()
    let errors = Results<RPCError?>("the end of an ask")
    var listener: RawListener? = try RawListener()
    let port = listener?.port ?? 0
    let ref = try client.remoteRef(name: "echo", address: RPCAddress(host: "127.0.0.1", port: port))
    for _ in 0..<20 { ref.ask(Say(text: "")) { errors.add($0.error) } }
    ref.ask(bytes: [1].rawSpan) { reply in
      do throws(RPCError) {
        _ = try reply.bytes
        errors.add(nil)
      } catch {
        errors.add(error)
      }
    }
    let peer = try await listener?.acceptPeer()
    for _ in 0..<21 { _ = try await peer?.receiveFrame() }
    listener = nil
    peer?.reset()
    for error in await errors.next(21) { assertIs(error, .connectionLost, execution: .unknown) }

    let server = try await makeServer(Self.thisPortOnly, port: port)
    try server.register("echo", Echo())
    let reply = try await ref.ask(Say(text: "another"))
    XCTAssertEqual(reply, "another")
    XCTAssertEqual(errors.values.count, 21)
  }

  func testAskerThatAsksAgainInItsCallbackGetsANewConnection() async throws {
    let listener = try RawListener()
    let client = try await makeClient()
    let ref = try client.remoteRef(name: "echo", address: RPCAddress(host: "127.0.0.1", port: listener.port))
    let ends = Results<RPCError?>("the end of an ask")
    Persistent(ref: ref, ends: ends).ask()
    for round in 1..<4 {
      let peer = try await listener.acceptPeer()
      _ = try await peer.receiveFrame()
      peer.reset()
      let errors = await ends.next()
      XCTAssertEqual(errors.count, round, "one failure for each connection")
      for error in errors { assertIs(error, .connectionLost) }
    }
    let last = try await listener.acceptPeer()
    let id = Array(try await last.receiveFrame()[9..<17])
    try last.send(bytes(hex: "0000000000000019 04") + id + bytes(hex: "00000004 02 02 6f6b"))
    let all = await ends.next()
    XCTAssertEqual(all.count, 4)
    XCTAssertNil(all[3])
    last.reset()
  }

  func testMessagesThatAreSentWhenAnAskFailsGoToANewConnection() async throws {
    let listener = try RawListener()
    let client = try await makeClient()
    let ref = try client.remoteRef(name: "echo", address: RPCAddress(host: "127.0.0.1", port: listener.port))
    let failed = Signal("the end of the ask")
    ref.ask(Say(text: "")) { _ in
      for byte in 0..<3 { try? ref.send(bytes: [UInt8(byte)]) }
      failed.fire()
    }
    let first = try await listener.acceptPeer()
    _ = try await first.receiveFrame()
    first.reset()
    await failed.comes()
    let second = try await listener.acceptPeer()
    for byte in 0..<3 {
      let frame = try await second.receiveFrame()
      XCTAssertEqual(frame.last, UInt8(byte))
    }
    second.reset()
  }

  func testPeerThatEndsItsSideIsConnectedToAgainWhileItsOwnRequestWaits() async throws {
    let listener = try RawListener()
    let contexts = Results<RPCBytesCallContext>("the peer's request")
    let client = try await makeClient()
    let endpoint = Scripted()
    endpoint.askedBytes = { _, context in contexts.add(context) }
    try client.register("mine", endpoint)
    let ref = try client.remoteRef(name: "echo", address: RPCAddress(host: "127.0.0.1", port: listener.port))
    let errors = Results<RPCError?>("the end of an ask")
    ref.ask(Say(text: "")) { errors.add($0.error) }
    let first = try await listener.acceptPeer()
    _ = try await first.receiveFrame()
    // The peer asks on the connection that was opened to it, and ends its side.
    try first.send(bytes(hex: "000000000000001e 03 0000000000000001 00000009 0000 0004 6d696e65 01"))
    first.finish()
    let call = await contexts.next()[0]
    for error in await errors.next() { assertIs(error, .connectionLost) }
    // The first connection still waits for the answer; there is a second one at once.
    ref.ask(Say(text: "")) { errors.add($0.error) }
    let second = try await listener.acceptPeer()
    _ = try await second.receiveFrame()
    XCTAssertEqual(errors.values.count, 1)
    try call.reply([7])
    let answer = try await first.receiveFrame()
    XCTAssertEqual(Array(answer.suffix(2)), [1, 7])
    second.reset()
    _ = await errors.next()
  }

  private static var withoutPause: RPCConfiguration {
    var configuration = RPCConfiguration()
    configuration.reconnectDelay = .zero
    return configuration
  }

  private static var thisPortOnly: RPCConfiguration {
    var configuration = RPCConfiguration()
    configuration.portRetries = 0
    return configuration
  }
}

/// Asks again, in the callback, until there is an answer.
private struct Persistent: Sendable {
  let ref: RPCEndpointRef
  let ends: Results<RPCError?>

  func ask() {
    ref.ask(Say(text: "")) { result in
      ends.add(result.error)
      if result.error != nil, ends.values.count < 100 { ask() }
    }
  }
}
