import XCTest

@testable import Mailroom

final class SettingNotationTests: XCTestCase {
  func testDurationsHaveAShortest() {
    let some = SettingNotation<Duration>.duration(.second)
    XCTAssertEqual(some.read("1us"), .microseconds(1))
    XCTAssertNil(some.read("0"))
    XCTAssertNil(some.read("0ms"))
    XCTAssertEqual(SettingNotation<Duration>.duration(.second, least: .zero).read("0"), .zero)
  }

  func testDurationsThatCanBeOff() {
    let notation = SettingNotation<Duration?>.durationOrOff(.second)
    for text in ["off", "OFF", " Off\n", "0", "0s"] { XCTAssertTrue(notation.read(text) == .some(nil), text) }
    XCTAssertEqual(notation.read("5"), .seconds(5))
    for text in ["", "on", "none", "nil", "of", "off5", "-1"] { XCTAssertTrue(notation.read(text) == nil, text) }
    XCTAssertEqual(notation.write(nil), "off")
  }

  func testProbesComeInWholeSecondsThatTheKernelTakes() {
    let notation = SettingNotation<UInt32?>.probeSecondsOrOff
    for text in ["off", "0"] { XCTAssertTrue(notation.read(text) == .some(nil), text) }
    let table: [(String, UInt32)] = [("1", 1), ("2000ms", 2), ("9h", 32_400), ("32767s", 32_767)]
    for (text, seconds) in table { XCTAssertEqual(notation.read(text), .some(seconds), text) }
    for text in ["1500ms", "1us", "32768s", "10h", "106751d", "true"] {
      XCTAssertTrue(notation.read(text) == nil, text)
    }
  }

  func testCountsHaveBothBounds() {
    let notation = SettingNotation<Int>.count(2...5)
    for (text, number) in ["2": 2, "5": 5, " 3 ": 3] { XCTAssertEqual(notation.read(text), number, text) }
    for text in SuffixedNumberTests.malformed + ["0", "1", "6", "3s", "3k"] {
      XCTAssertNil(notation.read(text), AddressFlaw.excerpt(of: text))
    }
  }

  func testSizesHaveBothBounds() {
    let notation = SettingNotation<Int>.size(.mebibyte, 1024...2 << 20)
    for (text, bytes) in ["1": 1 << 20, "2": 2 << 20, "1k": 1024, "2048kb": 2 << 20] {
      XCTAssertEqual(notation.read(text), bytes, text)
    }
    for text in ["0", "3", "1023b", "2097153b", "8191p"] { XCTAssertNil(notation.read(text), text) }
  }

  func testCountsThatMayBeTheStandard() {
    let notation = SettingNotation<Int32>.count(orMinusOneFor: 77)
    for (text, number) in ["-1": 77, " -1 ": 77, "1": 1, "2147483647": Int32.max] {
      XCTAssertEqual(notation.read(text), number, text)
    }
    for text in ["0", "-2", "--1", "- 1", "-1s", "2147483648", ""] { XCTAssertNil(notation.read(text), text) }
  }

  func testFlags() {
    for text in ["true", "TRUE", " True "] { XCTAssertEqual(SettingNotation<Bool>.flag.read(text), true, text) }
    for text in ["false", "False\n"] { XCTAssertEqual(SettingNotation<Bool>.flag.read(text), false, text) }
    for text in ["", "1", "0", "yes", "no", "on", "off", "t", "truee", "tru\u{435}"] {
      XCTAssertNil(SettingNotation<Bool>.flag.read(text), text)
    }
  }
}
