import MailroomQueue
import TestSupport
import XCTest

@testable import Mailroom

/// Deadlines and cancellations, as handlers see them.
final class AbandonedRequestTests: EnvironmentTestCase {
  // MARK: Cancellation

  func testCancelledTaskCancelsTheTaskOfTheFarHandler() async throws {
    try await inEveryWay { way in
      let waiter = Waiter()
      let (began, ends) = (waiter.began, waiter.ends)
      let ref = try await way.register("waiter", waiter)
      let asking = Task { try await ref.ask(Say(text: "first")) }
      await began.comes()
      asking.cancel()
      await assertThrows(.cancelled, "\(way)") { try await asking.value }
      let texts = await ends.next()
      XCTAssertEqual(texts, ["first is cancelled"], "\(way)")
      // The endpoint goes on.
      let next = Task { try await ref.ask(Say(text: "second"), timeout: .seconds(600)) }
      await began.comes()
      next.cancel()
      let all = await ends.next()
      XCTAssertEqual(all, ["first is cancelled", "second is cancelled"], "\(way)")
      _ = await next.result
    }
  }

  func testHandleCancelsTheTaskOfTheFarHandler() async throws {
    try await inEveryWay { way in
      let waiter = Waiter()
      let (began, ends) = (waiter.began, waiter.ends)
      let ref = try await way.register("waiter", waiter)
      let handle = ref.ask(Say(text: "it")) { _ in }
      await began.comes()
      handle.cancel()
      let texts = await ends.next()
      XCTAssertEqual(texts, ["it is cancelled"], "\(way)")
    }
  }

  func testTimeoutCancelsTheTaskOfTheFarHandler() async throws {
    try await inEveryWay { way in
      let waiter = Waiter()
      let (begun, ends) = (waiter.begun, waiter.ends)
      let ref = try await way.register("waiter", waiter)
      await GrowingTimes(from: .milliseconds(100)).tryEach("the handler to begin, \(way)") { time in
        let text = "for \(time)"
        let error = await assertThrows(.timeout, "\(way)") { try await ref.ask(Say(text: text), timeout: time) }
        guard begun.value.contains(text) else { return false }
        XCTAssertEqual(error?.execution, .unknown, "\(way)")
        await eventually("the handler ends, \(way)") { ends.values.contains { $0.hasPrefix(text) } }
        XCTAssertEqual(ends.values.last, text + " is cancelled", "\(way)")
        return true
      }
    }
  }

  func testEndOfTheAskersConnectionCancelsTheFarHandler() async throws {
    for dispatch in Way.dispatches {
      let server = try await makeServer()
      let waiter = Waiter()
      let (began, ends) = (waiter.began, waiter.ends)
      try server.register("waiter", waiter, on: dispatch)
      // Also of a peer that knows nothing of cancelling.
      let peer = try RawSocket(port: server.port)
      try peer.send(RawFrame.request(1, to: "waiter", RawFrame.typed(Say(text: "it"))))
      await began.comes()
      peer.reset()
      let texts = await ends.next()
      XCTAssertEqual(texts, ["it is cancelled"], "\(dispatch)")
    }
  }

  func testEndOfTheAskersEnvironmentCancelsTheFarHandlerAndWaitsForNoAnswer() async throws {
    var patient = RPCConfiguration()
    patient.transport.closeTimeout = .seconds(60)
    for dispatch in Way.dispatches {
      let (server, client) = (try await makeServer(patient), try await makeClient(patient))
      let waiter = Waiter()
      let (began, ends) = (waiter.began, waiter.ends)
      let calls = Results<RPCCallContext<String>>("a call that is kept")
      try server.register("waiter", waiter, on: dispatch)
      try server.register("keeper", Scripted.answering { _, context in calls.add(context) }, on: dispatch)
      let errors = Results<RPCError?>("the error")
      for name in ["waiter", "keeper"] {
        try await client.endpointRef(server.uri(name)).ask(Say(text: "it")) { errors.add($0.error) }
      }
      await began.comes()
      let call = await calls.next()[0]
      XCTAssertFalse(call.isCancelled, "\(dispatch)")
      let ended = Signal("the end of the asker's environment")
      Task {
        await client.shutdown()
        ended.fire()
      }
      for error in await errors.next(2) { assertIs(error, .stopped, "\(dispatch)") }
      let texts = await ends.next()
      XCTAssertEqual(texts, ["it is cancelled"], "\(dispatch)")
      await ended.comes()
      XCTAssertTrue(call.isCancelled, "\(dispatch)")
    }
  }

  func testHandlerThatHasAnsweredIsNotCancelled() async throws {
    try await inEveryWay { way in
      let waiter = Waiter()
      let (ends, gate) = (waiter.ends, waiter.gate)
      let ref = try await way.register("waiter", waiter)
      let reply = try await ref.ask(Say(text: "answer first"))
      XCTAssertEqual(reply, "early", "\(way)")
      await eventually("it waits") { gate.isAwaited }
      gate.open()
      let texts = await ends.next()
      XCTAssertEqual(texts, ["answer first is not cancelled"], "\(way)")
    }
  }

  // MARK: Deadlines

