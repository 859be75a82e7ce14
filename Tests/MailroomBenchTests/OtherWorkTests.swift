import XCTest

@testable import mailroom_bench

final class OtherWorkTests: XCTestCase {
  func testFirstLineHasTheTimesOfAllCores() {
    let text = "cpu  10 20 30 400 5 0 1 0 0 0\ncpu0 1 2 3 4 5 0 0 0 0 0\nintr 7\n"
    XCTAssertEqual(OtherWork.times(in: text), [10, 20, 30, 400, 5, 0, 1, 0, 0, 0])
    XCTAssertEqual(OtherWork.times(in: ""), [])
  }

  func testIdleAndWaitingTimesAreNoWork() throws {
    let before: [Double] = [10, 0, 10, 100, 10, 0, 0]
    XCTAssertEqual(try XCTUnwrap(OtherWork.part(from: before, to: [10, 0, 10, 180, 30, 0, 0])), 0, accuracy: 1e-9)
    XCTAssertEqual(try XCTUnwrap(OtherWork.part(from: before, to: [20, 5, 15, 160, 20, 5, 5])), 0.3, accuracy: 1e-9)
    XCTAssertEqual(try XCTUnwrap(OtherWork.part(from: before, to: [60, 0, 60, 100, 10, 0, 0])), 1, accuracy: 1e-9)
  }

  func testNothingIsKnownWithoutReadings() {
    XCTAssertNil(OtherWork.part(from: [], to: []))
    XCTAssertNil(OtherWork.part(from: [1, 1, 1, 1, 1], to: [1, 1, 1, 1, 1]))
  }

  func testThisMachineSaysHowBusyItIs() throws {
    let part = try XCTUnwrap(OtherWork.part(seconds: 0.1))
    XCTAssert((0...1).contains(part), "\(part)")
  }
}
