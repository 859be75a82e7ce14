import XCTest

@testable import Mailroom

final class SizeNotationTests: XCTestCase {
  func testEverySuffix() {
    let table: [(text: String, bytes: Int)] = [
      ("3b", 3), ("3k", 3 << 10), ("3kb", 3 << 10), ("3m", 3 << 20), ("3mb", 3 << 20), ("3g", 3 << 30),
      ("3gb", 3 << 30),
      ("3t", 3 << 40), ("3tb", 3 << 40), ("3p", 3 << 50), ("3pb", 3 << 50), ("3K", 3 << 10), ("3Mb", 3 << 20),
      (" 3GB\n", 3 << 30), ("0", 0),
    ]
    for (text, bytes) in table {
      for unit in SizeNotation.Unit.allCases { XCTAssertEqual(SizeNotation.bytes(text, unit: unit), bytes, text) }
    }
  }

  func testANumberWithoutSuffixCountsTheUnit() {
    for (index, unit) in SizeNotation.Unit.allCases.enumerated() {
      XCTAssertEqual(SizeNotation.bytes("7", unit: unit), 7 << (10 * index))
    }
  }

  func testMalformedSizesAreRefused() {
    let others = ["1bb", "1kk", "1kib", "1mib", "1bk", "1e", "1eb", "1s", "1kbb", "1bytes"]
    for text in SuffixedNumberTests.malformed + others {
      XCTAssertNil(SizeNotation.bytes(text, unit: .byte), AddressFlaw.excerpt(of: text))
    }
  }

  func testNothingOverflows() {
    XCTAssertEqual(SizeNotation.bytes("8191p", unit: .byte), 8191 << 50)
    XCTAssertNil(SizeNotation.bytes("8192p", unit: .byte))
    XCTAssertEqual(SizeNotation.bytes("9223372036854775807", unit: .byte), .max)
    XCTAssertNil(SizeNotation.bytes("9223372036854775807", unit: .kibibyte))
  }

  func testTextIsReadBack() {
    let table = [0: "0b", 1: "1b", 1000: "1000b", 1024: "1k", 1025: "1025b", 128 << 20: "128m", 2047 << 20: "2047m"]
    for (bytes, text) in table {
      XCTAssertEqual(SizeNotation.text(bytes), text)
      XCTAssertEqual(SizeNotation.bytes(text, unit: .pebibyte), bytes)
    }
    XCTAssertEqual(SizeNotation.bytes(SizeNotation.text(.max), unit: .byte), .max)
  }
}
