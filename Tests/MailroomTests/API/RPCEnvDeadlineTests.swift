import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// What becomes of handlers that do not end in the time that a shutdown has.
final class RPCEnvDeadlineTests: EnvironmentTestCase {
  private func impatient(_ log: LogLines, _ timeout: Duration = .milliseconds(20)) -> RPCConfiguration {
    var configuration = RPCConfiguration()
    configuration.shutdownTimeout = timeout
    configuration.messageLoopThreads = 1
    configuration.logger = log.logger
    return configuration
  }

  func testSuspendedHandlersAreCancelledAndTheirEndpointsStop() async throws {
    for dispatch in Way.dispatches {
      // The handlers have as long again, a second at most, to heed that they were cancelled.
      try await GrowingTimes(from: .milliseconds(300)).tryEach("cancelled handlers to end, \(dispatch)") { time in
        let log = LogLines()
        let env = try await makeServer(impatient(log, time))
        let patient = Patient()
        let (events, suspension) = (patient.events, patient.suspension)
        let ref = try env.register("patient", patient, on: dispatch)
        ref.ask(Say(text: "first")) { _ in }
        ref.ask(Say(text: "second")) { _ in }
        await eventually("the first handler is suspended") { suspension.isAwaited }
        await env.shutdown()
        let isInTime = log.lines.value.isEmpty
        // Those who were left behind for want of time end as the others do.
        await eventually("the endpoint stops, \(dispatch)") { events.value.last == "stop" }
        XCTAssertEqual(events.value, ["first, cancelled: true", "second, cancelled: true", "stop"], "\(dispatch)")
        return isInTime
      }
    }
  }

  func testWhoIsLeftBehindIsNamed() async throws {
    try await GrowingTimes().tryEach("an endpoint without work to stop") { time in
      try await self.assertWhoIsLeftBehindIsNamed(time)
    }
  }

  /// Shuts down while two endpoints block; says whether one that has nothing to do had the time to stop.
  private func assertWhoIsLeftBehindIsNamed(_ time: Duration) async throws -> Bool {
    let log = LogLines()
    let env = try await makeServer(impatient(log, time))
    let gate = Gate("the end of the shutdown")
    let blocked = Signal("the block")
    let stops = Signal("onStop, at last")
    for (name, dispatch) in [("shared", RPCDispatch.shared), ("dedicated", .dedicated())] {
      let endpoint = Scripted()
      endpoint.noted = { _, _ in
        blocked.fire()
        gate.pass()
      }
      endpoint.stopped = { _ in stops.fire() }
      try env.register(name, endpoint, on: dispatch).send(Note(text: ""))
    }
    await blocked.comes(2)
    // Waits behind the one that blocks the only thread.
    let waiting = Scripted()
    waiting.stopped = { _ in stops.fire() }
    try env.register("waiting", waiting)
    try env.register("prompt", Echo(), on: .dedicated())
    await env.shutdown()
    let prefix = "warning: The endpoint "
    let lines = log.lines.value
    let isInTime = !lines.contains { $0.hasPrefix(prefix + "prompt ") }
    XCTAssertEqual(
      lines.filter { !$0.hasPrefix(prefix + "prompt ") },
      [
        prefix + "dedicated is left behind by the shutdown: a handler is on the thread mail-dedicated-0",
        prefix + "shared is left behind by the shutdown: a handler is on the thread mail-loop-0",
        prefix + "waiting is left behind by the shutdown: it waits for a thread",
      ])
    gate.open()
    await stops.comes(3)
    return isInTime
  }

  func testHandlerThatBlocksAnEventLoopIsLeftBehindWithTheLoop() async throws {
    let log = LogLines()
    var configuration = impatient(log)
    configuration.transport.closeTimeout = .milliseconds(20)
    let (env, peer) = (try await makeServer(configuration), try await makeClient())
    let gate = Gate("the end of the shutdown")
    let threads = Results<KernelThread>("the blocked thread")
    let stopped = Signal("onStop, at last")
    let endpoint = Scripted()
    endpoint.noted = { _, _ in
      threads.add(.current)
      gate.pass()
    }
    endpoint.stopped = { _ in stopped.fire() }
    try env.register("blocked", endpoint, on: .eventLoop)
    let ref = try await peer.endpointRef(env.uri("blocked"))
    let replies = Results<RPCError?>("the error of an ask behind the block")
    try ref.send(Note(text: ""))
    ref.ask(Say(text: "")) { replies.add($0.error) }
    let thread = await threads.next()[0]
    await env.shutdown()
    XCTAssertEqual(log.lines.value.count, 1, "\(log.lines.value)")
    XCTAssertTrue(log.lines.value.first?.contains("The endpoint blocked is left behind") == true)
    // Once the handler is done, everything else ends too.
    gate.open()
    await stopped.comes()
    _ = await replies.next()
    await eventually("the loop that was left behind ends") { !thread.isAlive }
  }

