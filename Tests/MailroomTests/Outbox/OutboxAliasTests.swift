import MailroomQueue
import MailroomTransport
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
    XCTAssertTrue(try client.outbox(for: RPCAddress(host: "localhost", port: server.port)).resolved() === outbox)
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

  // MARK: Addresses that come to stand for somebody else

  private static func introduction(_ id: RPCEnvID, at port: Int, to request: Int64) throws -> [UInt8] {
    var answer = ByteWriter()
    Introduction(id: id, address: try RPCAddress(host: "127.0.0.1", port: port)).appendReply(to: &answer)
    return RawFrame.response(request, answer.array())
  }

  private func accept(_ listener: RawListener, as id: RPCEnvID, at port: Int) async throws -> RawSocket {
    let peer = try await listener.accept()
    let introduction = try await peer.next()
    try peer.send(Self.introduction(id, at: port, to: introduction.id))
    return peer
  }

  private var impatient: RPCConfiguration {
    var configuration = RPCConfiguration()
    configuration.reconnectDelay = .zero
    return configuration
  }

  /// An environment that has introduced itself at two addresses, and the one connection to it.
  private struct Alias {
    let (own, other): (RawListener, RawListener)
    let client: RPCEnv
    let (toOwn, toOther): (RPCEndpointRef, RPCEndpointRef)
    let connection: RawSocket
    /// The connection by which the other address was found to be an alias.
    let probe: RawSocket
  }

  private func makeAlias() async throws -> Alias {
    let (own, other, first) = (try RawListener(), try RawListener(), RPCEnvID.random())
    let client = try await makeClient(impatient)
    let toOwn = try client.remoteRef(name: "echo", address: RPCAddress(host: "127.0.0.1", port: own.port))
    let toOther = try client.remoteRef(name: "echo", address: RPCAddress(host: "127.0.0.1", port: other.port))
    try toOwn.send(bytes: [1])
    let connection = try await accept(own, as: first, at: own.port)
    let one = try await connection.next()
    XCTAssertEqual(one.content, [1, 1])
    try toOther.send(bytes: [2])
    let probe = try await accept(other, as: first, at: own.port)
    let two = try await connection.next()
    XCTAssertEqual(two.content, [1, 2], "one environment, one connection")
    return Alias(
      own: own, other: other, client: client, toOwn: toOwn, toOther: toOther, connection: connection, probe: probe)
  }

  func testAliasEndsWithTheConnectionByWhichItWasFound() async throws {
    let alias = try await makeAlias()
    let (own, other, toOwn, toOther) = (alias.own, alias.other, alias.toOwn, alias.toOther)
    let hasEnded = try await alias.probe.receivesNothingMore()
    XCTAssertTrue(hasEnded)
    // Now somebody else is at the environment's address, and the other one leads to somebody else again.
    alias.connection.reset()
    await eventually("the end is noticed") { alias.client.state.withLock { $0.introduced.isEmpty } }
    try toOther.send(bytes: [3])
    let third = try await accept(other, as: .random(), at: other.port)
    let three = try await third.next()
    XCTAssertEqual(three.content, [1, 3], "what is for the other address goes there")
    try toOwn.send(bytes: [4])
    let fourth = try await accept(own, as: .random(), at: own.port)
    let four = try await fourth.next()
    XCTAssertEqual(four.content, [1, 4])
    third.reset()
    fourth.reset()
  }

  func testWhatComesByAnAliasThatHasJustEndedGoesBackToItsAddress() async throws {
    let alias = try await makeAlias()
    guard case .remote(let home) = alias.toOther.target else { return XCTFail("it is remote") }
    // A sender has found the way by the alias, and then the connection ends before the message is queued.
    let way = home.current
    XCTAssertTrue(way !== home)
    alias.connection.reset()
    await eventually("the alias has ended") { home.outbox.resolved() !== way.outbox }
    var content = ByteWriter()
    content.append([Content.raw, 3])
    try way.admit(byteCount: content.count)
    way.outbox.post(OutboxMessage(content, to: way, of: home))
    let last = try await accept(alias.other, as: .random(), at: alias.other.port)
    let message = try await last.next()
    XCTAssertEqual(message.content, [1, 3])
    last.reset()
  }

  func testLoneRequestByAnAliasThatHasJustEndedGoesBackToItsAddress() async throws {
    let alias = try await makeAlias()
    guard case .remote(let home) = alias.toOther.target else { return XCTFail("it is remote") }
    let way = home.current
    alias.connection.reset()
    await eventually("the alias has ended") { home.outbox.resolved() !== way.outbox }
    // Somebody else is at the environment's address, and the connection there has nothing to do.
    try alias.toOwn.send(bytes: [3])
    let third = try await accept(alias.own, as: .random(), at: alias.own.port)
    let three = try await third.next()
    XCTAssertEqual(three.content, [1, 3])
    await eventually("the loop sleeps") { way.outbox.loop.borrow { true } }
    var content = ByteWriter()
    content.append([Content.raw, 4])
    try way.admit(byteCount: content.count)
    way.outbox.post(OutboxMessage(content, to: way, of: home, .function { _ in }))
    let fourth = try await accept(alias.other, as: .random(), at: alias.other.port)
    let four = try await fourth.next()
    XCTAssertEqual(four.content, [1, 4])
    third.reset()
    fourth.reset()
  }

  func testWhatWaitsForAnAliasGoesBackToItsAddress() async throws {
    let alias = try await makeAlias()
    let (own, other, toOwn, toOther) = (alias.own, alias.other, alias.toOwn, alias.toOther)
    let connection = alias.connection
    // The endpoint takes nothing, so what is sent now waits.
    try connection.send(RawFrame.pause("echo") + RawFrame.request(1, to: "missing", [1]))
    _ = try await connection.next()
    try toOwn.send(bytes: [3])
    try toOther.send(bytes: [4])
    try toOther.send(bytes: [5])
    connection.reset()
    let third = try await accept(own, as: .random(), at: own.port)
    let three = try await third.next()
    XCTAssertEqual(three.content, [1, 3])
    let fourth = try await accept(other, as: .random(), at: other.port)
    let four = try await fourth.next(2)
    XCTAssertEqual(four.map(\.content), [[1, 4], [1, 5]])
    third.reset()
    fourth.reset()
  }

  func testEnvironmentThatSaysItIsAnotherGetsNothingOfIt() async throws {
    let (hostile, honest) = (try RawListener(), try await makeServer())
    let echo = Echo()
    let (notes, noted) = (echo.notes, echo.noted)
    try honest.register("echo", echo)
    let client = try await makeClient(impatient)
    let toHostile = try client.remoteRef(name: "echo", address: RPCAddress(host: "127.0.0.1", port: hostile.port))
    try toHostile.send(bytes: [1])
    let connection = try await accept(hostile, as: honest.id, at: honest.port)
    _ = try await connection.next()
    let toHonest = try client.remoteRef(name: "echo", address: XCTUnwrap(honest.address))
    try toHonest.send(Note(text: "secret"))
    await noted.comes()
    XCTAssertEqual(notes.value, ["secret"])
    connection.reset()
  }

  func testPeerThatIntroducesItselfTwiceIsForgotten() async throws {
    let listener = try RawListener()
    let client = try await makeClient(impatient)
    let ref = try client.remoteRef(name: "echo", address: RPCAddress(host: "127.0.0.1", port: listener.port))
    for round in 0..<3 {
      try ref.send(bytes: [UInt8(round)])
      let peer = try await listener.accept()
      let introduction = try await peer.next()
      var content = ByteWriter()
      Introduction(id: .random(), address: nil).appendRequest(to: &content)
      try peer.send(RawFrame.request(-1, to: Introduction.endpointName, content.array()))
      try peer.send(Self.introduction(.random(), at: listener.port, to: introduction.id))
      _ = try await peer.next(2)
      peer.reset()
      await eventually("the connection is forgotten") { client.state.withLock { $0.introduced.isEmpty } }
    }
  }
}
