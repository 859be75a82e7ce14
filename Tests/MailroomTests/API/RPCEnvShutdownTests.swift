import TestSupport
import XCTest

@testable import Mailroom

/// How environments end: from where, in which order, and what is left.
final class RPCEnvShutdownTests: EnvironmentTestCase {
  // MARK: Who is told what

  func testX3AskAfterShutdownFailsTheSameWayEverywhere() async throws {
    try await inEveryWay { way in
      let ref = try await way.register("echo", Echo())
      _ = try await ref.ask(Say(text: ""))
      let env = way.client ?? way.server
      await env.shutdown()
      XCTAssertTrue(env.isStopped)
      await assertThrows(.stopped, execution: .notExecuted, "\(way)") { try await ref.ask(Say(text: "")) }
      await assertThrows(.stopped, execution: .notExecuted, "\(way)") { try await ref.ask(bytes: [1]) }
      await assertThrows(.stopped, execution: .notExecuted, "\(way)") { try ref.send(Note(text: "")) }
      await assertThrows(.stopped, execution: .notExecuted, "\(way)") { try ref.send(bytes: [1]) }
      let replies = Results<RPCError?>("the error")
      ref.ask(Say(text: "")) { replies.add($0.error) }
      ref.ask(bytes: [1].rawSpan) { reply in
        do throws(RPCError) { _ = try reply.bytes } catch { replies.add(error) }
      }
      for error in await replies.next(2) { assertIs(error, .stopped, execution: .notExecuted, "\(way)") }
      await assertThrows(.stopped, execution: .notExecuted, "\(way)") { try env.register("late", Echo()) }
      await assertThrows(.stopped, execution: .notExecuted, "\(way)") {
        try await env.endpointRef("rpc://echo@127.0.0.1:7077")
      }
    }
  }

  func testOutstandingAsksFailWhenTheAskersEnvironmentEnds() async throws {
    var impatient = RPCConfiguration()
    impatient.transport.closeTimeout = .milliseconds(20)
    for dispatch in Way.dispatches {
      for isRemote in [false, true] {
        let server = try await makeServer(impatient)
        let asker = isRemote ? try await makeClient(impatient) : server
        let contexts = Results<RPCCallContext<String>>("a call")
        try server.register("slow", Scripted.answering { _, context in contexts.add(context) }, on: dispatch)
        let ref = try await asker.endpointRef(server.uri("slow"))
        let task = Task { try await ref.ask(Say(text: "")) }
        let replies = Results<RPCError?>("the error")
        ref.ask(Say(text: "")) { replies.add($0.error) }
        _ = await contexts.next(2)
        await asker.shutdown()
        // Both have been handled, so that nobody may take them for not executed.
        let way = "\(dispatch), remote: \(isRemote)"
        await assertThrows(.stopped, execution: .unknown, way) { try await task.value }
        for error in await replies.next() { assertIs(error, .stopped, execution: .unknown, way) }
        XCTAssertEqual(replies.values.count, 1)
      }
    }
  }

  func testOutstandingLookupFailsWhenTheEnvironmentEnds() async throws {
    let listener = try RawListener()
    var impatient = RPCConfiguration()
    impatient.transport.closeTimeout = .milliseconds(20)
    let client = try await makeClient(impatient)
    let uri = "rpc://echo@127.0.0.1:\(listener.port)"
    let task = Task { try await client.endpointRef(uri) }
    let peer = try await listener.acceptPeer()
    _ = try await peer.receiveFrame()
    await client.shutdown()
    await assertThrows(.stopped) { try await task.value }
  }

  func testAsksFailWhenTheEnvironmentEndsWhileItConnects() async throws {
    // Whoever comes when the backlog is full is not answered until somebody is accepted.
    let listener = try RawListener(backlog: 0)
    let filler = try RawSocket(port: listener.port)
    let client = try await makeClient()
    let ref = try client.remoteRef(name: "echo", address: RPCAddress(host: "127.0.0.1", port: listener.port))
    let replies = Results<RPCError?>("the error")
    for _ in 0..<5 { ref.ask(Say(text: "")) { replies.add($0.error) } }
    try ref.send(Note(text: ""))
    let task = Task { try await client.endpointRef("rpc://echo@127.0.0.1:\(listener.port)") }
    await client.shutdown()
    for error in await replies.next(5) { assertIs(error, .stopped, execution: .notExecuted) }
    await assertThrows(.stopped, execution: .notExecuted) { try await task.value }
    filler.reset()
  }

  func testPeersAskFailsWhenTheServerEnds() async throws {
    for dispatch in Way.dispatches {
      let (server, client) = (try await makeServer(), try await makeClient())
      let contexts = Results<RPCCallContext<String>>("a call")
      try server.register("slow", Scripted.answering { _, context in contexts.add(context) }, on: dispatch)
      let ref = try await client.endpointRef(server.uri("slow"))
      let replies = Results<RPCError?>("the error")
      ref.ask(Say(text: "")) { replies.add($0.error) }
      _ = await contexts.next()
      await server.shutdown()
      for error in await replies.next() { assertIs(error, .connectionLost, "\(dispatch)") }
    }
  }

