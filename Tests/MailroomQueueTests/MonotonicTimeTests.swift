import MailroomQueue
import XCTest

final class MonotonicTimeTests: XCTestCase {
  private let time = MonotonicTime(nanoseconds: 1_000_000_000_000)

  private func nanoseconds(_ duration: Duration) -> UInt64 { time.advanced(by: duration).nanoseconds }

  // MARK: Now

  func testNowNeverGoesBack() {
    var last = MonotonicTime.now
    for _ in 0..<1_000 {
      let now = MonotonicTime.now
      XCTAssertGreaterThanOrEqual(now, last)
      last = now
    }
  }

  func testNowGoesOn() {
    let start = MonotonicTime.now
    eventually("time to pass") { MonotonicTime.now > start }
  }

  func testNowIsTheClockOfOtherThreadsToo() throws {
    let before = MonotonicTime.now
    let there = try XCTUnwrap(try onThread("clock") { MonotonicTime.now })
    XCTAssertLessThanOrEqual(before, there)
    XCTAssertLessThanOrEqual(there, .now)
  }

  func testDistantFutureIsLaterThanNow() {
    XCTAssertGreaterThan(MonotonicTime.distantFuture, .now)
  }

  func testTimesCompareByNanoseconds() {
    let later = MonotonicTime(nanoseconds: time.nanoseconds + 1)
    XCTAssertLessThan(time, later)
    XCTAssertNotEqual(time, later)
    XCTAssertEqual(later, MonotonicTime(nanoseconds: later.nanoseconds))
    XCTAssertEqual(Set([time, later, later]).count, 2)
  }

  // MARK: Advancing

  func testAdvancedAddsToTheNanosecond() {
    XCTAssertEqual(nanoseconds(.zero), 1_000_000_000_000)
    XCTAssertEqual(nanoseconds(.nanoseconds(1)), 1_000_000_000_001)
    XCTAssertEqual(nanoseconds(.milliseconds(1_500)), 1_001_500_000_000)
    XCTAssertEqual(nanoseconds(.seconds(3_600)), 4_600_000_000_000)
  }

  func testAdvancedRoundsDownWhenThereAreFractions() {
    XCTAssertEqual(nanoseconds(Duration(secondsComponent: 0, attosecondsComponent: 999_999_999)), 1_000_000_000_000)
    XCTAssertEqual(nanoseconds(Duration(secondsComponent: 1, attosecondsComponent: 1_999_999_999)), 1_001_000_000_001)
  }

  func testAdvancedStaysWhenDurationIsNegative() {
    XCTAssertEqual(time.advanced(by: .nanoseconds(-1)), time)
    XCTAssertEqual(time.advanced(by: .seconds(-1)), time)
    XCTAssertEqual(time.advanced(by: .seconds(-1) + .nanoseconds(1)), time)
    XCTAssertEqual(time.advanced(by: .seconds(Int64.min)), time)
  }

  func testAdvancedEndsInDistantFutureWhenItOverflows() {
    XCTAssertEqual(time.advanced(by: .seconds(Int64.max)), .distantFuture)
    XCTAssertEqual(time.advanced(by: .nanoseconds(Int64.max)).nanoseconds, 1_000_000_000_000 + UInt64(Int64.max))
    XCTAssertEqual(MonotonicTime.distantFuture.advanced(by: .nanoseconds(1)), .distantFuture)
    XCTAssertEqual(MonotonicTime.distantFuture.advanced(by: .seconds(1)), .distantFuture)
    // The seconds fit as nanoseconds, and the sum with the rest, or with the time, does not.
    let most = Int64(UInt64.max / 1_000_000_000)
    XCTAssertEqual(time.advanced(by: .seconds(most)), .distantFuture)
    XCTAssertEqual(
      MonotonicTime(nanoseconds: 0).advanced(by: .seconds(most) + .milliseconds(999)), .distantFuture)
    XCTAssertEqual(
      MonotonicTime(nanoseconds: 0).advanced(by: .seconds(most)).nanoseconds, UInt64(most) * 1_000_000_000)
  }

  func testAdvancedEndsInDistantFutureWhenSecondsExceedTheirNumber() {
    // A duration of more seconds than a 64-bit number can say.
    XCTAssertEqual(time.advanced(by: .seconds(Int64.max) * 10), .distantFuture)
  }

  func testAdvancedStaysWhenNegativeSecondsExceedTheirNumber() {
    XCTAssertEqual(time.advanced(by: .seconds(Int64.max) * -10), time)
  }

  // MARK: Measuring

  func testSinceIsWhatWasAdvanced() {
    XCTAssertEqual(time.advanced(by: .milliseconds(1_500)).since(time), .milliseconds(1_500))
    XCTAssertEqual(time.since(time), .zero)
  }

  func testSinceIsZeroWhenTheOtherIsLater() {
    XCTAssertEqual(time.since(time.advanced(by: .seconds(1))), .zero)
    XCTAssertEqual(time.since(.distantFuture), .zero)
  }

  func testSinceEndsWhereItsNumberEnds() {
    XCTAssertEqual(MonotonicTime.distantFuture.since(MonotonicTime(nanoseconds: 0)), .nanoseconds(Int64.max))
  }
}
