import MailroomQueue
import XCTest

final class ConfinedTests: XCTestCase {
  func testValueIsReadAndWrittenInPlace() {
    let confined = Confined([1])
    confined.value.append(2)
    XCTAssertEqual(confined.value, [1, 2])
    confined.value = [3]
    XCTAssertEqual(confined.value, [3])
  }

  func testValueIsModifiedWithoutACopy() {
    let confined = Confined(Array(0..<100))
    let before = confined.value.withUnsafeBufferPointer { $0.baseAddress }
    confined.value[50] = -1
    XCTAssertEqual(confined.value.withUnsafeBufferPointer { $0.baseAddress }, before)
  }

  func testValueIsDroppedOnceWhenBoxEnds() {
    let lifetimes = Lifetimes(1)
    do {
      let confined = Confined(TrackedObject(0, lifetimes))
      XCTAssertEqual(confined.value.index, 0)
      XCTAssertEqual(lifetimes.dropped, 0)
    }
    lifetimes.assertAllDroppedOnce()
  }

  func testEachValueIsDroppedOnceWhenItIsReplaced() {
    let lifetimes = Lifetimes(2)
    do {
      let confined = Confined(TrackedValue(0, lifetimes))
      confined.value = TrackedValue(1, lifetimes)
      XCTAssertEqual(lifetimes.dropped, 1)
      XCTAssertEqual(confined.value.index, 1)
    }
    lifetimes.assertAllDroppedOnce()
  }

  func testValueIsDroppedOnceWhenItsThreadIsAnother() throws {
    let lifetimes = Lifetimes(1)
    do {
      let confined = Shared(Confined(TrackedValue(0, lifetimes)))
      XCTAssertEqual(try onThread("owner") { confined.value.value.index }, 0)
      XCTAssertEqual(lifetimes.dropped, 0)
    }
    lifetimes.assertAllDroppedOnce()
  }
}
