import TestSupport
import XCTest

@testable import Mailroom

/// Rows RE25, RE36 and NE2: making environments, and registering.
final class RPCEnvTests: EnvironmentTestCase {
  // MARK: Listening

  func testRE25TakenPortIsPassedOver() async throws {
    let first = try await makeServer()
    let log = LogLines()
    var configuration = RPCConfiguration()
    configuration.logger = log.logger
    let second = try await makeServer(configuration, port: first.port, name: "second")
    XCTAssertNotEqual(first.port, second.port)
    XCTAssertEqual(
      log.lines.value,
      ["warning: The environment second listens on the port \(second.port), for \(first.port) is taken"])
    XCTAssertTrue((1024...65535).contains(second.port))
    for env in [first, second] {
      let ref = try env.register("echo", Echo())
      let remote = try await (env === first ? second : first).endpointRef(env.uri("echo"))
      let reply = try await remote.ask(Say(text: ref.description))
      XCTAssertEqual(reply, env.uri("echo"))
    }

    configuration.portRetries = 0
    let error = await assertThrows(.bindFailed) {
      try await RPCEnv.start(name: "third", port: first.port, configuration: configuration)
    }
    XCTAssertTrue(error?.message.contains("127.0.0.1:\(first.port)") ?? false, "\(error?.message ?? "")")
  }

  func testRE25LastPortIsFollowedByTheFirstOneForUsers() async throws {
    // Whoever has the last port, if anybody does, keeps it.
    let holder = try? await makeServer(port: 65535)
    let next = try await makeServer(port: 65535)
    if let holder, holder.port == 65535 { XCTAssertTrue((1024...1040).contains(next.port), "\(next.port)") }
  }

  func testPortsOfTheSystemAreRefused() async throws {
    for port in [-1, 1, 80, 1023, 65536] {
      await assertThrows(.invalidArgument, execution: .notExecuted, "\(port)") {
        try await RPCEnv.start(name: "server", port: port)
      }
    }
  }

  func testNE2AdvertisedHostIsInAddressesAndReferences() async throws {
    let env = try await RPCEnv.start(name: "server", advertisedHost: "localhost")
    XCTAssertEqual(env.address?.host, "localhost")
    let ref = try env.register("echo", Echo())
    XCTAssertEqual(ref.description, "rpc://echo@localhost:\(env.port)")
    // It is reached by that name, and by the address it is bound to.
    let client = try await makeClient()
    for host in ["localhost", "127.0.0.1"] {
      let remote = try await client.endpointRef("rpc://echo@\(host):\(env.port)")
      let reply = try await remote.ask(Say(text: host))
      XCTAssertEqual(reply, host)
    }
    // Looking up at the own address needs no socket.
    let own = try await env.endpointRef("spark://echo@localhost:\(env.port)")
    XCTAssertEqual(own, ref)
    await env.shutdown()
  }

  func testIPv6() async throws {
    let server: RPCEnv
    do throws(RPCError) {
      server = try await RPCEnv.start(name: "server", host: "::1")
    } catch {
      throw XCTSkip("this machine has no IPv6: \(error)")
    }
    XCTAssertEqual(server.address?.host, "[::1]")
    try server.register("echo", Scripted.answering { _, context in try context.reply(context.sender) })
    let client = try await makeClient()
    for uri in [server.uri("echo"), "spark://echo@[0:0::1]:\(server.port)"] {
      let ref = try await client.endpointRef(uri)
      XCTAssertEqual(ref.description, "rpc://echo@[::1]:\(server.port)")
      let peer = try await ref.ask(Say(text: ""))
      XCTAssertTrue(peer.hasPrefix("[::1]:"), peer)
    }
    await client.shutdown()
    await server.shutdown()
  }

  func testHostsThatCannotBeBoundAreRefused() async throws {
    await assertThrows(.invalidAddress, execution: .notExecuted) { try await RPCEnv.start(name: "s", host: "") }
    await assertThrows(.invalidAddress, execution: .notExecuted) { try await RPCEnv.start(name: "s", host: "a b") }
    await assertThrows(.invalidAddress, execution: .notExecuted) {
      try await RPCEnv.start(name: "s", advertisedHost: "a/b")
    }
    await assertThrows(.unresolvableHost) { try await RPCEnv.start(name: "s", host: "no-such-host.invalid") }
    // An address for documentation, which no machine has.
    await assertThrows(.bindFailed) { try await RPCEnv.start(name: "s", host: "192.0.2.1") }
  }

  func testClientHasNoAddress() async throws {
    let client = try await makeClient()
    XCTAssertNil(client.address)
    XCTAssertEqual(client.name, "client")
    let ref = try client.register("mine", Echo())
    let reply = try await ref.ask(Say(text: "local all the same"))
    XCTAssertEqual(reply, "local all the same")
  }