  func testQueuedMessagesAreHandledAndAnswered() async throws {
    for dispatch in [RPCDispatch.shared, .dedicated()] {
      let (server, client) = (try await makeServer(), try await makeClient())
      let gate = Gate("the shutdown")
      let blocked = Signal("the block")
      let endpoint = Scripted()
      let notes = Box<[String]>([])
      endpoint.noted = { _, note in
        if note.text == "block" {
          blocked.fire()
          gate.pass()
        }
        notes.append(note.text)
      }
      let local = try server.register("busy", endpoint, on: dispatch)
      let remote = try await client.endpointRef(server.uri("busy"))
      try local.send(Note(text: "block"))
      await blocked.comes()
      let replies = Results<String?>("a reply")
      for ref in [local, remote] {
        try ref.send(Note(text: "queued"))
        ref.ask(Say(text: "answered")) { replies.add($0.value) }
      }
      // The peer's messages are in the inbox when a lookup behind them is answered.
      _ = try await client.endpointRef(server.uri("busy"))
      let shutdown = Task { await server.shutdown() }
      await eventually("the environment is stopped") { server.isStopped }
      gate.open()
      await shutdown.value
      let values = await replies.next(2)
      XCTAssertEqual(values, ["answered", "answered"], "\(dispatch)")
      XCTAssertEqual(notes.value, ["block", "queued", "queued"], "\(dispatch)")
    }
  }

  func testRE35NothingButOnStopRunsAtTheEndAndNothingAfterwards() async throws {
    try await inEveryWay { way in
      let isEnded = Box(false)
      let late = Box<[String]>([])
      let endpoint = Scripted()
      endpoint.noted = { _, note in if isEnded.value { late.append(note.text) } }
      endpoint.stopped = { _ in if isEnded.value { late.append("onStop") } }
      endpoint.failed = { if isEnded.value { late.append("\($0)") } }
      let ref = try await way.register("busy", endpoint)
      let senders = (0..<3).map { sender in
        Task.detached {
          var count = 0
          while (try? ref.send(Note(text: "\(sender)"))) != nil, count < 100_000 {
            count += 1
            if count % 100 == 0 { await Task.yield() }
          }
        }
      }
      await way.server.shutdown()
      isEnded.update { $0 = true }
      await way.client?.shutdown()
      for sender in senders { await sender.value }
      XCTAssertEqual(late.value, [], "\(way)")
    }
  }

  // MARK: From where

  func testShutdownIsCalledManyTimesAtOnce() async throws {
    let server = try await makeServer()
    let stops = Box(0)
    let endpoint = Scripted()
    endpoint.stopped = { _ in stops.update { $0 += 1 } }
    try server.register("once", endpoint)
    let waiting = Task { await server.awaitTermination() }
    await withTaskGroup(of: Int.self) { group in
      for _ in 0..<8 {
        group.addTask {
          await server.shutdown()
          return stops.value
        }
      }
      for await seen in group { XCTAssertEqual(seen, 1) }
    }
    await waiting.value
    await server.shutdown()
    await server.awaitTermination()
    XCTAssertEqual(stops.value, 1)
  }

  func testShutdownIsCalledFromAHandlersTask() async throws {
    try await inEveryWay { way in
      let server = way.server
      let ended = Signal("the end of the environment")
      let ref = try await way.register(
        "fatal",
        Scripted.answering { say, context in
          Task {
            await server.shutdown()
            ended.fire()
          }
          try context.reply(say.text)
        })
      let reply = try await ref.ask(Say(text: "goodbye"))
      XCTAssertEqual(reply, "goodbye", "\(way)")
      await ended.comes()
    }
  }

  func testShutdownIsCalledFromOnStartOfAnEndpoint() async throws {
    for dispatch in Way.dispatches {
      let server = try await makeServer()
      let ended = Signal("the end of the environment")
      let stopped = Signal("onStop")
      let endpoint = Scripted()
      endpoint.started = { _, _ in
        Task {
          await server.shutdown()
          ended.fire()
        }
      }
      endpoint.stopped = { _ in stopped.fire() }
      try server.register("fatal", endpoint, on: dispatch)
      await ended.comes()
      await stopped.comes()
    }
  }

  func testEndpointsAreRegisteredWhileTheEnvironmentEnds() async throws {
    for _ in 0..<10 {
      let server = try await makeServer()
      let starts = Box(0)
      let stops = Box(0)
      let registered = Box(0)
      let shutdown = Task.detached { await server.shutdown() }
      try await fromThreads(6) { thread in
        for round in 0..<20 {
          let endpoint = Scripted()
          endpoint.started = { _, _ in starts.update { $0 += 1 } }
          endpoint.stopped = { _ in stops.update { $0 += 1 } }
          do throws(RPCError) {
            try server.register("endpoint-\(thread)-\(round)", endpoint, on: Way.dispatches[round % 3])
            registered.update { $0 += 1 }
          } catch {
            if error.code != .stopped { throw error }
          }
        }
      }
      await shutdown.value
      XCTAssertEqual(starts.value, registered.value)
      XCTAssertEqual(stops.value, registered.value)
    }
  }

