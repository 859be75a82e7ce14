import XCTest

@testable import mailroom_bench

final class SpreadTests: XCTestCase {
  func testTheMedianIsTheMiddleOne() {
    XCTAssertEqual(Spread([3]).median, 3)
    XCTAssertEqual(Spread([9, 1, 5]).median, 5)
    XCTAssertEqual(Spread([4, 1, 3, 2]).median, 2.5)
    let spread = Spread([9, 1, 5])
    XCTAssertEqual(spread.low, 1)
    XCTAssertEqual(spread.high, 9)
    XCTAssertEqual(spread.relative, 0.8)
    XCTAssertEqual(Spread([0, 0]).relative, 0)
  }

  func testRatiosAreThoseOfPairs() {
    // The machine was twice as slow in the second round, for both.
    XCTAssertEqual(Spread.ratios([10, 5, 12], to: [20, 10, 20]), Spread([0.5, 0.5, 0.6]))
    XCTAssertEqual(Spread.ratios([10, 5], to: [0, 10]), Spread([0.5]))
    XCTAssertNil(Spread.ratios([10], to: [0]))
    XCTAssertNil(Spread.ratios([], to: []))
  }
}
