import XCTest

@testable import MailroomTransport

final class RawSpanBytesTests: XCTestCase {
  private static let bytes: [UInt8] = [10, 20, 30]

  func testArrayHasTheSameBytes() {
    let bytes = Self.bytes
    XCTAssertEqual(bytes.rawSpan.array(), bytes)
    XCTAssertEqual(bytes.rawSpan.extracting(1..<1).array(), [])
    let none: [UInt8] = []
    XCTAssertEqual(none.rawSpan.array(), [])
  }

  func testByteIsNilOutsideTheSpan() {
    let bytes = Self.bytes
    XCTAssertEqual(bytes.rawSpan.byte(at: 0), 10)
    XCTAssertEqual(bytes.rawSpan.byte(at: 2), 30)
    for offset in [-1, 3, .max, .min] { XCTAssertNil(bytes.rawSpan.byte(at: offset)) }
    let none: [UInt8] = []
    XCTAssertNil(none.rawSpan.byte(at: 0))
  }

  func testDroppingIsClamped() {
    let bytes = Self.bytes
    for (offset, rest) in [(Int.min, bytes), (-1, bytes), (0, bytes), (1, [20, 30]), (2, [30]), (3, []), (.max, [])] {
      XCTAssertEqual(bytes.rawSpan.dropping(offset).array(), rest)
    }
  }

  func testTextIsNilUnlessItIsUTF8() {
    let cases: [([UInt8], String?)] = [(Array("ä😀".utf8), "ä😀"), ([], ""), ([0xC3], nil), ([0x61, 0xFF], nil)]
    for (bytes, text) in cases {
      XCTAssertEqual(bytes.rawSpan.utf8String(), text)
    }
  }

  func testEqualSpansHaveTheSameBytes() {
    let bytes = Self.bytes
    let same = [0] + bytes
    XCTAssertTrue(bytes.rawSpan.equals(bytes))
    XCTAssertTrue(bytes.rawSpan.equals(same.rawSpan.dropping(1)))
    for other: [UInt8] in [[], [10], [10, 20], [10, 20, 31], [11, 20, 30], [10, 20, 30, 40]] {
      XCTAssertFalse(bytes.rawSpan.equals(other))
    }
    let none: [UInt8] = []
    XCTAssertTrue(none.rawSpan.equals(bytes.rawSpan.dropping(3)))
  }

  func testEqualBytesHaveTheSameHash() {
    let bytes = Self.bytes
    let same = [0] + bytes
    let other: [UInt8] = [30, 20, 10]
    XCTAssertEqual(bytes.rawSpan.quickHash, same.rawSpan.dropping(1).quickHash)
    XCTAssertNotEqual(bytes.rawSpan.quickHash, other.rawSpan.quickHash)
  }
}
