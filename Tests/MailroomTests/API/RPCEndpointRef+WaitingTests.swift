import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom
@testable import MailroomQueue

/// Senders and askers that wait for room.
final class RPCEndpointRefWaitingTests: EnvironmentTestCase {
  /// The way to an endpoint whose queue takes `bound` messages, and nothing leaves until it is let go.
  private struct Jam {
    let ref: RPCEndpointRef
    /// Lets everything go.
    let open: @Sendable () -> Void
    /// The numbers that arrived.
    let numbers: Box<[Int]>
    let handled: Signal
    /// Ends the endpoint, or what is on the way to it.
    let end: @Sendable () async -> Void
    let env: RPCEnv
    let text: String

    func fill() throws { for number in 0..<RPCEndpointRefWaitingTests.bound { try ref.send(Add(Int64(number))) } }
  }

  private static let bound = 4

  /// A local endpoint that handles nothing yet, and a remote one that is not connected to yet.
  private func inBothWays(_ body: (Jam) async throws -> Void) async throws {
    var configuration = RPCConfiguration()
    configuration.maximumInboxMessages = Self.bound
    let env = try await makeServer(configuration)
    let stepped = Stepped()
    let (steps, numbers, handled) = (stepped.steps, stepped.numbers, stepped.handled)
    let local = try env.register("slow", stepped, on: .dedicated())
    let openLocal: @Sendable () -> Void = { Stepped.allow(1000, steps) }
    let stopLocal: @Sendable () async -> Void = { env.stop(local) }
    try await body(
      Jam(
        ref: local, open: openLocal, numbers: numbers, handled: handled, end: stopLocal, env: env, text: "local"))
    openLocal()
    await env.shutdown()

    configuration = RPCConfiguration()
    configuration.maximumOutboxMessages = Self.bound
    // One for the outbox, and one for deadlines, which must not stand still.
    configuration.eventLoops = 2
    let (server, client) = (try await makeServer(), try await makeClient(configuration))
    let fast = Stepped()
    Stepped.allow(1000, fast.steps)
    let (arrived, come) = (fast.numbers, fast.handled)
    try server.register("fast", fast)
    let remote = try client.remoteRef(name: "fast", address: try XCTUnwrap(server.address))
    let gate = Gate("the end of the loop's block")
    let blocked = Signal("the loop's block")
    guard case .remote(let route) = remote.target else { return XCTFail("it is remote") }
    route.outbox.loop.execute {
      blocked.fire()
      gate.pass()
    }
    await blocked.comes()
    let endRemote: @Sendable () async -> Void = {
      route.outbox.stop()
      gate.open()
    }
    try await body(
      Jam(
        ref: remote, open: { gate.open() }, numbers: arrived, handled: come, end: endRemote, env: client,
        text: "remote"))
    gate.open()
    await client.shutdown()
    await server.shutdown()
  }

  /// Whether as many wait for room.
  private func isAwaited(_ ref: RPCEndpointRef) -> Bool {
    switch ref.target {
    case .local(let inbox): inbox.level.isAwaited
    case .remote(let route): route.gauge.level.isAwaited
    case .unreachable: false
    }
  }

  // MARK: Sending

  func testSendWaitsForRoomAndKeepsTheOrder() async throws {
    try await inBothWays { jam in
      let ref = jam.ref
      let sent = Box(0)
      let sender = Task {
        for number in 0..<50 {
          try await ref.send(Add(Int64(number)), waitingAtMost: .seconds(60))
          sent.update { $0 = number + 1 }
        }
      }
      await eventually("the sender waits, \(jam.text)") { isAwaited(ref) }
      XCTAssertEqual(sent.value, Self.bound, jam.text)
      jam.open()
      try await sender.value
      await jam.handled.comes(50)
      XCTAssertEqual(jam.numbers.value, Array(0..<50), jam.text)
    }
  }

  func testBytesWaitForRoomToo() async throws {
    try await inBothWays { jam in
      let ref = jam.ref
      try jam.fill()
      let sender = Task {
        for number in Self.bound..<20 {
          try await ref.send(bytes: RPCEndpointRef.bytes(of: number), waitingAtMost: .seconds(60))
        }
      }
      await eventually("the sender waits, \(jam.text)") { isAwaited(ref) }
      jam.open()
      try await sender.value
      await jam.handled.comes(20)
      XCTAssertEqual(jam.numbers.value, Array(0..<20), jam.text)
    }
  }

