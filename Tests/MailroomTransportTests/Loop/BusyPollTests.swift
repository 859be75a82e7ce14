import MailroomQueue
import TestSupport
import XCTest

@testable import MailroomTransport

/// Loops that look for work before they sleep: first the inner half alone, with a task queue that the test plays.
final class BusyPollTests: TransportTestCase {
  /// So long that no test sees the end of it.
  private static let always = SpinBudget(maximum: .seconds(3600), rests: false)

  func testSpinningLoopNeverSaysThatItSleeps() throws {
    let core = try LoopCore(spin: Self.always)
    core.sleep = {
      XCTFail("falls asleep")
      return .asleep
    }
    var looks = 0
    core.hasTasks = { [unowned core] in
      looks += 1
      if looks == 1000 { core.beginShutdown {} }
      return false
    }
    core.run()
    XCTAssertEqual(looks, 1000)
  }

  func testTasksAreFoundWithoutAWake() throws {
    let core = try LoopCore(spin: Self.always)
    var looks = 0
    var tasks = 0
    core.hasTasks = {
      looks += 1
      if looks % 10 == 0 { tasks += 1 }
      return tasks > 0
    }
    var done = 0
    core.drain = { [unowned core] _ in
      let count = tasks
      tasks = 0
      done += count
      if done == 50 { core.beginShutdown {} }
      return count
    }
    core.run()
    XCTAssertEqual(done, 50)
    XCTAssertEqual(core.wakesOwed, 0)
  }

  func testTasksThatTookLongAreNoReasonToSleep() throws {
    let core = try LoopCore(spin: Self.always)
    core.sleep = {
      XCTFail("falls asleep")
      return .asleep
    }
    var hasRun = false
    core.drain = { limit in
      if hasRun { return 0 }
      hasRun = true
      // As many as are taken between two looks at the clock, and longer than tasks may run; none is left.
      let end = MonotonicTime.now.advanced(by: .milliseconds(3))
      while MonotonicTime.now < end {}
      return limit
    }
    var looks = 0
    core.hasTasks = { [unowned core] in
      looks += 1
      if looks == 100 { core.beginShutdown {} }
      return false
    }
    core.run()
    XCTAssertEqual(looks, 100)
  }

  func testTimersComeUpWhileSpinning() throws {
    let core = try LoopCore(spin: Self.always)
    var early = 0
    var order: [Int] = []
    let now = MonotonicTime.now
    for index in (0..<10).reversed() {
      let deadline = now.advanced(by: .microseconds(index * 730))
      _ = core.schedule(at: deadline) { [unowned core] in
        if MonotonicTime.now < deadline { early += 1 }
        order.append(index)
        if index == 9 { core.beginShutdown {} }
      }
    }
    core.run()
    XCTAssertEqual(order, Array(0..<10))
    XCTAssertEqual(early, 0)
  }

  func testHandlesCloseAndWhatThatLeavesIsFlushedWhileSpinning() throws {
    final class Flushable: LoopFlushable {
      let body: () -> Void
      init(_ body: @escaping () -> Void) { self.body = body }
      func flush() { body() }
    }
    let core = try LoopCore(spin: Self.always)
    var looks = 0
    let stream = try UVTCP(core.uv)
    core.hasTasks = { [unowned core] in
      looks += 1
      if looks == 100 {
        // The callback comes in a lap that finds no event.
        stream.close { core.markDirty(Flushable { core.beginShutdown {} }) }
      }
      return false
    }
    core.run()
    XCTAssertGreaterThan(looks, 100)
  }

  func testSleepsWhenTheBudgetIsOver() throws {
    let core = try LoopCore(spin: SpinBudget(maximum: .microseconds(200), rests: false))
    // Since the last timer.
    var (looks, sleeps) = (0, 0)
    core.sleep = {
      sleeps += 1
      return .asleep
    }
    core.hasTasks = {
      looks += 1
      return false
    }
    // Far beyond the budget, so that each of them halves it, until nothing is left. Now and then one may come up too early for that,
    // or for the sleep, because the system has taken the core away meanwhile.
    var timers = 0
    var sleepsAtOnce = false
    func next() {
      timers += 1
      // One look that begins nothing.
      sleepsAtOnce = looks <= 2 && sleeps > 0
      if sleepsAtOnce || timers == 2000 { return core.beginShutdown {} }
      (looks, sleeps) = (0, 0)
      _ = core.schedule(at: MonotonicTime.now.advanced(by: .milliseconds(2))) { next() }
    }
    _ = core.schedule(at: MonotonicTime.now.advanced(by: .milliseconds(2))) { next() }
    core.run()
    XCTAssertTrue(sleepsAtOnce, "\(looks) looks and \(sleeps) sleeps after \(timers) timers")
  }

  func testATaskThatComesAsTheBudgetEndsIsRun() throws {
    let core = try LoopCore(spin: SpinBudget(maximum: .microseconds(50), rests: false))
    var hasTask = false
    var sleeps = 0
    core.sleep = {
      sleeps += 1
      if sleeps > 1 { return .asleep }
      hasTask = true
      return .notEmpty
    }
    core.hasTasks = { hasTask }
    var done = 0
    core.drain = { [unowned core] _ in
      if !hasTask { return 0 }
      hasTask = false
      done += 1
      core.beginShutdown {}
      return 1
    }
    core.run()
    XCTAssertEqual(done, 1)
  }

  // MARK: Whole loops

  func testNobodyWakesASpinningLoop() throws {
    let loop = try EventLoop(name: "\(Self.loopName)-spin", spin: Self.always)
    let done = Signal("a task")
    loop.execute { done.fire() }
    done.wait()
    // It may have been posted before the loop was there.
    XCTAssertLessThanOrEqual(loop.wakes, 1)
    let before = loop.wakes
    for _ in 0..<500 {
      loop.execute { done.fire() }
      if !done.wait() { break }
    }
    XCTAssertEqual(loop.wakes, before)
    try awaited("the loop's shutdown") { await loop.shutdown() }
  }

  func testShutdownEndsASpinningLoop() throws {
    for _ in 0..<20 {
      let loop = try EventLoop(name: "\(Self.loopName)-spin", spin: Self.always)
      try awaited("the loop's shutdown") { await loop.shutdown() }
      XCTAssertFalse(loop.execute { XCTFail("runs on a loop that has ended") })
    }
  }

  func testNoWakeUpIsLostBetweenSpinningAndSleeping() throws {
    // As long as posting takes, so that tasks come at any moment of spinning, falling asleep and sleeping.
    for microseconds in [1, 5, 20, 100] {
      let loop = try EventLoop(
        name: "\(Self.loopName)-spin", spin: SpinBudget(maximum: .microseconds(microseconds), rests: false))
      let done = Signal("a task")
      for _ in 0..<2000 {
        loop.execute { done.fire() }
        if !done.wait() { break }
      }
      try awaited("the loop's shutdown") { await loop.shutdown() }
    }
  }

  func testGroupsHandItToTheirLoops() throws {
    let group = try EventLoopGroup(count: 2, name: "\(Self.loopName)-spin", busyPoll: .microseconds(50))
    let done = Signal("a task")
    for loop in group.loops { loop.execute { done.fire() } }
    done.wait(2)
    try awaited("the group's shutdown") { await group.shutdown() }
  }
}
