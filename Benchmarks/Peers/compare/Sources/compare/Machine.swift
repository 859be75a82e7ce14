import Foundation

/// What the figures were measured on.
struct Machine: Codable, Equatable {
  var cpu: String
  var cores: Int
  var kernel, congestionControl, libuv, date: String
  /// Which part of the cores other programs used in the second before measuring.
  var otherWork: Double

  /// This machine; takes a second, in which this program does nothing.
  static func current() -> Machine {
    let info = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let model = info.split(separator: "\n").first { $0.hasPrefix("model name") }
    let libuv = try? Command.output(["pkg-config", "--modversion", "libuv"], limit: 10)
    let date = ISO8601DateFormatter()
    date.formatOptions = .withFullDate
    return Machine(
      cpu: model?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown CPU",
      cores: ProcessInfo.processInfo.activeProcessorCount, kernel: word(of: "/proc/sys/kernel/osrelease"),
      congestionControl: word(of: "/proc/sys/net/ipv4/tcp_congestion_control"),
      libuv: (libuv ?? "unknown").trimmingCharacters(in: .whitespacesAndNewlines), date: date.string(from: Date()),
      otherWork: busyPart(ofSeconds: 1))
  }

  /// Which part of all cores' time is not idle.
  private static func busyPart(ofSeconds seconds: Double) -> Double {
    let before = coreTimes()
    Thread.sleep(forTimeInterval: seconds)
    let spent = zip(coreTimes(), before).map { $0 - $1 }
    // user, nice, system, idle, waiting for input or output, ...
    let total = spent.reduce(0, +)
    guard spent.count > 4, total > 0 else { return 0 }
    return 1 - (spent[3] + spent[4]) / total
  }

  private static func coreTimes() -> [Double] {
    let text = (try? String(contentsOfFile: "/proc/stat", encoding: .utf8)) ?? ""
    return text.prefix { $0 != "\n" }.split(separator: " ").dropFirst().compactMap { Double($0) }
  }

  private static func word(of path: String) -> String {
    let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? "unknown"
    return text.split(whereSeparator: \.isWhitespace).first.map(String.init) ?? "unknown"
  }

  /// One line for people.
  var line: String {
    "\(cpu), \(cores) cores, Linux \(kernel), TCP on loopback with \(congestionControl), libuv \(libuv), \(date), "
      + "\(Int((otherWork * 100).rounded())) % of the cores busy with other work"
  }

  /// Whether other work spoils the figures.
  var isBusy: Bool { otherWork > 0.05 }
}
