import XCTest

@testable import Mailroom

final class SuffixedNumberTests: XCTestCase {
  /// What is no number in any notation.
  static let malformed: [String] = [
    "", " ", "\t\n", "s", "-", "-1", "-1s", "+1", "+1s", "0.5", "0.5s", ".5s", "1.", "1,5", "1e3", "0x10", "1_000",
    "1 000",
    "1 s", "1\ts", "1s1", "1s 1s", "s1", "1-s", "1s;", "1s\u{0}", "\u{0}1s", "\u{A0}1s", "1s\u{2028}", "1\u{301}s",
    "1s\u{301}", "\u{661}s", "\u{FF11}s", "1\u{17F}", "1\u{212A}", "nan", "inf", "infinite", "\u{221E}", "null",
    "9223372036854775808", "9223372036854775808s", "18446744073709551617", "99999999999999999999999999999999s",
    String(repeating: "9", count: 1_000_000), "-" + String(repeating: "9", count: 1_000_000), "1@", "1[", "1`", "1{",
  ]

  func testNumbersAndSuffixes() {
    let table: [(text: String, number: Int64, suffix: String)] = [
      ("0", 0, ""), ("5", 5, ""), ("120s", 120, "s"), ("64MB", 64, "mb"), ("1Min", 1, "min"), ("007k", 7, "k"),
      (" 5s", 5, "s"), ("5s\t\r\n", 5, "s"), ("  5  ", 5, ""), ("1aZ", 1, "az"),
      ("9223372036854775807d", .max, "d"), (String(repeating: "0", count: 100) + "1", 1, ""),
    ]
    for (text, number, suffix) in table {
      let parsed = SuffixedNumber(text)
      XCTAssertEqual(parsed?.number, number, text)
      XCTAssertEqual(parsed?.suffix, suffix, text)
    }
  }

  func testMalformedTextsAreRefused() {
    for text in Self.malformed { XCTAssertNil(SuffixedNumber(text), AddressFlaw.excerpt(of: text)) }
  }

  func testTrimmingTakesBlanksAtTheEndsOnly() {
    let table = [
      "": "", " ": "", "off": "off", " o f f\n": "o f f", "\r\n\t\u{B}\u{C}a": "a", "\u{301} a": "\u{301} a",
    ]
    for (text, expected) in table { XCTAssertEqual(SuffixedNumber.trimmed(text), expected) }
  }
}
