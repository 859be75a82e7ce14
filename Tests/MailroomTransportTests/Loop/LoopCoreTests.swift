import MailroomQueue
import XCTest

@testable import MailroomTransport

/// The loop's inner half, run on the test's own thread with a task queue that the test plays.
final class LoopCoreTests: TransportTestCase {
  /// What happened, in order.
  private final class Log {
    var events: [String] = []
  }

  /// Lives on the loop until `ticks` timers after it was told to close.
  private final class Resident: LoopResident {
    let core: LoopCore
    let log: Log
    private var ticks: Int

    init(_ core: LoopCore, _ log: Log, ticks: Int) {
      self.core = core
      self.log = log
      self.ticks = ticks
    }

    func closeForShutdown() {
      log.events.append("close")
      tick()
    }

    private func tick() {
      if ticks == 0 {
        log.events.append("closed")
        return core.remove(self)
      }
      ticks -= 1
      _ = core.schedule(at: .now) { [self] in tick() }
    }
  }

  /// Closes a handle when told to close, and leaves in its close callback.
  private final class HandleResident: LoopResident {
    let core: LoopCore
    let stream: UVTCP

    init(_ core: LoopCore) throws(UVError) {
      self.core = core
      stream = try UVTCP(core.uv)
    }

    func closeForShutdown() { stream.close { [self] in core.remove(self) } }
  }

  private final class Flushable: LoopFlushable {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
    func flush() { body() }
  }

  func testEndsAtOnceWithoutResidents() throws {
    let core = try LoopCore()
    var endings = 0
    _ = core.schedule(at: .now) {
      core.beginShutdown { endings += 1 }
      core.beginShutdown { XCTFail("ended twice") }
    }
    core.run()
    XCTAssertEqual(endings, 1)
  }

  func testTasksEndOnceAllResidentsLeft() throws {
    let core = try LoopCore()
    let log = Log()
    for ticks in 0...3 { core.add(Resident(core, log, ticks: ticks)) }
    _ = core.schedule(at: .now) { core.beginShutdown { log.events.append("tasks") } }
    core.run()
    XCTAssertEqual(log.events.filter { $0 == "close" }.count, 4)
    XCTAssertEqual(log.events.last, "tasks")
    XCTAssertEqual(log.events.count, 9)
  }

  func testResidentAddedWhileEndingIsClosedAndWaitedFor() throws {
    let core = try LoopCore()
    let log = Log()
    core.add(Resident(core, log, ticks: 1))
    _ = core.schedule(at: .now) {
      core.add(Resident(core, log, ticks: 2))
      core.beginShutdown { [unowned core] in
        log.events.append("tasks")
        // What the last tasks add ends in its own time too.
        if !log.events.contains("late") {
          log.events.append("late")
          core.add(Resident(core, log, ticks: 3))
        }
      }
      core.add(Resident(core, log, ticks: 1))
    }
    core.run()
    XCTAssertEqual(log.events.filter { $0 == "close" }.count, 4)
    XCTAssertEqual(log.events.filter { $0 == "closed" }.count, 4)
    XCTAssertEqual(log.events.suffix(2), ["closed", "tasks"])
  }

  func testTasksEndBeforeTheHandleThatPostersUseIsClosed() throws {
    let core = try LoopCore()
    _ = core.schedule(at: .now) {
      let closed = UVHandleCount.closed
      core.beginShutdown { [unowned core] in
        XCTAssertEqual(UVHandleCount.closed, closed)
        core.waker.wake()
      }
    }
    core.run()
  }

  func testAllOwedWakesAreKnownWhenTasksEnd() throws {
    let core = try LoopCore()
    // Every time the loop fell asleep somebody posts, and wakes it in their own time.
    var begin: (() -> Void)?
    core.sleep = {
      begin?()
      begin = nil
      return .asleep
    }
    core.beginTurn = { false }
    var owed: Int?
    // Its close callback finds the loop asleep.
    core.add(try HandleResident(core))
    // The timer is set as the loop falls asleep, so that it does not come up before.
    begin = { [unowned core] in
      _ = core.schedule(at: .now) {
        core.beginShutdown { [unowned core] in
          owed = core.wakesOwed
          core.sleep = { .closed }
        }
      }
    }
    core.run()
    XCTAssertEqual(
      owed, 3, "one for the beginning, one for the sleep that the timer ended, one for that of the close callback")
    XCTAssertEqual(core.wakesOwed, owed)
  }

  func testTimersDoNotOutliveTheLoop() throws {
    final class Token {}
    let core = try LoopCore()
    weak var released: Token?
    do {
      let token = Token()
      released = token
      _ = core.schedule(at: MonotonicTime.now.advanced(by: .seconds(3600))) { withExtendedLifetime(token) {} }
    }
    XCTAssertNotNil(released)
    _ = core.schedule(at: .now) { core.beginShutdown {} }
    core.run()
    XCTAssertNil(released)
  }

  func testFlushesBeforeTheLoopEnds() throws {
    let core = try LoopCore()
    let log = Log()
    _ = core.schedule(at: .now) {
      core.beginShutdown { [unowned core] in core.markDirty(Flushable { log.events.append("flushed") }) }
    }
    core.run()
    XCTAssertEqual(log.events, ["flushed"])
  }

  func testFlushMayMarkMore() throws {
    let core = try LoopCore()
    let log = Log()
    let second = Flushable { log.events.append("second") }
    let first = Flushable {
      log.events.append("first")
      core.markDirty(second)
    }
    _ = core.schedule(at: .now) {
      core.markDirty(first)
      core.markDirty(Flushable { log.events.append("other") })
      log.events.append("marked")
      _ = core.schedule(at: MonotonicTime.now.advanced(by: .milliseconds(1))) {
        log.events.append("next tick")
        core.beginShutdown {}
      }
    }
    core.run()
    XCTAssertEqual(log.events, ["marked", "first", "other", "second", "next tick"])
  }

  func testLoopOfManyTasksPollsInBetween() throws {
    let core = try LoopCore()
    var rounds = 0
    // There is always something queued, until the timer came up.
    var isDone = false
    core.sleep = { isDone ? .asleep : .notEmpty }
    core.drain = { _ in
      rounds += 1
      return 1
    }
    var timers = 0
    // Again and again, should the thread not have had the time for a few rounds.
    func end() {
      timers += 1
      if rounds <= 4 && timers < 10_000 { return _ = core.schedule(at: .now, end) }
      isDone = true
      core.beginShutdown {}
    }
    _ = core.schedule(at: MonotonicTime.now.advanced(by: .milliseconds(5)), end)
    core.run()
    XCTAssertGreaterThan(rounds, 4)
  }
}
