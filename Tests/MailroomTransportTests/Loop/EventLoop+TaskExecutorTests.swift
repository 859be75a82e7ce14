import MailroomQueue
import TestSupport
import XCTest

@testable import MailroomTransport

final class EventLoopTaskExecutorTests: TransportTestCase {
  private func makeLoop(spin: SpinBudget = SpinBudget()) throws -> EventLoop {
    try EventLoop(name: "\(Self.loopName)-executor", spin: spin)
  }

  private func shutDown(_ loop: EventLoop) throws {
    try awaited("the loop's shutdown") { await loop.shutdown() }
  }

  /// Keeps a task until somebody lets it go on.
  private final class Pause: Sendable {
    let caller = SuspendedCaller<Int>()
  }

  func testTasksThatPreferTheLoopRunOnIt() throws {
    for spin in [SpinBudget(), SpinBudget(maximum: .seconds(3600), rests: false)] {
      let loop = try makeLoop(spin: spin)
      try awaited("tasks on the loop") {
        let task = Task(executorPreference: loop) {
          XCTAssertTrue(loop.isCurrent)
          await Task.yield()
          XCTAssertTrue(loop.isCurrent)
          await Task.detached {}.value
          XCTAssertTrue(loop.isCurrent)
          await withTaskGroup(of: Void.self) { tasks in
            for _ in 0..<10 { tasks.addTask { XCTAssertTrue(loop.isCurrent) } }
          }
          return 7
        }
        let value = await task.value
        XCTAssertEqual(value, 7)
        XCTAssertFalse(loop.isCurrent)
        await withTaskExecutorPreference(loop) { XCTAssertTrue(loop.isCurrent) }
        XCTAssertFalse(loop.isCurrent)
      }
      try shutDown(loop)
    }
  }

  func testActorsRunOnTheirOwnExecutors() throws {
    actor Own {
      var count = 0
      func add() { count += 1 }
    }
    let loop = try makeLoop()
    let own = Own()
    try awaited("a task that calls an actor") {
      await Task(executorPreference: loop) {
        for _ in 0..<100 {
          await own.add()
          XCTAssertTrue(loop.isCurrent)
        }
      }.value
      let count = await own.count
      XCTAssertEqual(count, 100)
    }
    try shutDown(loop)
  }

  func testATaskGoesOnInTheTickThatResumedItBeforeTheFlush() throws {
    final class Flushable: LoopFlushable {
      let body: () -> Void
      init(_ body: @escaping () -> Void) { self.body = body }
      func flush() { body() }
    }
    let loop = try makeLoop()
    let events = Box<[String]>([])
    for _ in 0..<50 {
      let pause = Pause()
      let waits = Signal("the task to wait")
      let ended = Signal("the task's end")
      Task(executorPreference: loop) {
        _ = await pause.caller.wait(fallback: 0) { waits.fire() }
        events.append("resumed")
        ended.fire()
      }
      waits.wait()
      loop.execute {
        loop.core.value.markDirty(Flushable { events.append("flushed") })
        pause.caller.resume(returning: 1)
        events.append("resuming")
      }
      if !ended.wait() { break }
      let flushed = Signal("the flush")
      loop.execute { flushed.fire() }
      flushed.wait()
      XCTAssertEqual(events.value, ["resuming", "resumed", "flushed"])
      events.update { $0 = [] }
    }
    try shutDown(loop)
  }

  func testJobsOfOneThreadRunInOrder() throws {
    let loop = try makeLoop()
    let order = Box<[Int]>([])
    let ended = Signal("a task")
    for number in 0..<1000 {
      Task(executorPreference: loop) {
        order.append(number)
        ended.fire()
      }
    }
    ended.wait(1000)
    XCTAssertEqual(order.value, Array(0..<1000))
    try shutDown(loop)
  }

  func testSocketsAndTimersGetTheirTurnBesideTasksThatNeverRest() throws {
    let loop = try makeLoop()
    let isDone = Box(false)
    let timer = Signal("the timer")
    let task = Task(executorPreference: loop) { while !isDone.value { await Task.yield() } }
    let deadline = MonotonicTime.now.advanced(by: .milliseconds(10))
    loop.execute { _ = loop.schedule(at: deadline) { timer.fire() } }
    timer.wait()
    let posted = Signal("a function of another thread")
    loop.execute { posted.fire() }
    posted.wait()
    isDone.update { $0 = true }
    try awaited("the task's end") { await task.value }
    try shutDown(loop)
  }

  // MARK: The end

  func testTasksGoOnElsewhereWhenTheLoopHasEnded() throws {
    let loop = try makeLoop()
    let pause = Pause()
    let waits = Signal("the task to wait")
    let task = Task(executorPreference: loop) {
      let value = await pause.caller.wait(fallback: 0) { waits.fire() }
      await Task.yield()
      XCTAssertFalse(loop.isCurrent)
      return value
    }
    waits.wait()
    try shutDown(loop)
    pause.caller.resume(returning: 5)
    try awaited("tasks of a loop that has ended") {
      let value = await task.value
      XCTAssertEqual(value, 5)
      let late = await Task(executorPreference: loop) { 6 }.value
      XCTAssertEqual(late, 6)
    }
  }

  func testNoTaskIsLostWhenTheLoopEnds() throws {
    for round in 0..<20 {
      let loop = try makeLoop()
      let begun = Signal("the tasks")
      let tasks = (0..<8).map { index in
        Task(executorPreference: loop) {
          begun.fire()
          // Some are in the midst of it when the loop ends, on both sides of its end.
          for _ in 0..<(200 * (round % 4)) + index { await Task.yield() }
          return index
        }
      }
      begun.wait(round % 2 == 0 ? 8 : 1)
      try shutDown(loop)
      try awaited("all tasks") {
        var sum = 0
        for task in tasks { sum += await task.value }
        XCTAssertEqual(sum, 28)
      }
    }
  }

  func testATaskOnTheLoopMayWaitForItsEnd() throws {
    for _ in 0..<10 {
      let loop = try makeLoop()
      try awaited("a shutdown from the loop") {
        await Task(executorPreference: loop) { await loop.shutdown() }.value
      }
      XCTAssertFalse(loop.execute {})
    }
  }
}
