import Foundation
import XCTest

/// The lines of a document that shows code, or of the source that the code is compiled from.
struct DocumentedCode {
  private let name: String
  private let lines: [String]

  /// The lines of a source file.
  init(file: String) throws { try self.init(URL(fileURLWithPath: file)) }

  /// The lines of a document of the project, by its path in it.
  init(document: String) throws {
    var folder = URL(fileURLWithPath: #filePath)
    for _ in 0..<4 { folder.deleteLastPathComponent() }
    try self.init(folder.appendingPathComponent(document))
  }

  private init(_ file: URL) throws {
    name = file.lastPathComponent
    lines = try String(contentsOf: file, encoding: .utf8).components(separatedBy: "\n")
      .map { $0.trimmingCharacters(in: .whitespaces) }
  }

  /// The lines between the comments "name" and "… end", where the first word of the name is the document's.
  func section(_ name: String) throws -> [String] {
    let start = try XCTUnwrap(lines.firstIndex(of: "// \(name)"), "\(self.name) has no line // \(name)")
    let end = "// \(name.prefix { $0 != ":" }): end"
    let length = try XCTUnwrap(lines[(start + 1)...].firstIndex(of: end), "no line \(end) behind // \(name)")
    return Array(lines[(start + 1)..<length])
  }

  /// The blocks of Swift that a document shows.
  func blocks() -> [[String]] {
    var blocks: [[String]] = []
    var isInside = false
    for line in lines {
      if line == "```swift" {
        blocks.append([])
        isInside = true
      } else if line == "```" {
        isInside = false
      } else if isInside {
        blocks[blocks.count - 1].append(line)
      }
    }
    return blocks
  }
}
