import TestSupport
import XCTest

@testable import Mailroom

/// Rows RE6 and RE7: asks whose askers stop waiting.
final class RPCAskTests: EnvironmentTestCase {
  func testRE6AskTimesOut() async throws {
    try await inEveryWay { way in
      let calls = UnansweredCalls()
      let ref = try await way.register("slow", calls.endpoint())
      let (late, error) = try await calls.timeout("\(way)") { say, time in
        let began = ContinuousClock.now
        defer { XCTAssertGreaterThanOrEqual(ContinuousClock.now - began, time, "\(way)") }
        return try await ref.ask(say, timeout: time)
      }
      XCTAssertEqual(error.execution, .unknown, "\(way)")
      XCTAssertTrue("\(error)".hasPrefix("timeout: no answer from "), "\(error), \(way)")
      // The late answer goes nowhere, and disturbs nobody.
      try late.reply("late")
      let reply = try await ref.ask(Say(text: "now"))
      XCTAssertEqual(reply, "now", "\(way)")
      calls.clear()
    }
  }

  func testRE6ConfiguredTimeoutIsTheDefault() async throws {
    var configuration = RPCConfiguration()
    configuration.askTimeout = .milliseconds(10)
    let contexts = Results<RPCCallContext<String>>("a call")
    let (server, client) = (try await makeServer(configuration), try await makeClient(configuration))
    let local = try server.register("slow", Self.slow(contexts))
    let remote = try await client.endpointRef(server.uri("slow"))
    for ref in [local, remote] {
      await assertThrows(.timeout) { try await ref.ask(Say(text: "")) }
      let replies = Results<RPCError?>("a timeout")
      ref.ask(Say(text: "")) { replies.add($0.error) }
      for error in await replies.next() { assertIs(error, .timeout) }
    }
    contexts.clear()
  }

  func testRE6TimeoutOfNothingOrLessEndsTheAskAtOnce() async throws {
    try await inEveryWay { way in
      let contexts = Results<RPCCallContext<String>>("a call")
      let ref = try await way.register("slow", Self.slow(contexts))
      for timeout in [Duration.zero, .seconds(-5), .nanoseconds(1)] {
        await assertThrows(.timeout, "\(way)") { try await ref.ask(Say(text: ""), timeout: timeout) }
      }
      contexts.clear()
    }
  }

  func testNoTimeoutComesBeforeItsDeadline() async throws {
    try await inEveryWay { way in
      let contexts = Results<RPCCallContext<String>>("a call")
      let ref = try await way.register("slow", Self.slow(contexts))
      let early = Results<Duration>("a timeout")
      for milliseconds in [60, 5, 30, 5, 1] {
        let deadline = ContinuousClock.now + .milliseconds(milliseconds)
        ref.ask(Say(text: ""), timeout: .milliseconds(milliseconds)) { result in
          XCTAssertEqual(result.error?.code, .timeout)
          early.add(deadline - ContinuousClock.now)
        }
      }
      for rest in await early.next(5) { XCTAssertLessThanOrEqual(rest, .zero, "\(way)") }
      contexts.clear()
    }
  }

  func testRE7CancelledTaskStopsWaiting() async throws {
    try await inEveryWay { way in
      let contexts = Results<RPCCallContext<String>>("a call")
      let ref = try await way.register("slow", Self.slow(contexts))
      let task = Task { try await ref.ask(Say(text: "")) }
      let context = await contexts.next()[0]
      task.cancel()
      await assertThrows(.cancelled, "\(way)") { try await task.value }
      try context.reply("late")
      let reply = try await ref.ask(Say(text: "now"))
      XCTAssertEqual(reply, "now", "\(way)")
    }
  }

  func testRE7TaskThatWasCancelledBeforeItAskedSendsNothing() async throws {
    try await inEveryWay { way in
      let contexts = Results<RPCCallContext<String>>("a call")
      let ref = try await way.register("slow", Self.slow(contexts))
      let gate = Signal("the cancellation")
      let task = Task {
        await gate.comes()
        return try await ref.ask(Say(text: "never sent"))
      }
      task.cancel()
      gate.fire()
      await assertThrows(.cancelled, "\(way)") { try await task.value }
      _ = try await ref.ask(Say(text: "now"))
      XCTAssertEqual(contexts.values.count, 0, "\(way)")
    }
  }

  func testX8AsksThatAreGivenUpBeforeTheConnectionAreNeverDelivered() async throws {
    let (server, client) = (try await makeServer(), try await makeClient())
    let echo = Echo()
    let (notes, noted) = (echo.notes, echo.noted)
    try server.register("echo", echo)
    let contexts = Results<RPCCallContext<String>>("a call")
    try server.register("slow", Self.slow(contexts))
    let address = try XCTUnwrap(server.address)
    let slow = try client.remoteRef(name: "slow", address: address)
    let gate = Gate("the loop may go on")
    let blocked = Signal("the loop's block")
    // Nothing is connected to while the loop stands still.
    client.group.next().execute {
      blocked.fire()
      gate.pass()
    }
    await blocked.comes()
    let tasks = (0..<5).map { index in Task { try await slow.ask(Say(text: "cancelled \(index)")) } }
    let timeouts = Results<RPCError?>("a timeout")
    for index in 0..<5 {
      slow.ask(Say(text: "timed out \(index)"), timeout: .nanoseconds(index)) { timeouts.add($0.error) }
    }
    for task in tasks {
      task.cancel()
      await assertThrows(.cancelled) { try await task.value }
    }
    try client.remoteRef(name: "echo", address: address).send(Note(text: "behind them"))
    gate.open()
    for error in await timeouts.next(5) { assertIs(error, .timeout, execution: .notExecuted) }
    await noted.comes()
    XCTAssertEqual(notes.value, ["behind them"])
    // The messages shared one connection, so what was before the note would have come before this answer.
    let reply = try await slow.ask(Say(text: "now"))
    XCTAssertEqual(reply, "now")
    XCTAssertEqual(contexts.values.count, 0)
  }

  func testCancellationAndReplyMeetManyTimes() async throws {
    try await inEveryWay { way in
      let ref = try await way.register("echo", Echo())
      for index in 0..<100 {
        let task = Task { try await ref.ask(Say(text: "\(index)")) }
        task.cancel()
        do {
          let reply = try await task.value
          XCTAssertEqual(reply, "\(index)", "\(way)")
        } catch {
          assertIs(error as? RPCError, .cancelled, "\(way)")
        }
      }
    }
  }

  func testTimeoutAndReplyMeetManyTimes() async throws {
    try await inEveryWay { way in
      let ref = try await way.register("echo", Echo())
      let ends = Results<Result<String, RPCError>>("the end of an ask")
      for index in 0..<200 {
        ref.ask(Say(text: "\(index)"), timeout: .microseconds(index * 5)) { ends.add($0) }
      }
      for end in await ends.next(200) where end.value == nil { assertIs(end.error, .timeout, "\(way)") }
      let reply = try await ref.ask(Say(text: "intact"))
      XCTAssertEqual(reply, "intact", "\(way)")
      XCTAssertEqual(ends.values.count, 200, "\(way)")
    }
  }

  /// An endpoint that keeps the calls it gets, and answers those that say "now" at once.
  private static func slow(_ contexts: Results<RPCCallContext<String>>) -> sending Scripted {
    Scripted.answering { say, context in
      if say.text == "now" { return try context.reply("now") }
      contexts.add(context)
    }
  }
}
