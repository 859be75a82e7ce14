import Foundation
import XCTest

@testable import mailroom_bench

final class ChartTests: XCTestCase {
  func testAxesEndAtRoundNumbers() {
    XCTAssertEqual(Panel.roundUp(0), 1)
    XCTAssertEqual(Panel.roundUp(0.3), 0.5)
    XCTAssertEqual(Panel.roundUp(1), 1)
    XCTAssertEqual(Panel.roundUp(1.2), 2)
    XCTAssertEqual(Panel.roundUp(437_000), 500_000)
    XCTAssertEqual(Panel.roundUp(600_000), 1_000_000)
  }

  func testAChartIsWellFormedWhateverItsTextIs() {
    let line = Panel.Line(name: "a & b", values: [1, 3, 2], ranges: [(0.5, 1.5), (2, 4), (1, 3)])
    let panels = [
      Panel(title: "<growth>", labels: ["1", "10", "> 10"], lines: [line, line]),
      Panel(title: "one point", labels: ["1"], lines: [Panel.Line(name: "x", values: [7])]),
      Panel(title: "nothing", labels: [], lines: []),
    ]
    let svg = Chart(title: "a < b", panels: panels, columns: 2).svg
    XCTAssertEqual(openElements(svg), [], svg)
    XCTAssertTrue(svg.contains("&lt;growth&gt;"), svg)
    XCTAssertFalse(svg.contains("nan"), svg)
  }

  /// The elements that are not closed in their turn.
  private func openElements(_ svg: String) -> [Substring] {
    var open: [Substring] = []
    for piece in svg.split(separator: "<").dropFirst(svg.hasPrefix("<") ? 0 : 1) {
      guard let tag = piece.split(separator: ">", omittingEmptySubsequences: false).first else { continue }
      let name = tag.prefix { !$0.isWhitespace && $0 != "/" }
      if tag.hasPrefix("/") {
        if open.last == tag.dropFirst() { open.removeLast() } else { open.append(tag) }
      } else if !tag.hasSuffix("/") {
        open.append(name)
      }
    }
    return open
  }

  func testTablesAreMarkdownToo() {
    let table = Table(columns: ["what", "how much"], rows: [["asks", "12"]], words: [0])
    XCTAssertEqual(table.markdown, "| what | how much |\n| --- | --: |\n| asks | 12 |\n")
  }
}
