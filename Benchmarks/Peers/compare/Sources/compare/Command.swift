import Foundation

/// Programs that are started and waited for.
enum Command {
  /// Runs a program to its end and returns what it wrote to standard output.
  ///
  /// - Parameters:
  ///   - limit: seconds after which it is ended.
  /// - Throws: ``Failure`` with the end of its standard error, when it fails.
  static func output(_ arguments: [String], limit: Double) throws -> String {
    let (process, output, errors) = (Process(), Pipe(), try ErrorLog())
    prepare(process, arguments, limit: limit)
    process.standardOutput = output
    process.standardError = errors.file
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      let reason = process.terminationStatus == 124 ? "took more than \(Int(limit)) s" : errors.tail()
      throw Failure("\(arguments.joined(separator: " ")): \(reason)")
    }
    return String(decoding: data, as: UTF8.self)
  }

  /// Runs a program whose output is for people, on standard error.
  static func show(_ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    process.standardOutput = FileHandle.standardError
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failure("\(arguments.joined(separator: " ")) failed, see above") }
  }

  /// Names the program, its arguments and its deadline.
  static func prepare(_ process: Process, _ arguments: [String], limit: Double) {
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["timeout", "--kill-after=5", "\(limit)"] + arguments
  }
}

/// Where a program's standard error goes, to be shown only when the program fails.
final class ErrorLog {
  private let path: String
  let file: FileHandle

  init() throws {
    path = NSTemporaryDirectory() + "/compare-\(UUID().uuidString)"
    guard FileManager.default.createFile(atPath: path, contents: nil), let file = FileHandle(forWritingAtPath: path)
    else { throw Failure("cannot write \(path)") }
    self.file = file
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func tail() -> String {
    let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").suffix(5).joined(separator: "\n")
  }
}

/// The serving side of a measurement.
final class ServerProcess {
  private let process = Process()
  private let input = Pipe()
  private let errors: ErrorLog
  /// What the server said behind "listening on".
  let address: String

  /// Starts a server and waits until it says where it listens.
  ///
  /// It ends when its standard input does, so that it never
  /// outlives this process.
  init(_ arguments: [String], limit: Double) throws {
    let output = Pipe()
    errors = try ErrorLog()
    Command.prepare(process, arguments, limit: limit)
    process.standardInput = input
    process.standardOutput = output
    process.standardError = errors.file
    try process.run()
    var line = Data()
    while let byte = try output.fileHandleForReading.read(upToCount: 1), byte != Data("\n".utf8) { line.append(byte) }
    let said = "listening on "
    let text = String(decoding: line, as: UTF8.self)
    guard text.hasPrefix(said) else {
      throw Failure("\(arguments.joined(separator: " ")) does not say where it listens: \(errors.tail())")
    }
    address = String(text.dropFirst(said.count))
  }

  /// Ends the server and waits for it.
  func stop() {
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
  }
}
