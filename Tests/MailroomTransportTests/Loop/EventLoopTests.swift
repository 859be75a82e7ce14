import Foundation
import Glibc
import MailroomQueue
import Synchronization
import TestSupport
import XCTest

@testable import MailroomTransport

final class EventLoopTests: TransportTestCase {
  private func makeLoop() throws -> EventLoop { try makeGroup().loops[0] }

  private func shutDown(_ loop: EventLoop) throws {
    try awaited("the loop's shutdown") { await loop.shutdown() }
  }

  /// Runs `body` on a thread of its own, as often as said, and returns what to wait for until all have ended.
  private func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) -> (Signal, Int) {
    let ended = Signal("the threads' end")
    for index in 0..<count {
      Thread.detachNewThread {
        body(index)
        ended.fire()
      }
    }
    return (ended, count)
  }

  // MARK: Tasks

  func testTasksOfEachThreadRunInOrder() throws {
    let loop = try makeLoop()
    let perThread = 3000
    let seen = Box<[[Int]]>([])
    let order = Confined<[[Int]]>(Array(repeating: [], count: 8))
    let recorder = Recorder(order)
    let (ended, threads) = onThreads(8) { thread in
      for number in 0..<perThread { loop.execute { recorder.record(thread, number) } }
    }
    ended.wait(threads)
    let done = Signal("the last task")
    loop.execute {
      seen.update { $0 = recorder.all }
      done.fire()
    }
    done.wait()
    XCTAssertEqual(seen.value, Array(repeating: Array(0..<perThread), count: 8))
  }

  /// Numbers by thread; only the loop touches them.
  private final class Recorder: Sendable {
    private let order: Confined<[[Int]]>
    init(_ order: consuming Confined<[[Int]]>) { self.order = order }
    func record(_ thread: Int, _ number: Int) { order.value[thread].append(number) }
    var all: [[Int]] { order.value }
  }

  func testLoopThatIsWokenWaitsForWhoeverHasItsPlace() throws {
    let loop = try makeLoop()
    let order = Box<[String]>([])
    let done = Signal("the task")
    waitUntil("the loop to sleep") {
      loop.borrow {
        XCTAssertFalse(loop.isCurrent)
        loop.execute {
          order.append("task")
          done.fire()
        }
        for _ in 0..<1000 { ThreadID.yield() }
        order.append("borrower")
        return true
      }
    }
    done.wait()
    XCTAssertEqual(order.value, ["borrower", "task"])
  }

  func testLoopThatIsAwakeOrHasEndedLendsNothing() throws {
    let loop = try makeLoop()
    let busy = Signal("the loop to be busy")
    let free = Signal("the loop to be let go")
    loop.execute {
      busy.fire()
      _ = free.wait()
    }
    busy.wait()
    XCTAssertFalse(loop.borrow { true })
    free.fire()
    waitUntil("the loop to sleep") { loop.borrow { true } }
    XCTAssertFalse(loop.borrow { false })
    try shutDown(loop)
    XCTAssertFalse(loop.borrow { true })
  }

  func testLoopThatIsBeingWokenLendsNothing() throws {
    let loop = try makeLoop()
    for _ in 0..<500 {
      waitUntil("the loop to sleep") { loop.borrow { true } }
      let hasRun = Flag()
      loop.execute { _ = hasRun.raise() }
      _ = loop.borrow {
        XCTAssertTrue(hasRun.isRaised, "what this thread does now comes before what it has posted")
        return true
      }
    }
  }

  func testNoWakeUpIsLostOverManyIdleEdges() throws {
    let loop = try makeLoop()
    // Each thread posts only once the loop ran what it posted before, so the loop falls asleep again and again.
    let counts = Counts()
    let (ended, threads) = onThreads(3) { _ in
      let done = Signal("a task")
      for _ in 0..<4000 {
        loop.execute {
          counts.ran.add(1, ordering: .relaxed)
          done.fire()
        }
        if !done.wait() { return }
      }
    }
    ended.wait(threads, seconds: 60)
    XCTAssertEqual(counts.ran.load(ordering: .relaxed), 3 * 4000)
  }

  private final class Counts: Sendable {
    let ran = Atomic<Int>(0)
    let taken = Atomic<Int>(0)
  }

  func testFunctionPostedOnTheLoopRunsLater() throws {
    let loop = try makeLoop()
    let events = Box<[String]>([])
    let done = Signal("the inner function")
    loop.execute {
      loop.execute {
        events.append("inner")
        done.fire()
      }
      events.append("outer")
    }
    done.wait()
    XCTAssertEqual(events.value, ["outer", "inner"])
  }

  func testScheduledTaskRunsOnTheLoop() throws {
    final class Task: LoopTask {
      let loop: EventLoop
      let done = Signal("the task")
      init(_ loop: EventLoop) { self.loop = loop }
      func runOnLoop() {
        XCTAssertTrue(loop.isCurrent)
        done.fire()
      }
    }
    let loop = try makeLoop()
    let task = Task(loop)
    XCTAssertFalse(loop.isCurrent)
    for _ in 0..<3 { XCTAssertTrue(loop.schedule(task)) }
    task.done.wait(3)
  }

  func testSocketsGetTheirTurnWhileTasksKeepComing() throws {
    let loop = try makeLoop()
    let deadline = MonotonicTime.now.advanced(by: .milliseconds(20))
    let done = Signal("the timer")
    let isDone = Box(false)
    // A task that posts itself again keeps the queue filled for ever; the timer must come up nevertheless.
    @Sendable func again() { if !isDone.value { loop.execute(again) } }
    loop.execute {
      again()
      _ = loop.schedule(at: deadline) {
        isDone.update { $0 = true }
        done.fire()
      }
    }
    done.wait()
  }

  func testLoopIsNamed() throws {
    let loop = try EventLoop(name: "\(Self.loopName)-a-long-name")
    let done = Signal("a task")
    loop.execute { done.fire() }
    done.wait()
    XCTAssertTrue(ProcessResources.threads.contains("\(Self.loopName)-a-long-name".prefix(15).description))
    try shutDown(loop)
  }

  func testLoopThreadBlocksSignalsOfTheProcess() throws {
    let loop = try makeLoop()
    let done = Signal("a task")
    loop.execute { done.fire() }
    done.wait()
    let blocked = UInt64(ProcessResources.status(ofThread: "\(Self.loopName)-0")["SigBlk"] ?? "", radix: 16) ?? 0
    for signal in [SIGPIPE, SIGTERM, SIGINT, SIGCHLD, SIGUSR1] {
      XCTAssertNotEqual(blocked & 1 << UInt64(signal - 1), 0, "signal \(signal)")
    }
    for signal in [SIGSEGV, SIGBUS, SIGFPE, SIGILL] {
      XCTAssertEqual(blocked & 1 << UInt64(signal - 1), 0, "signal \(signal)")
    }
  }

  // MARK: Ending

  func testNothingRunsAfterShutdown() throws {
    let loop = try makeLoop()
    try shutDown(loop)
    XCTAssertFalse(loop.execute { XCTFail("runs on a loop that has ended") })
    final class Task: LoopTask {
      func runOnLoop() { XCTFail("runs on a loop that has ended") }
    }
    XCTAssertFalse(loop.schedule(Task()))
  }

  func testShutdownMayBeRepeated() throws {
    let loop = try makeLoop()
    for _ in 0..<3 { try shutDown(loop) }
  }

  func testConcurrentShutdownsAllReturn() throws {
    for _ in 0..<20 {
      let loop = try makeLoop()
      try awaited("eight shutdowns") {
        await withTaskGroup(of: Void.self) { tasks in
          for _ in 0..<8 { tasks.addTask { await loop.shutdown() } }
        }
      }
      XCTAssertFalse(loop.execute {})
    }
  }

  func testShutdownRunsWhatWasPosted() throws {
    let counts = Counts()
    for _ in 0..<20 {
      let loop = try makeLoop()
      // More than the loop takes in one go, with functions that post functions.
      for _ in 0..<2500 {
        loop.execute {
          counts.ran.add(1, ordering: .relaxed)
          if loop.execute({ counts.ran.add(1, ordering: .relaxed) }) { counts.taken.add(1, ordering: .relaxed) }
        }
        counts.taken.add(1, ordering: .relaxed)
      }
      try shutDown(loop)
    }
    XCTAssertEqual(counts.ran.load(ordering: .relaxed), counts.taken.load(ordering: .relaxed))
    XCTAssertGreaterThanOrEqual(counts.taken.load(ordering: .relaxed), 20 * 2500)
  }

  func testEveryAcceptedFunctionRunsWhenShutdownRacesWithPosting() throws {
    for _ in 0..<15 {
      let loop = try makeLoop()
      let counts = Counts()
      let started = Signal("posting")
      let (ended, threads) = onThreads(4) { _ in
        started.fire()
        while loop.execute({ counts.ran.add(1, ordering: .relaxed) }) { counts.taken.add(1, ordering: .relaxed) }
      }
      started.wait(threads)
      try shutDown(loop)
      ended.wait(threads)
      XCTAssertEqual(counts.ran.load(ordering: .relaxed), counts.taken.load(ordering: .relaxed))
    }
  }

  func testLoopIsReleasedAfterShutdown() throws {
    let released = Released()
    try awaited("a loop's life") {
      let loop = try EventLoop(name: Self.loopName)
      released.loop.update { $0 = Weak(object: loop) }
      loop.execute {
        // Timers that are not due refer to the loop, as their owners do.
        _ = loop.schedule(at: MonotonicTime.now.advanced(by: .seconds(3600))) { loop.execute {} }
      }
      await loop.shutdown()
    }
    waitUntil("the loop to be released") { released.loop.value.object == nil }
  }

  private final class Released: Sendable {
    let loop = Box<Weak>(Weak(object: nil))
  }

  private struct Weak: Sendable {
    weak var object: EventLoop?
  }

  func testManyLoopsLeaveNothingBehind() throws {
    for _ in 0..<100 {
      try awaited("a loop's life") {
        let loop = try EventLoop(name: Self.loopName)
        await loop.shutdown()
      }
    }
    expectNothingLeft()
  }

  func testNoLoopIsMadeWhenDescriptorsRunOut() throws {
    try withoutDescriptors {
      do throws(TransportError) {
        _ = try EventLoop(name: Self.loopName)
        XCTFail("a loop without a descriptor")
      } catch {
        XCTAssertEqual(error.reason, .system)
      }
      XCTAssertThrowsError(try EventLoopGroup(count: 3))
    }
    _ = try makeLoop()
  }
}
