internal import Foundation

/// A program like this one, run to its end for its results.
struct OtherProgram {
  let path: String

  /// This one.
  static var own: OtherProgram {
    OtherProgram(path: URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path)
  }

  /// Runs it without its output, and reads the results it wrote.
  func results(_ arguments: [String]) throws -> JSONReport {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("mailroom-bench-\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: file) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments + ["--json", file.path]
    process.standardOutput = FileHandle.nullDevice
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw BenchError("\(path) \(arguments.joined(separator: " ")) failed: \(said.suffix(500))")
    }
    return try JSONDecoder().decode(JSONReport.self, from: Data(contentsOf: file))
  }
}