  func testTimesOfAnyLengthAreTimesToo() async throws {
    var configuration = RPCConfiguration()
    configuration.shutdownTimeout = .seconds(Int64.max)
    configuration.transport.closeTimeout = .seconds(Int64.max)
    configuration.slowTurnThreshold = .seconds(Int64.max)
    let env = try await makeServer(configuration)
    let echo = try env.register("echo", Echo())
    let reply = try await echo.ask(Say(text: "here"))
    XCTAssertEqual(reply, "here")
    await env.shutdown()
  }

  func testShutdownThatAHandlerBeginsEndsTheEnvironment() async throws {
    for dispatch in Way.dispatches {
      let env = try await makeServer()
      let endpoint = Scripted()
      endpoint.noted = { _, _ in env.beginShutdown() }
      let ref = try env.register("last", endpoint, on: dispatch)
      try ref.send(Note(text: ""))
      await env.awaitTermination()
      XCTAssertTrue(env.isStopped)
    }
  }

  func testSuspendedHandlerThatHeedsNothingIsLeftBehind() async throws {
    for dispatch in Way.dispatches {
      let log = LogLines()
      let env = try await makeServer(impatient(log))
      let (suspension, ended, freed) = (Suspension(), Signal("the handler's end"), Signal("the endpoint's end"))
      let replies = Results<RPCError?>("the error")
      do {
        // A reference keeps what it leads to.
        let ref = try env.register("stubborn", Stubborn(suspension, ended, freed), on: dispatch)
        ref.ask(Say(text: "")) { replies.add($0.error) }
        await eventually("the handler is suspended") { suspension.isAwaited }
        ref.ask(Say(text: "behind it")) { replies.add($0.error) }
      }
      await env.shutdown()
      XCTAssertEqual(
        log.lines.value,
        ["warning: The endpoint stubborn is left behind by the shutdown: handlers are suspended: 1"], "\(dispatch)")
      for error in await replies.next(2) { assertIs(error, .stopped) }
      // It ends at last; nobody is left to go on behind it, and nothing is kept.
      suspension.open()
      await ended.comes()
      await freed.comes()
    }
  }

  func testShutdownByAHandlerThatWaitsForItIsBounded() async throws {
    let log = LogLines()
    let env = try await makeServer(impatient(log))
    let closer = Closer(env)
    let ended = closer.ended
    try env.register("closer", closer).send(Note(text: ""))
    await ended.comes()
    await env.awaitTermination()
    XCTAssertTrue(env.isStopped)
  }
}

/// Waits in its handler until it is cancelled.
private final class Patient: RPCEndpoint {
  let events = Box<[String]>([])
  let suspension = Suspension()

  func onStop() { events.append("stop") }

  static func handlers(_ on: inout RPCHandlers<Patient>) {
    on.ask(Say.self) { patient, say in
      await patient.suspension.wait()
      patient.events.append("\(say.text), cancelled: \(Task.isCancelled)")
      return say.text
    }
  }
}

/// Waits in its handler, cancelled or not.
private final class Stubborn: RPCEndpoint {
  private let suspension: Suspension
  private let ended: Signal
  private let freed: Signal

  init(_ suspension: Suspension, _ ended: Signal, _ freed: Signal) {
    self.suspension = suspension
    self.ended = ended
    self.freed = freed
  }

  deinit { freed.fire() }

  static func handlers(_ on: inout RPCHandlers<Stubborn>) {
    on.ask(Say.self) { stubborn, say in
      // A task of its own is not cancelled with the handler.
      let suspension = stubborn.suspension
      await Task { await suspension.wait() }.value
      stubborn.ended.fire()
      return say.text
    }
  }
}

/// Shuts its environment down from a handler, and waits for that.
private final class Closer: RPCEndpoint {
  private let env: RPCEnv
  let ended = Signal("the end of the handler")

  init(_ env: RPCEnv) { self.env = env }

  static func handlers(_ on: inout RPCHandlers<Closer>) {
    on.receive(Note.self) { closer, _ in
      await closer.env.shutdown()
      closer.ended.fire()
    }
  }
}
