import Foundation
import XCTest

/// The table in docs/reference.md of the reference's tests, and those here that answer them: neither may lack what the other has.
final class ReferenceTableTests: XCTestCase {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  func testEveryTestOfTheTableExistsAndEveryTestOfARowIsInTheTable() throws {
    let page = try String(contentsOf: Self.root.appendingPathComponent("docs/reference.md"), encoding: .utf8)
    var listed: [String: Set<String>] = [:]
    for line in page.split(separator: "\n") {
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      guard cells.count == 3, cells[0].wholeMatch(of: /(RE|NE|NH|IN|AD|X)\d+/) != nil else { continue }
      listed[cells[0]] = Set(cells[2].matches(of: /`(test\w+)`/).map { String($0.1) })
    }
    XCTAssertGreaterThan(listed.count, 60)

    var actual: [String: Set<String>] = [:]
    for name in try Self.testNames() {
      guard let match = name.prefixMatch(of: /test((?:(?:RE|NE|NH|IN|AD|X)\d+)+)(?![a-z0-9])/) else { continue }
      for row in match.1.matches(of: /(?:RE|NE|NH|IN|AD|X)\d+/) { actual[String(row.0), default: []].insert(name) }
    }
    for row in Set(listed.keys).union(actual.keys).sorted() {
      XCTAssertEqual(listed[row] ?? [], actual[row] ?? [], "row \(row) of docs/reference.md")
      XCTAssertFalse(actual[row, default: []].isEmpty, "no test for row \(row)")
    }
  }

  private static func testNames() throws -> [String] {
    let tests = root.appendingPathComponent("Tests")
    let files =
      FileManager.default.enumerator(at: tests, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL } ?? []
    return try files.filter { $0.pathExtension == "swift" }.flatMap { file in
      try String(contentsOf: file, encoding: .utf8).matches(of: /func (test\w+)\(/).map { String($0.1) }
    }
  }
}
