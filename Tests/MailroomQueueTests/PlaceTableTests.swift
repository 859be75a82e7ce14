import Dispatch
import MailroomQueue
import TestSupport
import XCTest

final class PlaceTableTests: XCTestCase {
  private final class Item: Sendable {
    private let freed: Box<Int>

    init(_ freed: Box<Int>) { self.freed = freed }

    deinit { freed.update { $0 += 1 } }
  }

  /// Puts a new object in, which only the table keeps.
  private func put(in table: PlaceTable, _ freed: Box<Int>) throws -> Int {
    try XCTUnwrap(table.put(Item(freed)))
  }

  func testObjectIsKeptUntilItIsRemoved() throws {
    let (table, freed) = (PlaceTable(), Box(0))
    XCTAssertTrue(table.isEmpty)
    var place = 0
    weak var seen: Item?
    do {
      let item = Item(freed)
      seen = item
      place = try XCTUnwrap(table.put(item))
    }
    XCTAssertFalse(table.isEmpty)
    XCTAssertEqual(freed.value, 0)
    do {
      let item = try XCTUnwrap(seen)
      XCTAssertFalse(table.remove(item, at: (place + 1) % PlaceTable.count))
      XCTAssertTrue(table.remove(item, at: place))
      XCTAssertFalse(table.remove(item, at: place))
    }
    XCTAssertTrue(table.isEmpty)
    XCTAssertEqual(freed.value, 1)
  }

  func testObjectIsTakenOnce() throws {
    let (table, freed) = (PlaceTable(), Box(0))
    let place = try put(in: table, freed)
    do {
      let object = table.take(at: place)
      XCTAssertTrue(object is Item)
      XCTAssertNil(table.take(at: place))
      XCTAssertEqual(freed.value, 0)
    }
    XCTAssertEqual(freed.value, 1)
    XCTAssertTrue(table.isEmpty)
  }

  func testFullTableRefusesAndKeepsNothingOfIt() throws {
    let (table, freed) = (PlaceTable(), Box(0))
    var refused = 0
    for _ in 0..<4 * PlaceTable.count where table.put(Item(freed)) == nil { refused += 1 }
    XCTAssertGreaterThanOrEqual(refused, 3 * PlaceTable.count)
    XCTAssertEqual(freed.value, refused)
    let taken = (0..<PlaceTable.count).filter { table.take(at: $0) != nil }.count
    XCTAssertEqual(taken + refused, 4 * PlaceTable.count)
    XCTAssertEqual(freed.value, 4 * PlaceTable.count)
  }

  func testTableLetsGoOfWhatIsInIt() throws {
    let freed = Box(0)
    do {
      let table = PlaceTable()
      for _ in 0..<3 { _ = try put(in: table, freed) }
      XCTAssertEqual(freed.value, 0)
    }
    XCTAssertEqual(freed.value, 3)
  }

  func testEachObjectOfManyThreadsIsTakenOutOnce() {
    let (table, freed) = (PlaceTable(), Box(0))
    let (removed, taken, refused) = (Box(0), Box(0), Box(0))
    DispatchQueue.concurrentPerform(iterations: 4) { thread in
      for round in 0..<2000 {
        if thread == 3 {
          // Looks, as often as the others put something in.
          if table.take(at: round % PlaceTable.count) != nil { taken.update { $0 += 1 } }
          continue
        }
        let item = Item(freed)
        guard let place = table.put(item) else {
          refused.update { $0 += 1 }
          continue
        }
        if round % 3 > 0 && table.remove(item, at: place) { removed.update { $0 += 1 } }
      }
    }
    for place in 0..<PlaceTable.count where table.take(at: place) != nil { taken.update { $0 += 1 } }
    XCTAssertEqual(removed.value + taken.value + refused.value, 6000)
    XCTAssertEqual(freed.value, 6000)
  }
}
