import MailroomQueue
import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// Handlers that do not come back are found and named.
final class WatchdogTests: EnvironmentTestCase {
  private func seconds(_ count: Double) -> MonotonicTime { MonotonicTime(nanoseconds: UInt64(count * 1e9) + 1000) }

  private func unwatched(threads: Int = 2) -> RPCConfiguration {
    var configuration = RPCConfiguration()
    configuration.slowTurnThreshold = nil
    configuration.messageLoopThreads = threads
    return configuration
  }

  func testW7BlockedHandlerIsNamedWithItsThread() async throws {
    let threads: [(RPCDispatch, String)] = [
      (.shared, "mail-loop-0"), (.dedicated(), "mail-stuck-0"), (.eventLoop, "mail-io-0"),
    ]
    for (dispatch, thread) in threads {
      for isRemote in [false, true] {
        let env = try await makeServer(unwatched(threads: 1))
        let gate = Gate("the end of the look")
        let arrived = Signal("the handler")
        let local = try env.register(
          "stuck",
          Scripted.answering { _, context in
            arrived.fire()
            gate.pass()
            try context.reply("")
          }, on: dispatch)
        try env.register("idle", Echo(), on: .dedicated())
        let ref = isRemote ? try await makeClient().endpointRef(env.uri("stuck")) : local
        let replies = Results<String?>("the reply")
        ref.ask(Say(text: "")) { replies.add($0.value) }
        await arrived.comes()
        var watchdog = Watchdog(threshold: .seconds(5))
        XCTAssertEqual(watchdog.look(env.dispatcher.inboxes, at: seconds(0)), [])
        XCTAssertEqual(watchdog.look(env.dispatcher.inboxes, at: seconds(2.5)), [])
        let slow = watchdog.look(env.dispatcher.inboxes, at: seconds(5))
        XCTAssertEqual(slow, [RPCSlowTurn(endpoint: "stuck", duration: .seconds(5), thread: thread)])
        XCTAssertEqual(watchdog.look(env.dispatcher.inboxes, at: seconds(9)), [], "once")
        gate.open()
        _ = await replies.next()
        await eventually("the turn has ended") { env.dispatcher.inboxes.allSatisfy { $0.turn(ofMark: 0) == nil } }
      }
    }
  }

  func testOnStartAndOnStopAreWatchedToo() async throws {
    let env = try await makeServer(unwatched(threads: 1))
    let gates = [Gate("the end of onStart"), Gate("the end of onStop")]
    let arrived = Signal("the callback")
    let endpoint = Scripted()
    endpoint.started = { _, _ in
      arrived.fire()
      gates[0].pass()
    }
    endpoint.stopped = { _ in
      arrived.fire()
      gates[1].pass()
    }
    let ref = try env.register("stuck", endpoint)
    env.stop(ref)
    for gate in gates {
      await arrived.comes()
      var watchdog = Watchdog(threshold: .seconds(1))
      _ = watchdog.look(env.dispatcher.inboxes, at: seconds(0))
      XCTAssertEqual(watchdog.look(env.dispatcher.inboxes, at: seconds(1)).map(\.endpoint), ["stuck"])
      gate.open()
    }
  }

  func testSuspendedHandlerIsNotSlow() async throws {
    let env = try await makeServer(unwatched())
    let suspension = Suspension()
    for dispatch in [RPCDispatch.shared, .eventLoop] {
      try env.register("waiter-\(dispatch)", Waiter(suspension), on: dispatch).ask(Say(text: "")) { _ in }
    }
    await eventually("both handlers are suspended") { suspension.count == 2 }
    await eventually("no turn is on a thread") {
      env.dispatcher.inboxes.allSatisfy { inbox in (0..<inbox.markCount).allSatisfy { inbox.turn(ofMark: $0) == nil } }
    }
    suspension.open()
  }

  func testEveryThreadOfAConcurrentEndpointIsWatched() async throws {
    let env = try await makeServer(unwatched())
    let gate = Gate("the end of the look")
    let arrived = Signal("a handler")
    let ref = try env.register("crowd", Blocking(gate, arrived), on: .dedicated(threads: 3))
    for _ in 0..<3 { try ref.send(Note(text: "")) }
    await arrived.comes(3)
    var watchdog = Watchdog(threshold: .seconds(1))
    _ = watchdog.look(env.dispatcher.inboxes, at: seconds(0))
    let slow = watchdog.look(env.dispatcher.inboxes, at: seconds(1))
    XCTAssertEqual(slow.map(\.thread).sorted(), ["mail-crowd-0", "mail-crowd-1", "mail-crowd-2"])
    gate.open()
  }

  func testEnvironmentLogsAndTellsOfASlowTurn() async throws {
    let log = LogLines()
    let told = Results<RPCSlowTurn>("the slow turn")
    var configuration = RPCConfiguration()
    configuration.slowTurnThreshold = .milliseconds(20)
    configuration.logger = log.logger
    configuration.onSlowTurn = { told.add($0) }
    let env = try await makeServer(configuration)
    let gate = Gate("the report")
    let ref = try env.register(
      "stuck",
      Scripted.answering { _, context in
        gate.pass()
        try context.reply("done")
      }, on: .dedicated())
    let reply = Task { try await ref.ask(Say(text: "")) }
    let slow = await told.next()
    gate.open()
    XCTAssertEqual(slow.first?.endpoint, "stuck")
    XCTAssertEqual(slow.first?.thread, "mail-stuck-0")
    XCTAssertGreaterThanOrEqual(slow.first?.duration ?? .zero, .milliseconds(20))
    let value = try await reply.value
    XCTAssertEqual(value, "done")
    await env.shutdown()
    let prefix = "warning: The endpoint stuck has been in one turn for "
    XCTAssertTrue(
      log.lines.value.contains { $0.hasPrefix(prefix) && $0.hasSuffix("mail-stuck-0") }, "\(log.lines.value)")
  }
}

/// Suspends in its handler.
private final class Waiter: RPCEndpoint {
  private let suspension: Suspension

  init(_ suspension: Suspension) { self.suspension = suspension }

  static func handlers(_ on: inout RPCHandlers<Waiter>) {
    on.ask(Say.self) { waiter, say in
      await waiter.suspension.wait()
      return say.text
    }
  }
}

/// Blocks in its handlers.
private final class Blocking: RPCConcurrentEndpoint {
  private let gate: Gate
  private let arrived: Signal

  init(_ gate: Gate, _ arrived: Signal) {
    self.gate = gate
    self.arrived = arrived
  }

  static func handlers(_ on: inout RPCHandlers<Blocking>) {
    on.receive(Note.self) { blocking, _ in
      blocking.arrived.fire()
      blocking.gate.pass()
    }
  }
}
