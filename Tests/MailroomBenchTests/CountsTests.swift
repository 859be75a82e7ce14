import Foundation
import TestSupport
import XCTest

@testable import mailroom_bench

final class CountsTests: XCTestCase {
  func testAllocationsAndCallsOfThisProcessAreCounted() throws {
    try XCTSkipUnless(Counts.areComplete, "a sanitizer has the allocator")
    let file = try XCTUnwrap(fopen("/dev/null", "w"))
    defer { fclose(file) }
    var kept: [UnsafeMutableRawPointer?] = []
    kept.reserveCapacity(100)
    let before = Counts.now()
    for _ in 0..<100 {
      kept.append(malloc(64))
      _ = write(fileno(file), "x", 1)
    }
    let after = Counts.now()
    kept.forEach { free($0) }
    XCTAssertGreaterThanOrEqual(after.allocations - before.allocations, 100)
    XCTAssertGreaterThanOrEqual(after.allocatedBytes - before.allocatedBytes, 6400)
    XCTAssertGreaterThanOrEqual(after.writes - before.writes, 100)
  }

  func testAThreadThatIsLeftOutCountsNothing() throws {
    try XCTSkipUnless(Counts.areComplete, "a sanitizer has the allocator")
    let many = 100_000
    let before = Counts.now()
    let end = Signal("the end of the thread")
    Thread.detachNewThread {
      leaveOutThisThread()
      for _ in 0..<many { free(malloc(64)) }
      end.fire()
    }
    end.wait()
    XCTAssertLessThan(Counts.now().allocations - before.allocations, UInt64(many))
  }

  func testCountsPerMessageAreDifferences() {
    func counts(_ value: UInt64) -> Counts {
      Counts(
        allocations: value, allocatedBytes: 10 * value, reads: value, writes: value, polls: value, otherCalls: value,
        wakeUps: value, contextSwitches: value, cpuMicroseconds: value)
    }
    let perMessage = counts(300).perMessage(since: counts(100), messages: 100)
    XCTAssertEqual(perMessage.allocations, 2)
    XCTAssertEqual(perMessage.allocatedBytes, 20)
    XCTAssertEqual(perMessage.systemCalls, 8)
  }
}
