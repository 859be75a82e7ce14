import XCTest

@testable import Mailroom

final class EditDistanceTests: XCTestCase {
  func testDistances() {
    let table: [(String, String, Int?)] = [
      ("", "", 0), ("abc", "abc", 0), ("abc", "ABC", 0), ("abc", "abd", 1), ("abc", "ab", 1), ("abc", "xabc", 1),
      ("abc", "acb", 2), ("ab", "", 2), ("kitten", "sittin", 2), ("kitten", "sitting", nil), ("abc", "", nil),
      ("abcd", "wxyz", nil),
      ("abcde", "edcba", nil),
    ]
    for (left, right, distance) in table {
      XCTAssertEqual(EditDistance.distance(left, right), distance, "\(left) \(right)")
      XCTAssertEqual(EditDistance.distance(right, left), distance, "\(right) \(left)")
    }
  }

  func testTheNearestIsTheFirstOfTheNearest() {
    XCTAssertEqual(EditDistance.nearest(to: "cat", in: ["dog", "cut", "cot", "category"]), "cut")
    XCTAssertEqual(EditDistance.nearest(to: "cot", in: ["dog", "cut", "cot"]), "cot")
    XCTAssertNil(EditDistance.nearest(to: "something", in: ["else", "nothing at all"]))
    XCTAssertNil(EditDistance.nearest(to: "a", in: []))
  }

  func testLongTextsCostNothing() {
    let long = String(repeating: "spark.rpc.", count: 100_000)
    XCTAssertNil(EditDistance.nearest(to: long, in: ["spark.rpc.askTimeout"]))
  }
}
