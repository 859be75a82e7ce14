import XCTest

@testable import Mailroom

final class DurationNotationTests: XCTestCase {
  func testEverySuffix() {
    let table: [(text: String, duration: Duration)] = [
      ("250us", .microseconds(250)), ("100ms", .milliseconds(100)), ("50s", .seconds(50)), ("2m", .seconds(120)),
      ("2min", .seconds(120)), ("3h", .seconds(10_800)), ("1d", .seconds(86_400)), ("0s", .zero), ("0", .zero),
      ("50S", .seconds(50)), ("100Ms", .milliseconds(100)), ("2MIN", .seconds(120)), (" 50s ", .seconds(50)),
    ]
    for (text, duration) in table {
      for unit in DurationNotation.Unit.allCases {
        XCTAssertEqual(DurationNotation.duration(text, unit: unit), duration, text)
      }
    }
  }

  func testANumberWithoutSuffixCountsTheUnit() {
    let table: [(DurationNotation.Unit, Duration)] = [
      (.microsecond, .microseconds(7)), (.millisecond, .milliseconds(7)), (.second, .seconds(7)),
      (.minute, .seconds(420)), (.hour, .seconds(25_200)), (.day, .seconds(604_800)),
    ]
    for (unit, duration) in table { XCTAssertEqual(DurationNotation.duration("7", unit: unit), duration) }
  }

  func testMalformedDurationsAreRefused() {
    let others = ["1sec", "1ss", "1ns", "1mins", "1mm", "1w", "1y", "1k", "1b"]
    for text in SuffixedNumberTests.malformed + others {
      XCTAssertNil(DurationNotation.duration(text, unit: .second), AddressFlaw.excerpt(of: text))
    }
  }

  func testNothingOverflows() {
    let longest: [(String, Duration?)] = [
      ("106751d", .seconds(106_751 * 86_400)), ("106752d", nil), ("9223372036s", .seconds(9_223_372_036)),
      ("9223372037s", nil), ("9223372036854775us", .microseconds(9_223_372_036_854_775)), ("9223372036854776us", nil),
      ("9223372036854775807", nil), ("9223372036854775807d", nil),
    ]
    for (text, duration) in longest {
      XCTAssertEqual(DurationNotation.duration(text, unit: .second), duration, text)
    }
  }

  func testTextIsReadBack() {
    let table: [(Duration, String)] = [
      (.zero, "0s"), (.microseconds(1), "1us"), (.microseconds(999_999), "999999us"), (.milliseconds(1), "1ms"),
      (.milliseconds(1500), "1500ms"), (.seconds(120), "120s"),
      (.microseconds(9_223_372_036_854_775), "9223372036854775us"),
    ]
    for (duration, text) in table {
      XCTAssertEqual(DurationNotation.text(duration), text)
      XCTAssertEqual(DurationNotation.duration(text, unit: .day), duration)
    }
  }
}
