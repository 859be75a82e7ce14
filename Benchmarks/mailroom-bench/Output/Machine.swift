internal import Foundation
internal import MailroomTransport

/// What the figures were measured on.
struct Machine: Codable {
  let cpu: String
  let cores: Int
  let kernel, swift, libuv, congestionControl, commit: String
  /// Which part of the cores other programs use; nil when unknown.
  let otherWork: Double?

  /// This machine; takes half a second, in which nothing may be measured.
  static func current() -> Machine {
    Machine(
      cpu: cpuName(), cores: ProcessInfo.processInfo.activeProcessorCount,
      kernel: firstLine(of: "/proc/sys/kernel/osrelease"), swift: swiftVersion(), libuv: UVVersion.runtime,
      congestionControl: firstLine(of: "/proc/sys/net/ipv4/tcp_congestion_control"),
      commit: output(["git", "rev-parse", "--short", "HEAD"]) ?? "unknown", otherWork: OtherWork.part())
  }

  private static func cpuName() -> String {
    let info = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let line = info.split(separator: "\n").first { $0.hasPrefix("model name") }
    return line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
  }

  private static func firstLine(of path: String) -> String {
    let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? "unknown"
    return text.split(separator: "\n").first.map(String.init) ?? "unknown"
  }

  private static func swiftVersion() -> String {
    guard let text = output(["swift", "--version"]), let start = text.range(of: "Swift version ") else {
      return "unknown"
    }
    return text[start.upperBound...].split(separator: " ").first.map(String.init) ?? "unknown"
  }

  private static func output(_ command: [String]) -> String? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { return nil }
    return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }
}

extension Machine: CustomStringConvertible {
  /// One line for people.
  var description: String {
    let line =
      "\(cpu), \(cores) cores, Linux \(kernel), Swift \(swift), libuv \(libuv), \(congestionControl), \(commit)"
    guard let otherWork else { return line }
    return "\(line), \(Format.whole(100 * otherWork)) % of the cores busy with other work"
  }
}
