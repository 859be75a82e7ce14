import MailroomQueue
import XCTest

@testable import MailroomTransport

/// What is fetched ahead is a hint: whatever the order, nothing happens but that.
final class PrefixCourseTests: XCTestCase {
  private final class Object: Sendable {}

  func testNumbersMayBePassedInAnyOrder() {
    var course = PrefixCourse()
    for number: UInt32 in [0, 1, 1 << 29, PrefixMark.greatest, 0] { course.pass(number) }
    let objects = (0..<20).map { _ in Object() }
    for (number, object) in objects.enumerated() { course.note(MemoryPlace(of: object), for: UInt32(number)) }
    course.note(.none, for: 40)
    for _ in 0..<2 { for number in UInt32(0)..<41 { course.pass(number) } }
    for number in (UInt32(0)..<41).reversed() { course.pass(number) }
  }

  func testPlaceOfAMarkIsWithinWhatItIsAPartOf() {
    let prefix = BodyPrefix([1, 2, 3])
    prefix.settled.place.fetchAround()
    MemoryPlace(of: prefix).fetchAround()
  }
}
