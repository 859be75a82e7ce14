import XCTest

@testable import MailroomTransport

final class FlushQueueTests: XCTestCase {
  private final class Flushable: LoopFlushable {
    func flush() {}
  }

  func testOnlyOneIsTakenAsSuch() {
    var queue = FlushQueue()
    XCTAssertNil(queue.takeOnly())
    let (first, second) = (Flushable(), Flushable())
    queue.append(first)
    XCTAssertEqual(queue.count, 1)
    XCTAssertIdentical(queue.takeOnly(), first)
    XCTAssertEqual(queue.count, 0)
    queue.append(first)
    queue.append(second)
    XCTAssertNil(queue.takeOnly())
    XCTAssertEqual(queue.count, 2)
  }

  func testAllAreTakenInOrder() {
    var queue = FlushQueue()
    let flushables = (0..<5).map { _ in Flushable() }
    for _ in 0..<3 {
      for flushable in flushables { queue.append(flushable) }
      var taken = queue.takeAll()
      XCTAssertEqual(taken.map(ObjectIdentifier.init), flushables.map(ObjectIdentifier.init))
      XCTAssertEqual(queue.count, 0)
      // Those that want to be flushed again meanwhile come next.
      queue.append(flushables[3])
      taken.removeAll(keepingCapacity: true)
      queue.giveBack(taken)
      XCTAssertIdentical(queue.takeOnly(), flushables[3])
    }
  }

  func testNothingIsKeptBehindItsFlush() {
    var queue = FlushQueue()
    weak var only: Flushable?
    weak var other: Flushable?
    do {
      let flushable = Flushable()
      only = flushable
      queue.append(flushable)
      XCTAssertNotNil(queue.takeOnly())
    }
    XCTAssertNil(only)
    do {
      let flushable = Flushable()
      other = flushable
      queue.append(flushable)
      queue.append(Flushable())
      XCTAssertEqual(queue.takeAll().count, 2)
    }
    XCTAssertNil(other)
  }
}
