import Foundation
import XCTest

@testable import Mailroom

/// The table in docs/configuration.md is the one in the code.
final class SettingDocumentationTests: XCTestCase {
  func testThePageListsTheKeysOfTheCode() throws {
    let documented = try rows()
    for (row, key) in zip(documented, SettingKey.all) { XCTAssertEqual(row.dropLast(), cells(of: key), key.name) }
    XCTAssertEqual(documented.map(\.first), SettingKey.all.map { "`\($0.name)`" })
    for row in documented { XCTAssertNotEqual(row.last, "", row[0]) }
  }

  /// What the page must say of `key`, the meaning apart.
  private func cells(of key: SettingKey) -> ArraySlice<String> {
    let properties = key.properties.map { "`\($0)`" }
    // The only default that is not the same on every machine.
    let isOfTheMachine = key.properties == ["messageLoopThreads"]
    let defaults = isOfTheMachine ? ["cores, at least 2"] : key.texts(in: ConfigurationDraft())
    return [
      "`\(key.name)`", properties.isEmpty ? "none" : properties.joined(separator: ", "),
      defaults.isEmpty ? "none" : defaults.joined(separator: ", "), key.unit,
    ]
  }

  /// The cells of the table's rows.
  private func rows() throws -> [[String]] {
    let root = (0..<4).reduce(URL(fileURLWithPath: #filePath)) { path, _ in path.deletingLastPathComponent() }
    let page = try String(contentsOf: root.appendingPathComponent("docs/configuration.md"), encoding: .utf8)
    return page.components(separatedBy: "\n").filter { $0.hasPrefix("| `") }.map { line in
      line.dropFirst().dropLast().components(separatedBy: "|").map { $0.trimmingCharacters(in: .whitespaces) }
    }
  }
}