  func testAsksMeetTheEndOfTheirEnvironment() async throws {
    for round in 0..<12 {
      let server = try await makeServer()
      let client = try await makeClient()
      let ref = try server.register("echo", Echo(), on: Way.dispatches[round % 3])
      let refs = [ref, try await client.endpointRef(server.uri("echo"))]
      let askers = (0..<8).map { index in
        Task.detached {
          var answers = 0
          while true {
            do throws(RPCError) {
              _ = try await refs[index % 2].ask(Say(text: "again"), timeout: .seconds(20))
              answers += 1
            } catch {
              return (answers, error.code)
            }
          }
        }
      }
      for ref in refs { _ = try await ref.ask(Say(text: "one")) }
      async let clientEnd: Void = client.shutdown()
      async let serverEnd: Void = server.shutdown()
      _ = await (clientEnd, serverEnd)
      let expected: Set<RPCError.Code> = [
        .stopped, .endpointStopped, .endpointNotFound, .connectionLost, .connectFailed,
      ]
      for asker in askers {
        let (_, code) = await asker.value
        XCTAssertTrue(expected.contains(code), "\(code)")
      }
    }
  }

  // MARK: Handlers that do not end

  func testHandlerThatBlocksIsLeftBehind() async throws {
    var configuration = RPCConfiguration()
    configuration.shutdownTimeout = .milliseconds(20)
    configuration.messageLoopThreads = 2
    for dispatch in [RPCDispatch.shared, .dedicated()] {
      let server = try await makeServer(configuration)
      let gate = Gate("the end of the shutdown")
      let blocked = Signal("the block")
      let stopped = Signal("onStop, at last")
      let threads = Results<KernelThread>("the blocked thread")
      let endpoint = Scripted()
      endpoint.noted = { _, _ in
        threads.add(.current)
        blocked.fire()
        gate.pass()
      }
      endpoint.stopped = { _ in stopped.fire() }
      let ref = try server.register("blocked", endpoint, on: dispatch)
      let other = Signal("onStop of another endpoint")
      let innocent = Scripted()
      innocent.stopped = { _ in other.fire() }
      try server.register("innocent", innocent)
      try ref.send(Note(text: ""))
      await blocked.comes()
      let replies = Results<RPCError?>("the error of an ask behind the block")
      ref.ask(Say(text: "")) { replies.add($0.error) }

      await server.shutdown()
      await other.comes()
      for error in await replies.next() { assertIs(error, .stopped, "\(dispatch)") }
      // The handler goes on to its end, then the endpoint and its thread end.
      gate.open()
      await stopped.comes()
      let thread = await threads.next()[0]
      await eventually("the thread that was left behind ends") { !thread.isAlive }
      XCTAssertEqual(replies.values.count, 1)
    }
  }

  // MARK: What is left

  func testNothingIsLeftOfAnEnvironment() async throws {
    var before = Resources()
    for round in 0..<4 {
      var configuration = RPCConfiguration()
      configuration.messageLoopThreads = 1
      configuration.eventLoops = 2
      let server = try await RPCEnv.start(name: "server", configuration: configuration)
      let client = try await RPCEnv.client(name: "client")
      let threads = Results<KernelThread>("a thread")
      for dispatch in Way.dispatches {
        let endpoint = Scripted.answering { say, context in
          threads.add(.current)
          try context.reply(say.text)
        }
        try server.register("endpoint", endpoint, on: dispatch)
        let ref = try await client.endpointRef(server.uri("endpoint"))
        _ = try await ref.ask(Say(text: "here"))
        let own = try await server.endpointRef(server.uri("endpoint"))
        _ = try await own.ask(Say(text: "here"))
        server.stop(own)
      }
      let used = Set(await threads.next(6))
      XCTAssertGreaterThanOrEqual(used.count, 3)
      await client.shutdown()
      await server.shutdown()
      // The kernel lists a thread for a moment after it was joined.
      await eventually("the threads are gone") { !used.contains { $0.isAlive } }
      // The first round may open what the process then keeps.
      if round == 0 { before = Resources() }
      XCTAssertEqual(Resources(), before, "round \(round)")
    }
  }

  func testNothingIsLeftOfAnEnvironmentThatCouldNotBind() async throws {
    let first = try await makeServer()
    var configuration = RPCConfiguration()
    configuration.portRetries = 0
    var before = Resources()
    for round in 0..<3 {
      await assertThrows(.bindFailed) {
        try await RPCEnv.start(name: "second", port: first.port, configuration: configuration)
      }
      if round == 0 { before = Resources() }
      XCTAssertEqual(Resources(), before)
    }
  }
}