  func testHandlerKnowsHowMuchTimeIsLeft() async throws {
    try await inEveryWay { way in
      let left = Results<Duration?>("a handler's time")
      let ref = try await way.register(
        "asked",
        Scripted.answering { _, context in
          left.add(context.timeLeft)
          try context.reply("")
        })
      _ = try await ref.ask(Say(text: ""), timeout: .seconds(1000))
      _ = try await ref.ask(Say(text: ""))
      let times = await left.next(2).map { $0 ?? .seconds(-1) }
      // The time left is told as of the beginning of a loop's tick, so that it may be a little more than there was.
      XCTAssertTrue((.seconds(900) ... .seconds(1001)).contains(times[0]), "\(times[0]), \(way)")
      XCTAssertTrue((.seconds(100) ... .seconds(121)).contains(times[1]), "\(times[1]), \(way)")
    }
  }

  func testTimeOfPlainPeersIsNotKnown() async throws {
    let server = try await makeServer()
    let calls = Results<RPCBytesCallContext>("a call")
    let endpoint = Scripted()
    endpoint.askedBytes = { _, context in calls.add(context) }
    try server.register("asked", endpoint)
    let peer = try RawSocket(port: server.port)
    try peer.send(RawFrame.request(1, to: "asked", [1]))
    let call = await calls.next()[0]
    XCTAssertNil(call.timeLeft)
    XCTAssertFalse(call.isCancelled)
    peer.reset()
    await eventually("its end is known") { call.isCancelled }
    calls.clear()
  }

  func testTimeThatIsOverIsZeroAndCancelled() async throws {
    try await inEveryWay { way in
      let calls = UnansweredCalls()
      let ref = try await way.register("slow", calls.endpoint())
      let (call, error) = try await calls.timeout("\(way)") { try await ref.ask($0, timeout: $1) }
      XCTAssertEqual(error.execution, .unknown, "\(way)")
      await eventually("the handler knows, \(way)") { call.isCancelled && call.timeLeft == .zero }
      calls.clear()
    }
  }

  func testWorkWhoseTimeIsOverIsNotRunWhenTheEndpointWasBusy() async throws {
    for isRemote in [false, true] {
      for dispatch in [RPCDispatch.shared, .dedicated()] {
        let server = try await makeServer()
        let gate = Gate("the handler may go on")
        let busy = Signal("the handler")
        let texts = Box<[String]>([])
        let local = try server.register(
          "busy",
          Scripted.answering { say, context in
            texts.append(say.text)
            if say.text == "block" {
              busy.fire()
              gate.pass()
            }
            try context.reply(say.text)
          }, on: dispatch)
        guard case .local(let inbox) = local.target else { return XCTFail("it is local") }
        let ref = isRemote ? try await makeClient().endpointRef(server.uri("busy")) : local
        let blocking = Task { try await ref.ask(Say(text: "block"), timeout: .seconds(600)) }
        await busy.comes()
        // What was sent before it, on the same connection, has arrived after it.
        func lookUp() async throws { if isRemote { _ = try await ref.env.endpointRef(server.uri("busy")) } }
        try await GrowingTimes().tryEach("requests to be queued") { time in
          let before = inbox.level.messages
          let ends = Results<RPCError?>("the end of an ask")
          for _ in 0..<3 { ref.ask(Say(text: "too late"), timeout: time) { ends.add($0.error) } }
          let errors = await ends.next(3)
          try await lookUp()
          let areQueued = inbox.level.messages == before + 3
          for error in errors { assertIs(error, .timeout, execution: areQueued ? .unknown : nil) }
          return areQueued
        }
        let ends = Results<RPCError?>("the end of an ask")
        let given = ref.ask(Say(text: "given up"), timeout: .seconds(600)) { ends.add($0.error) }
        ref.ask(Say(text: "in time"), timeout: .seconds(600)) { ends.add($0.error) }
        given.cancel()
        let first = await ends.next()
        assertIs(first[0], .cancelled)
        try await lookUp()
        gate.open()
        let value = try await blocking.value
        XCTAssertEqual(value, "block")
        let all = await ends.next()
        XCTAssertNil(all[1])
        XCTAssertEqual(texts.value, ["block", "in time"], "\(dispatch), \(isRemote ? "remote" : "local")")
        await server.shutdown()
      }
    }
  }
}

/// Waits in its handler until its gate is opened or its task is cancelled.
private final class Waiter: RPCEndpoint {
  let began = Signal("the handler's beginning")
  /// What was asked of handlers that have begun.
  let begun = Box<Set<String>>([])
  let gate = Suspension()
  let ends = Results<String>("the handler's end")

  static func handlers(_ on: inout RPCHandlers<Waiter>) {
    on.ask(Say.self) { waiter, say, context in
      waiter.begun.update { $0.insert(say.text) }
      waiter.began.fire()
      if say.text == "answer first" {
        try context.reply("early")
        await waiter.gate.wait()
      } else {
        // A gate of its own, for cancelling opens it.
        await Suspension().wait()
      }
      waiter.ends.add(say.text + (Task.isCancelled ? " is cancelled" : " is not cancelled"))
    }
  }
}
