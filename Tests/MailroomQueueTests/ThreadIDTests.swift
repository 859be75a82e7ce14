import MailroomQueue
import XCTest

final class ThreadIDTests: XCTestCase {
  func testCurrentIsTheSameOnOneThread() throws {
    XCTAssertEqual(ThreadID.current, ThreadID.current)
    XCTAssertEqual(try onThread("same") { ThreadID.current == ThreadID.current }, true)
  }

  func testCurrentIsNeverZero() throws {
    XCTAssertNotEqual(ThreadID.current, 0)
    XCTAssertEqual(try onThread("zero") { ThreadID.current != 0 }, true)
  }

  func testCurrentDiffersBetweenThreadsThatLive() throws {
    let count = 8
    let ids = Shared(Locked<[UInt]>([ThreadID.current]))
    let arrivals = (0..<count).map { _ in Shared(Parker()) }
    try race(count, "living") { index in
      ids.value.withLock { $0.append(ThreadID.current) }
      // Nobody leaves before all are there.
      for arrival in arrivals { arrival.value.unpark() }
      for _ in 0..<count { arrivals[index].value.park() }
    }
    XCTAssertEqual(Set(ids.value.withLock { $0 }).count, count + 1)
  }

  func testYieldReturns() throws {
    try race(4, "yielding") { _ in
      for _ in 0..<100 { ThreadID.yield() }
    }
  }
}
