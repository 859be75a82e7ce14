import Mailroom
import TestSupport
import XCTest

/// Rows RE8 to RE16 of the reference's RpcEnvSuite: the life of an endpoint.
final class RPCEndpointTests: EnvironmentTestCase {
  /// Registers a scripted endpoint for each kind of dispatching, and says when it has been stopped.
  private func inEveryDispatch(_ body: (RPCEnv, RPCDispatch, Log) async throws -> Void) async throws {
    for dispatch in Way.dispatches {
      let env = try await makeServer()
      try await body(env, dispatch, Log())
      await env.shutdown()
    }
  }

  func testRE8OnStartAndOnStopRunOnceInThisOrder() async throws {
    try await inEveryDispatch { env, dispatch, log in
      let ref = try env.register("journal", log.endpoint(), on: dispatch)
      try ref.send(Note(text: "note"))
      env.stop(ref)
      await log.stopped.comes()
      XCTAssertEqual(log.events.value, ["start", "note", "stop"], "\(dispatch)")
    }
  }

  func testRE8EndpointIsStoppedWithItsEnvironment() async throws {
    try await inEveryDispatch { env, dispatch, log in
      let ref = try env.register("journal", log.endpoint(), on: dispatch)
      for index in 0..<100 { try ref.send(Note(text: "\(index)")) }
      await env.shutdown()
      XCTAssertEqual(log.events.value, ["start"] + (0..<100).map { "\($0)" } + ["stop"], "\(dispatch)")
    }
  }

  func testRE9ErrorInOnStartReachesOnErrorAndTheEndpointStays() async throws {
    try await inEveryDispatch { env, dispatch, log in
      let endpoint = log.endpoint()
      endpoint.started = { _, _ in throw Oops(description: "in onStart") }
      let ref = try env.register("journal", endpoint, on: dispatch)
      let reply = try await ref.ask(Say(text: "still here"))
      XCTAssertEqual(reply, "still here", "\(dispatch)")
      XCTAssertEqual(log.events.value, ["error in onStart"], "\(dispatch)")
    }
  }

  func testRE10ErrorInOnStopReachesOnError() async throws {
    try await inEveryDispatch { env, dispatch, log in
      let endpoint = log.endpoint()
      endpoint.stopped = { _ in throw Oops(description: "in onStop") }
      env.stop(try env.register("journal", endpoint, on: dispatch))
      await env.shutdown()
      XCTAssertEqual(log.events.value, ["start", "error in onStop"], "\(dispatch)")
    }
  }

  func testRE11ErrorInAHandlerReachesOnError() async throws {
    try await inEveryWay { way in
      let log = Log()
      let endpoint = log.endpoint()
      endpoint.noted = { _, note in throw Oops(description: note.text) }
      let ref = try await way.register("journal", endpoint)
      try ref.send(Note(text: "of a message"))
      let reply = try await ref.ask(Say(text: "still here"))
      XCTAssertEqual(reply, "still here", "\(way)")
      XCTAssertEqual(log.events.value, ["start", "error of a message"], "\(way)")
    }
  }

  func testRE12RE13OwnReferenceWorksInOnStartAndInHandlers() async throws {
    try await inEveryDispatch { env, dispatch, log in
      let endpoint = log.endpoint()
      let events = log.events
      endpoint.started = { endpoint, me in
        events.append(env.endpointRef(of: endpoint) == me ? "found in onStart" : "not found in onStart")
        try me.send(Note(text: "from onStart"))
      }
      let noted = Signal("the note from onStart")
      endpoint.noted = { endpoint, note in
        events.append(env.endpointRef(of: endpoint)?.name ?? "not found in a handler")
        events.append(note.text)
        noted.fire()
      }
      try env.register("journal", endpoint, on: dispatch)
      await noted.comes()
      XCTAssertEqual(log.events.value, ["found in onStart", "journal", "from onStart"], "\(dispatch)")
    }
  }

  func testRE14OwnReferenceIsGoneInOnStop() async throws {
    try await inEveryDispatch { env, dispatch, log in
      let endpoint = log.endpoint()
      let events = log.events
      let stopped = log.stopped
      endpoint.stopped = { endpoint in
        events.append(env.endpointRef(of: endpoint) == nil ? "gone" : "still there")
        stopped.fire()
      }
      env.stop(try env.register("journal", endpoint, on: dispatch))
      await log.stopped.comes()
      XCTAssertEqual(log.events.value, ["start", "gone"], "\(dispatch)")
    }
  }