  func testManyWaitingSendersAllGetIn() async throws {
    try await inBothWays { jam in
      let ref = jam.ref
      try jam.fill()
      let senders = (1...10).map { sender in
        Task {
          for index in 0..<10 { try await ref.send(Add(Int64(sender * 100 + index)), waitingAtMost: .seconds(60)) }
        }
      }
      await eventually("senders wait, \(jam.text)") { isAwaited(ref) }
      jam.open()
      for sender in senders { try await sender.value }
      await jam.handled.comes(100 + Self.bound)
      for sender in 1...10 {
        let own = jam.numbers.value.filter { $0 / 100 == sender && $0 >= 100 }
        XCTAssertEqual(own, (0..<10).map { sender * 100 + $0 }, jam.text)
      }
      XCTAssertEqual(jam.numbers.value.count, 100 + Self.bound, jam.text)
    }
  }

  func testWaitEndsWithFullWhenTimeIsOver() async throws {
    try await inBothWays { jam in
      try jam.fill()
      for timeout in [Duration.milliseconds(60), .zero, .seconds(-1)] {
        let began = ContinuousClock.now
        let error = await assertThrows(.full, execution: .notExecuted, jam.text) {
          try await jam.ref.send(Add(9), waitingAtMost: timeout)
        }
        XCTAssertGreaterThanOrEqual(ContinuousClock.now - began, timeout, jam.text)
        XCTAssertTrue(error?.message.hasPrefix("4 messages") ?? false, error?.message ?? "")
      }
      XCTAssertFalse(isAwaited(jam.ref), "who has given up is forgotten; \(jam.text)")
      jam.open()
      await jam.handled.comes(Self.bound)
      XCTAssertEqual(jam.numbers.value, Array(0..<Self.bound), "what was refused is not sent; \(jam.text)")
    }
  }

  func testCancellationEndsTheWait() async throws {
    try await inBothWays { jam in
      let ref = jam.ref
      try jam.fill()
      let sender = Task { try await ref.send(Add(9), waitingAtMost: .seconds(600)) }
      await eventually("the sender waits, \(jam.text)") { isAwaited(ref) }
      sender.cancel()
      await assertThrows(.cancelled, execution: .notExecuted, jam.text) { try await sender.value }
      await eventually("it is forgotten, \(jam.text)") { !isAwaited(ref) }
      let late = Task {
        while !Task.isCancelled { await Task.yield() }
        try await ref.send(Add(9), waitingAtMost: .seconds(600))
      }
      late.cancel()
      await assertThrows(.cancelled, execution: .notExecuted, jam.text) { try await late.value }
      jam.open()
      await jam.handled.comes(Self.bound)
      XCTAssertEqual(jam.numbers.value.count, Self.bound, jam.text)
    }
  }

  func testWhoGivesUpAtTheVeryBeginningIsForgottenToo() async throws {
    try await inBothWays { jam in
      let ref = jam.ref
      try jam.fill()
      for _ in 0..<20 {
        let senders = (0..<100).map { index in
          Task { try? await ref.send(Add(9), waitingAtMost: index % 2 == 0 ? .zero : .seconds(600)) }
        }
        for sender in senders { sender.cancel() }
        for sender in senders { await sender.value }
      }
      XCTAssertFalse(isAwaited(ref), jam.text)
      jam.open()
    }
  }

  func testWaitThatHasEndedBeforeItBeginsIsForgotten() throws {
    let scheduler = ManualScheduler()
    defer { scheduler.giveAllTurns() }
    let (inbox, _, _) = Inbox.logging(scheduler, bounds: InboxBounds(messages: 1, bytes: 100))
    XCTAssertEqual(inbox.offer(LocalOneWay(Note(text: "")), bytes: 1), .taken)
    let wait = RoomWait(or: RPCError(.full, ""))
    wait.begin(at: .local(inbox))
    XCTAssertTrue(inbox.level.isAwaited)
    wait.end()
    XCTAssertFalse(inbox.level.isAwaited)
    // As when who waits is told of the end by another thread in the very moment that it begins.
    wait.begin(at: .local(inbox))
    XCTAssertFalse(inbox.level.isAwaited)
    wait.end()
    XCTAssertFalse(inbox.level.isAwaited)
  }

