import TestSupport
import XCTest

@testable import MailroomQueue

final class SlotTableTests: XCTestCase {
  /// Counts those that live.
  private final class Element {
    static nonisolated(unsafe) var living = 0

    let number: Int

    init(_ number: Int) {
      self.number = number
      Self.living += 1
    }

    deinit { Self.living -= 1 }
  }

  override func setUp() { Element.living = 0 }

  func testElementsAreFoundByTheirIDsWhileTheTableGrows() {
    var table = SlotTable<Element>()
    var model: [Int64: Int] = [:]
    var random = SeededRandom(seed: 3)
    for number in 0..<5_000 {
      if Int.random(in: 0..<3, using: &random) == 0, let id = model.keys.min() {
        XCTAssertEqual(table.take(id)?.number, model.removeValue(forKey: id))
        XCTAssertNil(table.take(id)?.number)
      } else {
        let id = table.insert(Element(number), note: UInt64(number) + 7)
        XCTAssertNil(model.updateValue(number, forKey: id), "\(id) is an element's")
      }
      XCTAssertEqual(table.count, model.count)
      XCTAssertEqual(Element.living, model.count)
    }
    for (id, number) in model {
      guard let index = table.index(of: id) else { return XCTFail("\(number) is lost") }
      XCTAssertEqual(table.id(at: index), id)
      XCTAssertEqual(table.note(at: index), UInt64(number) + 7)
      XCTAssertEqual(table[index].number, number)
    }
  }

  func testSlotsAreTakenOnce() {
    var table = SlotTable<Element>()
    let ids = (0..<40).map { table.insert(Element($0), note: 0) }
    XCTAssertEqual(table.slots, 40)
    for index in 0..<table.slots {
      XCTAssertEqual(table.takeSlot(index)?.number, index)
      XCTAssertNil(table.takeSlot(index)?.number)
      XCTAssertNil(table.id(at: index))
    }
    XCTAssertNil(table.takeSlot(-1)?.number)
    XCTAssertNil(table.takeSlot(40)?.number)
    for id in ids { XCTAssertNil(table.index(of: id)) }
    XCTAssertEqual(Element.living, 0)
  }

  func testWhatIsNoIDIsNotFound() {
    var table = SlotTable<Element>()
    for id: Int64 in [0, 1, -1, .min, .max, 1 << 24] { XCTAssertNil(table.take(id)?.number) }
    let id = table.insert(Element(1), note: 0)
    for other in [0, -1, id + 1, id - 1, -id, id + 1 << 24, id ^ (1 << 60), .min, .max] {
      XCTAssertNil(table.take(other)?.number, "\(other)")
    }
    XCTAssertEqual(table.take(id)?.number, 1)
    XCTAssertNil(table.take(id + 1 << 24)?.number, "the slot's next id before it is used")
  }

  func testElementsLeaveWithTheTable() {
    do {
      var table = SlotTable<Element>()
      let ids = (0..<20).map { table.insert(Element($0), note: 0) }
      for id in ids.prefix(5) { _ = table.take(id) }
      XCTAssertEqual(Element.living, 15)
    }
    XCTAssertEqual(Element.living, 0)
  }
}
