import MailroomQueue
import XCTest

/// Fetching has no effect but on time, whatever the address.
final class MemoryPlaceTests: XCTestCase {
  private final class Object: Sendable {}

  func testAnyPlaceCanBeFetched() {
    let queue = MPSCQueue<Int>()
    for place in [MemoryPlace.none, MemoryPlace(of: self), queue.place] {
      place.fetch()
      place.fetch(16...63)
    }
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
