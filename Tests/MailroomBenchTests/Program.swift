import Foundation
import XCTest

/// The runner that was built beside these tests, as a process.
final class Program {
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()

  /// Where it is.
  static func path() -> String {
    URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
      .appendingPathComponent("mailroom-bench").path
  }

  init(_ arguments: [String]) throws {
    process.executableURL = URL(fileURLWithPath: Self.path())
    process.arguments = arguments
    process.standardInput = input
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
  }

  /// The next line of output; empty at the end.
  func line() throws -> String {
    var line = Data()
    while let byte = try output.fileHandleForReading.read(upToCount: 1), !byte.isEmpty, byte != Data("\n".utf8) {
      line.append(byte)
    }
    return String(decoding: line, as: UTF8.self)
  }

  /// Waits for the end; says what was printed, and the exit status.
  func finish() -> (output: String, status: Int32) {
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (String(decoding: data, as: UTF8.self), process.terminationStatus)
  }

  /// Ends a server in order.
  func endInput() { try? input.fileHandleForWriting.close() }

  /// Ends it as a crash would, when called, and does not wait for that: for threads that must not wait.
  var killer: @Sendable () -> Void {
    let process = process.processIdentifier
    return { kill(process, SIGKILL) }
  }

  /// Waits for the end of a program that was killed.
  func waitForEnd() { process.waitUntilExit() }
}
