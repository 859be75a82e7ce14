import MailroomQueue
import XCTest

final class LockedTests: XCTestCase {
  private struct Failure: Error, Equatable {}

  func testLockExcludesWhenEightThreadsRace() throws {
    // Two numbers that are equal whenever the lock is free.
    let count = 5_000
    let locked = Shared(Locked((left: 0, right: 0)))
    try race(8, "locker") { _ in
      var wrong = 0
      for _ in 0..<count {
        locked.value.withLock { pair in
          if pair.left != pair.right { wrong += 1 }
          pair.left += 1
          if pair.left % 64 == 0 { ThreadID.yield() }
          pair.right += 1
        }
      }
      XCTAssertEqual(wrong, 0)
    }
    let pair = locked.value.withLock { $0 }
    XCTAssertEqual(pair.left, 8 * count)
    XCTAssertEqual(pair.right, 8 * count)
  }

  func testWithLockReturnsWhatItsBodyReturns() {
    let locked = Locked([1, 2])
    XCTAssertEqual(locked.withLock { $0.removeLast() }, 2)
    XCTAssertEqual(locked.withLock { $0 }, [1])
  }

  func testWithLockReturnsWhatCannotBeCopied() {
    let lifetimes = Lifetimes(1)
    let locked = Locked(0)
    let value = locked.withLock { _ in TrackedValue(0, lifetimes) }
    XCTAssertEqual(value.index, 0)
    XCTAssertEqual(lifetimes.dropped, 0)
  }

  func testWithLockThrowsThroughAndUnlocks() throws {
    let locked = Shared(Locked(1))
    do throws(Failure) {
      try locked.value.withLock { value throws(Failure) in
        value = 2
        throw Failure()
      }
      XCTFail("threw nothing")
    } catch {
      XCTAssertEqual(error, Failure())
    }
    // On another thread, because one that is locked would hang this one.
    XCTAssertEqual(try onThread("locker") { locked.value.withLock { $0 } }, 2)
  }

  func testLockGuardsWhatCannotBeCopied() {
    let lifetimes = Lifetimes(2)
    do {
      let locked = Locked(TrackedValue(0, lifetimes))
      XCTAssertEqual(locked.withLock { $0.index }, 0)
      locked.withLock { $0 = TrackedValue(1, lifetimes) }
      XCTAssertEqual(lifetimes.dropped, 1)
      XCTAssertEqual(locked.withLock { $0.index }, 1)
    }
    lifetimes.assertAllDroppedOnce()
  }

  func testValueIsDroppedOnceWhenLockEnds() {
    let lifetimes = Lifetimes(1)
    do {
      let locked = Locked(TrackedObject(0, lifetimes))
      XCTAssertEqual(locked.withLock { $0.index }, 0)
      XCTAssertEqual(lifetimes.dropped, 0)
    }
    lifetimes.assertAllDroppedOnce()
  }
}
