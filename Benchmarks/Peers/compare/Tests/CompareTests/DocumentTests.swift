import XCTest

@testable import compare

final class DocumentTests: XCTestCase {
  func testMarkedBlockIsReplacedBetweenItsMarks() throws {
    let text = "before\n<!-- compare -->\nold\n<!-- /compare -->\nbehind\n"
    XCTAssertEqual(
      try MarkedBlock(name: "compare", in: text).replaced(by: "new\n"),
      "before\n<!-- compare -->\nnew\n<!-- /compare -->\nbehind\n")
    XCTAssertThrowsError(try MarkedBlock(name: "compare", in: "<!-- compare -->\n"))
  }

  func testTableIsPadded() {
    let table = MarkdownTable(heading: ["", "figure"], rows: [["Mailroom", "1"]])
    XCTAssertEqual(table.text, "|          | figure |\n| -------- | -----: |\n| Mailroom |      1 |\n")
  }

  func testNumbersHaveThreeDigits() {
    XCTAssertEqual(Format.significant(1234), "1230")
    XCTAssertEqual(Format.significant(12.345), "12.3")
    XCTAssertEqual(Format.significant(0.01234), "0.0123")
    XCTAssertEqual(Format.scaled(8_900_000), "8.90 M")
    XCTAssertEqual(Format.bytes(1 << 20), "1 MiB")
  }

  func testScaleBeginsAtAPowerOfTen() throws {
    let spread = try XCTUnwrap(Spread([20, 3000]))
    let scale = try XCTUnwrap(LogScale([spread], width: 100))
    XCTAssertEqual(scale.decades, [10, 100, 1000])
    XCTAssertEqual(scale.position(10), 0)
    XCTAssertEqual(scale.position(3000), 100)
  }
}
