import MailroomQueue
import Synchronization
import TestSupport
import XCTest

final class SuspendedCallerTests: XCTestCase {
  /// A task that waits for a value.
  private final class Waiter: Sendable {
    let caller = SuspendedCaller<Int>()
    private let result = Locked<[Int]>([])
    private let returned = Signal("wait to return")

    /// Starts the task.
    func start(fallback: Int = -1, _ start: @escaping @Sendable () -> Void) {
      Task {
        let value = await caller.wait(fallback: fallback, start)
        result.withLock { $0.append(value) }
        returned.fire()
      }
    }

    /// What the task got; nil if it got nothing in time, and then the test has failed.
    func value(file: StaticString = #filePath, line: UInt = #line) -> Int? {
      returned.wait(file: file, line: line)
      return result.withLock { $0.first }
    }
  }

  func testWaitReturnsWhatIsGivenLater() {
    let waiter = Waiter()
    let isWaiting = Signal("the task to wait")
    waiter.start { isWaiting.fire() }
    isWaiting.wait()
    XCTAssertFalse(waiter.caller.isDone)
    XCTAssertTrue(waiter.caller.resume(returning: 1))
    XCTAssertTrue(waiter.caller.isDone)
    XCTAssertEqual(waiter.value(), 1)
  }

  func testWaitReturnsFallbackWithoutStartingWhenValueCameBefore() {
    let waiter = Waiter()
    XCTAssertFalse(waiter.caller.isDone)
    XCTAssertTrue(waiter.caller.resume(returning: 1))
    XCTAssertTrue(waiter.caller.isDone)
    waiter.start(fallback: 2) { XCTFail("started") }
    XCTAssertEqual(waiter.value(), 2)
    XCTAssertTrue(waiter.caller.isDone)
  }

  func testWaitReturnsWhatStartGives() {
    let waiter = Waiter()
    waiter.start { [unowned waiter] in XCTAssertTrue(waiter.caller.resume(returning: 1)) }
    XCTAssertEqual(waiter.value(), 1)
  }

  func testResumeCountsOnceWhenStartAndOthersCallIt() {
    let waiter = Waiter()
    waiter.start { [unowned waiter] in
      XCTAssertTrue(waiter.caller.resume(returning: 1))
      XCTAssertFalse(waiter.caller.resume(returning: 2))
    }
    XCTAssertEqual(waiter.value(), 1)
    XCTAssertFalse(waiter.caller.resume(returning: 3))
  }

  func testResumeCountsOnceWhenNobodyWaits() {
    let caller = SuspendedCaller<Int>()
    XCTAssertTrue(caller.resume(returning: 1))
    XCTAssertFalse(caller.resume(returning: 2))
  }

  func testStartRunsOnce() {
    let starts = Shared(Atomic(0))
    let waiter = Waiter()
    waiter.start { [unowned waiter] in
      starts.value.add(1, ordering: .relaxed)
      waiter.caller.resume(returning: 1)
    }
    XCTAssertEqual(waiter.value(), 1)
    XCTAssertEqual(starts.value.load(ordering: .relaxed), 1)
  }

  func testOneOfManyResumesCountsWhenTheyRace() throws {
    let waiters = (0..<100).map { _ in Waiter() }
    let winners = waiters.map { _ in Shared(Locked<[Int]>([])) }
    let isWaiting = Signal("the tasks to wait")
    for waiter in waiters { waiter.start { isWaiting.fire() } }
    isWaiting.wait(waiters.count)
    try race(8, "resumer") { index in
      for (waiter, winner) in zip(waiters, winners) where waiter.caller.resume(returning: index) {
        winner.value.withLock { $0.append(index) }
      }
    }
    for (waiter, winner) in zip(waiters, winners) {
      let winner = winner.value.withLock { $0 }
      XCTAssertEqual(winner.count, 1)
      XCTAssertEqual(waiter.value(), winner.first)
    }
  }

  func testOneOfManyResumesCountsWhenTheyRaceWithWait() throws {
    let waiters = (0..<100).map { _ in Waiter() }
    let winners = waiters.map { _ in Shared(Locked<[Int]>([])) }
    let starts = waiters.map { _ in Shared(Atomic(0)) }
    try race(5, "waiter-and-resumers") { index in
      for ((waiter, winner), start) in zip(zip(waiters, winners), starts) {
        if index == 4 {
          waiter.start(fallback: -1) { start.value.add(1, ordering: .relaxed) }
        } else if waiter.caller.resume(returning: index) {
          winner.value.withLock { $0.append(index) }
        }
      }
    }
    for ((waiter, winner), start) in zip(zip(waiters, winners), starts) {
      let winner = winner.value.withLock { $0 }
      XCTAssertEqual(winner.count, 1)
      let value = waiter.value()
      // Started and resumed, or neither.
      XCTAssertEqual(value, start.value.load(ordering: .relaxed) == 1 ? winner.first : -1)
    }
  }

  func testWaiterAndResumerSeeWhatTheOtherDidBefore() {
    let caller = Shared(SuspendedCaller<Int>())
    let waiter = Shared(Confined(0))
    let resumer = Shared(Confined(0))
    // Relaxed, so that it orders nothing.
    let isWaiting = Shared(Atomic(false))
    let hasGoneOn = Signal("the task to go on")
    Task {
      waiter.value.value = 1
      _ = await caller.value.wait(fallback: -1) { isWaiting.value.store(true, ordering: .relaxed) }
      let seen = resumer.value.value
      XCTAssertEqual(seen, 2)
      hasGoneOn.fire()
    }
    eventually("the task to wait") { isWaiting.value.load(ordering: .relaxed) }
    resumer.value.value = 2
    let isFirst = caller.value.resume(returning: 0)
    let seen = waiter.value.value
    XCTAssertTrue(isFirst)
    XCTAssertEqual(seen, 1)
    hasGoneOn.wait()
  }
}
