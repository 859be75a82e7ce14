internal import Foundation

/// How much memory two processes had, over time.
struct ResidentSets: Codable {
  /// What was seen at one time.
  struct Sample: Codable {
    /// Seconds from the beginning.
    let second: Double
    /// Bytes.
    let sender, receiver: Int
  }

  private(set) var samples: [Sample] = []

  /// Looks once a second, from now on, until the clock says `end`, and then once more.
  static func follow(receiver: Int32, until end: UInt64) async throws -> ResidentSets {
    let start = Clock.now
    var sets = ResidentSets()
    var next = start
    while true {
      if case let now = Clock.now, now < next { try await Task.sleep(for: .nanoseconds(Int64(next - now))) }
      let sample = Sample(
        second: Double(Clock.now - start) / 1e9, sender: try bytes(of: getpid()), receiver: try bytes(of: receiver))
      sets.samples.append(sample)
      if next >= end { return sets }
      next = min(next + 1_000_000_000, end)
    }
  }

  /// The resident set of a process, in bytes.
  static func bytes(of process: Int32) throws -> Int {
    let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
    guard let kilobytes = line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) }) else {
      throw BenchError("the resident set of process \(process) cannot be read")
    }
    return kilobytes * 1024
  }

  /// The sample nearest to a time; nil when there is none.
  func sample(at second: Double) -> Sample? { samples.min { abs($0.second - second) < abs($1.second - second) } }
}
