import MailroomQueue
import TestSupport
import XCTest

final class ReferenceSlotTests: XCTestCase {
  private final class Object: Sendable {
    let number: Int
    let onEnd: @Sendable (Int) -> Void

    init(_ number: Int, onEnd: @escaping @Sendable (Int) -> Void = { _ in }) {
      self.number = number
      self.onEnd = onEnd
    }

    deinit { onEnd(number) }
  }

  func testObjectIsLentUntilItIsCleared() {
    let ended = Box<[Int]>([])
    let slot = ReferenceSlot(Object(1) { ended.append($0) })
    XCTAssertEqual(slot.borrow(\.number), 1)
    XCTAssertEqual(ended.value, [])
    slot.clear()
    XCTAssertEqual(ended.value, [1])
    XCTAssertNil(slot.borrow(\.number))
    slot.clear()
    slot.put(Object(2) { ended.append($0) })
    XCTAssertEqual(slot.borrow(\.number), 2)
    XCTAssertEqual(ended.value, [1])
  }

  func testObjectLivesAsLongAsTheSlot() {
    let ended = Box<[Int]>([])
    do {
      let slot = ReferenceSlot(Object(1) { ended.append($0) })
      XCTAssertEqual(slot.borrow(\.number), 1)
      XCTAssertEqual(ended.value, [])
    }
    XCTAssertEqual(ended.value, [1])
  }

  func testManyThreadsBorrowAtTheSameTime() throws {
    let slot = Shared(ReferenceSlot(Object(7)))
    try race(4, "borrower") { _ in
      for _ in 0..<1000 { XCTAssertEqual(slot.value.borrow(\.number), 7) }
    }
  }
}
