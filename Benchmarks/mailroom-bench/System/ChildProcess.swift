internal import Foundation

/// This program, started again with other arguments, as the other side of a measurement.
///
/// The child says on its first line of output where it listens, and ends when its standard input does, so that it
/// never outlives this process.
final class ChildProcess {
  private let process = Process()
  private let input = Pipe()
  /// What the child's first line said.
  let address: String
  var processIdentifier: Int32 { process.processIdentifier }

  init(_ arguments: [String]) throws {
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = arguments
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    var line = Data()
    while let byte = try output.fileHandleForReading.read(upToCount: 1), byte != Data("\n".utf8) { line.append(byte) }
    guard let address = String(decoding: line, as: UTF8.self).split(separator: " ").last else {
      throw BenchError("the server process ended without saying where it listens")
    }
    self.address = String(address)
  }

  /// Ends the child and waits for it.
  func stop() {
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
  }
}

/// Waits until standard input ends, without blocking a thread that tasks need.
func untilInputEnds() async {
  await withCheckedContinuation { continuation in
    Thread.detachNewThread {
      while let data = try? FileHandle.standardInput.read(upToCount: 4096), !data.isEmpty {}
      continuation.resume()
    }
  }
}