  func testEndOfTheEndpointOrItsOutboxEndsTheWait() async throws {
    try await inBothWays { jam in
      let ref = jam.ref
      try jam.fill()
      let senders = (0..<5).map { _ in Task { try await ref.send(Add(9), waitingAtMost: .seconds(600)) } }
      let asker = Task { try await ref.ask(Say(text: "9")) }
      await eventually("the senders wait, \(jam.text)") { isAwaited(ref) }
      await jam.end()
      let code: RPCError.Code = jam.text == "local" ? .endpointStopped : .stopped
      for sender in senders { await assertThrows(code, execution: .notExecuted, jam.text) { try await sender.value } }
      await assertThrows(code, execution: .notExecuted, jam.text) { try await asker.value }
    }
  }

  func testEndOfTheEnvironmentEndsTheWait() async throws {
    try await inBothWays { jam in
      let ref = jam.ref
      try jam.fill()
      let sender = Task { try await ref.send(Add(9), waitingAtMost: .seconds(600)) }
      await eventually("the sender waits, \(jam.text)") { isAwaited(ref) }
      let env = jam.env
      let ending = Task { await env.shutdown() }
      if jam.text == "local" {
        // The waiting sender is told before the handlers have ended.
        await assertThrows(.stopped, execution: .notExecuted, jam.text) { try await sender.value }
        jam.open()
      } else {
        await eventually("the end has begun") { env.isStopped }
        jam.open()
        // There may be room before the outbox ends.
        await assertThrows(.stopped, execution: .notExecuted, jam.text) { try await sender.value }
      }
      await ending.value
    }
  }

  // MARK: Asking

  func testAsyncAskWaitsForRoom() async throws {
    try await inBothWays { jam in
      let ref = jam.ref
      try jam.fill()
      let typed = Task { try await ref.ask(Say(text: "70")) }
      await eventually("the ask waits, \(jam.text)") { isAwaited(ref) }
      jam.open()
      let reply = try await typed.value
      XCTAssertEqual(reply, "70", jam.text)
      await jam.handled.comes(Self.bound + 1)
      XCTAssertEqual(jam.numbers.value, Array(0..<Self.bound) + [70], jam.text)
    }
  }

  func testAsyncAskFailsWithFullWhenItsTimeIsOver() async throws {
    try await inBothWays { jam in
      try jam.fill()
      await assertThrows(.full, execution: .notExecuted, jam.text) {
        try await jam.ref.ask(Say(text: "70"), timeout: .milliseconds(20))
      }
      await assertThrows(.full, execution: .notExecuted, jam.text) {
        try await jam.ref.ask(bytes: [0, 70], timeout: .milliseconds(20))
      }
      let ref = jam.ref
      let asker = Task { try await ref.ask(Say(text: "70")) }
      await eventually("the ask waits, \(jam.text)") { isAwaited(ref) }
      asker.cancel()
      await assertThrows(.cancelled, execution: .notExecuted, jam.text) { try await asker.value }
    }
  }

  func testAskWithAFunctionFailsWithFullAtOnce() async throws {
    try await inBothWays { jam in
      try jam.fill()
      let ends = Results<RPCError?>("the end of an ask")
      let handle = jam.ref.ask(Say(text: "70")) { result in ends.add(result.error) }
      jam.ref.ask(bytes: [0, 70]) { reply in
        do throws(RPCError) {
          _ = try reply.bytes
          ends.add(nil)
        } catch {
          ends.add(error)
        }
      }
      // They are told on an event loop, which may be the one that stands still; what was refused stays refused.
      jam.open()
      for error in await ends.next(2) { assertIs(error, .full, execution: .notExecuted, jam.text) }
      XCTAssertTrue(handle.isDone)
      handle.cancel()
      XCTAssertEqual(ends.values.count, 2, jam.text)
    }
  }
}