  func testEnvironmentThatNobodyHoldsGoesOn() async throws {
    weak var weakEnv: RPCEnv?
    // In a function of its own, because a variable here would hold it.
    func start() async throws -> Int {
      let env = try await RPCEnv.start(name: "forgotten")
      weakEnv = env
      return env.port
    }
    let port = try await start()
    let client = try await makeClient()
    await assertThrows(.endpointNotFound) { try await client.endpointRef("rpc://nobody@127.0.0.1:\(port)") }
    let env = try XCTUnwrap(weakEnv, "it has threads and sockets until it is shut down")
    await env.shutdown()
  }

  func testEnvironmentIsFreedAfterShutdown() async throws {
    weak var weakServer: RPCEnv?
    weak var weakClient: RPCEnv?
    func use() async throws {
      let server = try await RPCEnv.start(name: "server")
      let client = try await RPCEnv.client(name: "client")
      (weakServer, weakClient) = (server, client)
      let local = try server.register("echo", Echo())
      _ = try await local.ask(Say(text: ""))
      let ref = try await client.endpointRef(server.uri("echo"))
      _ = try await ref.ask(Say(text: ""))
      await client.shutdown()
      await server.shutdown()
    }
    try await use()
    await eventually("the environments are freed") { weakServer == nil && weakClient == nil }
  }

  // MARK: Registering

  func testNameIsRegisteredOnce() async throws {
    let env = try await makeServer()
    for dispatch in Way.dispatches {
      let ref = try env.register("echo", Echo(), on: dispatch)
      for other in Way.dispatches {
        let error = await assertThrows(.endpointExists, execution: .notExecuted) {
          try env.register("echo", Echo(), on: other)
        }
        XCTAssertEqual(error?.message, "there is already an endpoint called echo")
      }
      let reply = try await ref.ask(Say(text: "the first"))
      XCTAssertEqual(reply, "the first")
      env.stop(ref)
    }
  }

  func testNamesThatCannotBeInAURIAreRefused() async throws {
    let env = try await makeServer()
    for name in ["", "a b", "a@b", "a/b", "\u{E9}", "a\n", String(repeating: "n", count: 65536)] {
      await assertThrows(.invalidAddress, execution: .notExecuted, name) { try env.register(name, Echo()) }
    }
    let odd = "-._~!$&'()*+,;=:"
    let ref = try env.register(odd, Echo())
    let client = try await makeClient()
    let remote = try await client.endpointRef(env.uri(odd))
    XCTAssertEqual(remote, ref)
    let reply = try await remote.ask(Say(text: "reached"))
    XCTAssertEqual(reply, "reached")
  }

  func testNameOfTheVerifierIsTaken() async throws {
    let env = try await makeServer()
    await assertThrows(.endpointExists) { try env.register("endpoint-verifier", Echo()) }
  }

  func testDuplicateWireNamesAreRefused() async throws {
    let env = try await makeServer()
    let error = await assertThrows(.invalidArgument, execution: .notExecuted) {
      try env.register("ambiguous", Ambiguous())
    }
    XCTAssertTrue(error?.message.contains("Twin") ?? false, "\(error?.message ?? "")")
  }

  func testDedicatedEndpointNeedsAThreadThatItCanUse() async throws {
    let env = try await makeServer()
    // A serial endpoint could not use more than one.
    for threads in [0, -1, 2, 3] {
      await assertThrows(.invalidArgument, execution: .notExecuted) {
        try env.register("echo", Echo(), on: .dedicated(threads: threads))
      }
    }
    let ref = try env.register("echo", Echo(), on: .dedicated(threads: 1))
    let reply = try await ref.ask(Say(text: "one"))
    XCTAssertEqual(reply, "one")
  }

  func testEndpointsAreRegisteredAndStoppedByManyThreads() async throws {
    let env = try await makeServer()
    let stops = Box(0)
    try await fromThreads(8) { thread in
      for round in 0..<20 {
        let endpoint = Scripted()
        endpoint.stopped = { _ in stops.update { $0 += 1 } }
        let dispatch = Way.dispatches[(thread + round) % 3]
        let ref = try env.register("endpoint-\(thread)", endpoint, on: dispatch)
        try ref.send(Note(text: ""))
        // Somebody else's name is taken or free, whichever; nothing breaks.
        if let other = try? env.register("shared-name", Echo()) { env.stop(other) }
        env.stop(ref)
        env.stop(ref)
      }
    }
    await env.shutdown()
    XCTAssertEqual(stops.value, 160)
  }

