import MailroomQueue
import XCTest

/// Fetching has no effect but on time, whatever the address.
final class MemoryPlaceTests: XCTestCase {
  private final class Object: Sendable {}

  func testAnyPlaceCanBeFetched() {
    let confined = Confined(7)
    let queue = MPSCQueue<Int>()
    for place in [MemoryPlace.none, MemoryPlace(of: self), confined.place, queue.place] {
      place.fetch()
      place.fetch(16...63)
    }
    XCTAssertEqual(confined.value, 7)
    XCTAssertTrue(queue.isEmpty)
  }

  func testPlaceOfAnObjectThatIsNoMoreCanBeFetched() {
    weak var object: Object?
    let place: MemoryPlace
    do {
      let made = Object()
      object = made
      place = MemoryPlace(of: made)
    }
    XCTAssertNil(object)
    place.fetch()
    place.fetch(16...63)
  }
}
