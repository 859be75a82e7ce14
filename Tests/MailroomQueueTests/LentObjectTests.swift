import XCTest

@testable import MailroomQueue

/// An object that is lent without being counted.
final class LentObjectTests: XCTestCase {
  private final class Object: Sendable {
    let value = 7
  }

  private func make(_ weakly: inout Weakly) -> LentObject {
    let object = Object()
    weakly.object = object
    return LentObject(object)
  }

  private struct Weakly {
    weak var object: Object?
  }

  func testObjectIsThereUntilItIsLetGoOf() {
    var weakly = Weakly()
    let lent = make(&weakly)
    XCTAssertNotNil(weakly.object)
    XCTAssertEqual(lent[Object.self].object?.value, 7)
    lent.clear()
    XCTAssertNil(weakly.object)
    XCTAssertNil(lent[Object.self].object)
    lent.clear()
  }

  func testObjectEndsWithWhatKeepsIt() {
    var weakly = Weakly()
    let lent = make(&weakly)
    XCTAssertNotNil(weakly.object)
    _ = consume lent
    XCTAssertNil(weakly.object)
  }
}