  func testRE15MessagesOfManyThreadsAreHandledOneAtATime() async throws {
    let env = try await makeServer()
    for dispatch in Way.dispatches {
      for round in 0..<25 {
        let counter = try env.register("counter", Counter(), on: dispatch)
        try await fromThreads(10) { _ in
          for _ in 0..<100 { try counter.send(Add(1)) }
        }
        let total = try await counter.ask(Total())
        XCTAssertEqual(total, 1000, "\(dispatch), round \(round)")
        env.stop(counter)
      }
    }
  }

  func testRE16StoppingTwiceStopsOnce() async throws {
    try await inEveryDispatch { env, dispatch, log in
      let endpoint = log.endpoint()
      let events = log.events
      endpoint.started = { endpoint, me in
        events.append("start")
        endpoint.me = me
      }
      endpoint.stopped = { endpoint in
        events.append("stop")
        if let me = endpoint.me { env.stop(me) }
      }
      let ref = try env.register("journal", endpoint, on: dispatch)
      env.stop(ref)
      env.stop(ref)
      await env.shutdown()
      env.stop(ref)
      XCTAssertEqual(log.events.value, ["start", "stop"], "\(dispatch)")
    }
  }

  func testEndpointMayStopItselfInAHandler() async throws {
    try await inEveryWay { way in
      let log = Log()
      let endpoint = log.endpoint()
      let server = way.server
      let events = log.events
      endpoint.noted = { endpoint, note in
        events.append(note.text)
        if note.text == "stop", let me = server.endpointRef(of: endpoint) { server.stop(me) }
      }
      let ref = try await way.register("journal", endpoint)
      try ref.send(Note(text: "first"))
      try ref.send(Note(text: "stop"))
      await log.stopped.comes()
      XCTAssertEqual(log.events.value, ["start", "first", "stop", "stop"], "\(way)")
      let error = await assertThrows(way.client == nil ? .endpointStopped : .endpointNotFound, execution: .notExecuted)
      {
        try await ref.ask(Say(text: "late"))
      }
      XCTAssertNotNil(error)
    }
  }

  func testNameIsFreeAsSoonAsItsEndpointIsStopped() async throws {
    try await inEveryWay { way in
      let gate = Gate("the end of the first endpoint")
      let blocking = Scripted()
      // An event loop must not be blocked, so there the first one just ends.
      if way.dispatch != .eventLoop { blocking.stopped = { _ in gate.pass() } }
      let first = try way.server.register("name", blocking, on: way.dispatch == .shared ? .dedicated() : way.dispatch)
      way.server.stop(first)
      let ref = try await way.register("name", Echo())
      let reply = try await ref.ask(Say(text: "second"))
      XCTAssertEqual(reply, "second", "\(way)")
      // The old reference does not stop the new endpoint.
      way.server.stop(first)
      let again = try await ref.ask(Say(text: "still the second"))
      XCTAssertEqual(again, "still the second", "\(way)")
      gate.open()
    }
  }

  func testMessagesOfOneConnectionReachTheNewOwnerOfAName() async throws {
    let (server, client) = (try await makeServer(), try await makeClient())
    let first = try server.register("name", Scripted.answering { _, context in try context.reply("first") })
    let ref = try await client.endpointRef(server.uri("name"))
    let before = try await ref.ask(Say(text: ""))
    XCTAssertEqual(before, "first")
    server.stop(first)
    try server.register("name", Scripted.answering { _, context in try context.reply("second") }, on: .eventLoop)
    let after = try await ref.ask(Say(text: ""))
    XCTAssertEqual(after, "second")
  }

  func testStoppedEndpointIsFreedThoughItKeptItsReference() async throws {
    try await inEveryDispatch { env, dispatch, log in
      let freed = Signal("the end of the endpoint's object")
      // In a function of its own, because a variable here would keep the object too.
      func register() throws -> RPCEndpointRef {
        let endpoint = log.endpoint()
        endpoint.started = { endpoint, me in endpoint.me = me }
        endpoint.freed = { freed.fire() }
        return try env.register("journal", endpoint, on: dispatch)
      }
      let ref = try register()
      _ = try await ref.ask(Say(text: ""))
      env.stop(ref)
      await freed.comes()
      XCTAssertEqual(log.events.value, ["stop"], "\(dispatch)")
    }
  }
}

/// What happens to a scripted endpoint, in order.
private struct Log: Sendable {
  let events = Box<[String]>([])
  let stopped = Signal("the endpoint's end")

  func endpoint() -> sending Scripted {
    let (events, stopped) = (events, stopped)
    let endpoint = Scripted()
    endpoint.started = { _, _ in events.append("start") }
    endpoint.stopped = { _ in
      events.append("stop")
      stopped.fire()
    }
    endpoint.noted = { _, note in events.append(note.text) }
    endpoint.failed = { events.append("error \(($0 as? Oops)?.description ?? "\($0)")") }
    return endpoint
  }
}