  func testReferenceOfAnotherEnvironmentStopsNothing() async throws {
    let (server, client) = (try await makeServer(), try await makeClient())
    let local = try server.register("echo", Echo())
    let remote = try await client.endpointRef(server.uri("echo"))
    client.stop(remote)
    client.stop(local)
    server.stop(remote)
    let reply = try await remote.ask(Say(text: "still here"))
    XCTAssertEqual(reply, "still here")
  }

  func testReferenceOfAnEndpointIsFoundByTheObjectOnly() async throws {
    let env = try await makeServer()
    try env.register("echo", Echo())
    XCTAssertNil(env.endpointRef(of: Echo()))
  }

  func testHandlersMayRegisterAndStopEndpoints() async throws {
    for dispatch in Way.dispatches {
      let env = try await makeServer()
      let stops = Results<String>("an onStop")
      let parent = Scripted.answering { say, context in
        // Children of all kinds: replaced when they are there, so that endpoints end and begin on every thread.
        for (index, kind) in Way.dispatches.enumerated() {
          if let old = env.dispatcher.find("child-\(index)") { env.dispatcher.stop(old.inbox) }
          let child = Scripted()
          child.stopped = { _ in stops.add(say.text) }
          try env.register("child-\(index)", child, on: kind)
        }
        try context.reply(say.text)
      }
      parent.started = { _, _ in try env.register("sibling", Echo(), on: dispatch) }
      let ref = try env.register("parent", parent, on: dispatch)
      for round in 0..<10 {
        let reply = try await ref.ask(Say(text: "\(round)"))
        XCTAssertEqual(reply, "\(round)", "\(dispatch)")
      }
      let sibling = try await env.endpointRef(env.uri("sibling")).ask(Say(text: "here"))
      XCTAssertEqual(sibling, "here", "\(dispatch)")
      await env.shutdown()
      XCTAssertEqual(stops.values.count, 30, "\(dispatch)")
    }
  }

  // MARK: Dispatching

  func testEndpointOfTheEventLoopServesItsOwnEnvironmentWhilePeersFloodIt() async throws {
    let (server, client) = (try await makeServer(), try await makeClient())
    let counter = try server.register("counter", Counter(), on: .eventLoop)
    let remote = try await client.endpointRef(server.uri("counter"))
    let flood = Task.detached { for _ in 0..<20_000 { try remote.send(Add(1)) } }
    for _ in 0..<50 {
      // The flood may have filled the inbox.
      try await counter.send(Add(1), waitingAtMost: .seconds(20))
      _ = try await counter.ask(Total())
    }
    try await flood.value
    // Behind the flood.
    _ = try await remote.ask(Total())
    let total = try await counter.ask(Total())
    XCTAssertEqual(total, 20_050)
  }

  func testRE36BlockedDedicatedEndpointBlocksNobodyElse() async throws {
    var configuration = RPCConfiguration()
    configuration.messageLoopThreads = 1
    let (server, client) = (try await makeServer(configuration), try await makeClient())
    let gate = Gate("the end of the block")
    defer { gate.open() }
    let blocked = Signal("the block")
    let endpoint = Scripted()
    endpoint.noted = { _, _ in
      blocked.fire()
      gate.pass()
    }
    let ref = try server.register("blocked", endpoint, on: .dedicated())
    try ref.send(Note(text: ""))
    await blocked.comes()
    for dispatch in Way.dispatches {
      let other = try server.register("other", Echo(), on: dispatch)
      let local = try await other.ask(Say(text: "local"))
      XCTAssertEqual(local, "local", "\(dispatch)")
      let remote = try await client.endpointRef(server.uri("other")).ask(Say(text: "remote"))
      XCTAssertEqual(remote, "remote", "\(dispatch)")
      server.stop(other)
    }
  }

  func testBlockedThreadOfThePoolLeavesTheOthersToTheRest() async throws {
    var configuration = RPCConfiguration()
    configuration.messageLoopThreads = 2
    let server = try await makeServer(configuration)
    let gate = Gate("the end of the block")
    defer { gate.open() }
    let blocked = Signal("the block")
    let endpoint = Scripted()
    endpoint.noted = { _, _ in
      blocked.fire()
      gate.pass()
    }
    try server.register("blocked", endpoint).send(Note(text: ""))
    await blocked.comes()
    let refs = try (0..<10).map { try server.register("echo-\($0)", Echo()) }
    for ref in refs {
      let reply = try await ref.ask(Say(text: ref.name))
      XCTAssertEqual(reply, ref.name)
    }
  }
}

private enum Left {
  struct Twin: RPCMessage, Codable {}
}

private enum Right {
  struct Twin: RPCMessage, Codable {}
}

private final class Ambiguous: RPCEndpoint {
  static func handlers(_ on: inout RPCHandlers<Ambiguous>) {
    on.receive(Left.Twin.self) { _, _ in }
    on.receive(Right.Twin.self) { _, _ in }
  }
}
