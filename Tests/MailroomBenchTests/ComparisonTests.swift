import XCTest

@testable import mailroom_bench

final class ComparisonTests: XCTestCase {
  private func verdict(
    _ quantity: Comparison.Quantity, _ before: [Double], _ after: [Double]
  ) -> Comparison.Verdict {
    Comparison(quantity, before: before, after: after).verdict
  }

  func testADifferenceInWhichAllRoundsAgreeIsOne() {
    XCTAssertEqual(verdict(.throughput, [100, 110, 90], [120, 130, 110]), .better)
    XCTAssertEqual(verdict(.throughput, [120, 130, 110], [100, 110, 90]), .worse)
    XCTAssertEqual(verdict(.p50, [20, 22, 21], [18, 19, 18]), .better)
    XCTAssertEqual(verdict(.cpu, [1, 1.1, 1], [1.3, 1.2, 1.2]), .worse)
  }

  func testADifferenceWithinTheSpreadIsNone() {
    XCTAssertEqual(verdict(.throughput, [100, 110, 90], [130, 105, 120]), .same)
    // All agree, but about how much they are far apart.
    XCTAssertEqual(verdict(.cpu, [100, 100, 100], [99, 97, 80]), .same)
    XCTAssertEqual(verdict(.throughput, [100, 100, 100], [100, 100, 100]), .same)
  }

  func testASmallDifferenceIsNoneHoweverOftenItRepeats() {
    XCTAssertEqual(verdict(.throughput, [1000, 1000, 1000], [1010, 1011, 1012]), .same)
    XCTAssertEqual(verdict(.allocations, [0.001, 0.001, 0.001], [0.002, 0.002, 0.002]), .same)
  }

  func testCountersThatAppearOrVanishAreDifferences() {
    XCTAssertEqual(verdict(.allocations, [0, 0, 0], [1, 1, 1]), .worse)
    XCTAssertEqual(verdict(.allocations, [2, 2, 2], [0, 0, 0]), .better)
    XCTAssertNil(Comparison(.allocations, before: [0, 0], after: [1, 1]).ratio)
  }
}
