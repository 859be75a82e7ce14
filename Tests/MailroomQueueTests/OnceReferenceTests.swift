import MailroomQueue
import TestSupport
import XCTest

final class OnceReferenceTests: XCTestCase {
  private final class Object: Sendable {
    let number: Int
    let onEnd: @Sendable () -> Void

    init(_ number: Int, onEnd: @escaping @Sendable () -> Void = {}) {
      self.number = number
      self.onEnd = onEnd
    }

    deinit { onEnd() }
  }

  func testFirstObjectStays() {
    let reference = OnceReference<Object>()
    XCTAssertNil(reference.object)
    XCTAssertTrue(reference.set(Object(1)))
    XCTAssertFalse(reference.set(Object(2)))
    XCTAssertEqual(reference.object?.number, 1)
  }

  func testObjectLivesAsLongAsThePlace() {
    let ended = Box<[Int]>([])
    do {
      let reference = OnceReference<Object>()
      reference.set(Object(1) { ended.append(1) })
      XCTAssertEqual(ended.value, [])
      reference.set(Object(2) { ended.append(2) })
      XCTAssertEqual(ended.value, [2], "one that came too late is not kept")
      XCTAssertNotNil(reference.object)
    }
    XCTAssertEqual(ended.value, [2, 1])
  }

  func testClearLetsGoOfTheObject() {
    let ended = Box<[Int]>([])
    let reference = OnceReference<Object>()
    reference.clear()
    reference.set(Object(1) { ended.append(1) })
    reference.clear()
    XCTAssertEqual(ended.value, [1])
    XCTAssertNil(reference.object)
    reference.clear()
    XCTAssertEqual(ended.value, [1], "once")
  }

  func testOneOfManyThreadsIsFirst() throws {
    for _ in 0..<20 {
      let place = Shared(OnceReference<Object>())
      let firsts = Box<[Int]>([])
      try race(4, "setter") { thread in
        if place.value.set(Object(thread)) { firsts.append(thread) }
        XCTAssertNotNil(place.value.object, "whoever has tried finds one there")
      }
      XCTAssertEqual(firsts.value.count, 1)
      XCTAssertEqual(place.value.object?.number, firsts.value.first)
    }
  }
}
