internal import Foundation

/// What other programs do on the machine that is measured.
enum OtherWork {
  /// Which part of all cores' time is not idle while this program waits for so long; nil where the system does not say.
  ///
  /// Asked for when nothing is being measured. Other programs make every figure worse, and ratios spread.
  static func part(seconds: Double = 0.5) -> Double? {
    let before = coreTimes()
    Thread.sleep(forTimeInterval: seconds)
    return part(from: before, to: coreTimes())
  }

  /// Which part of the time between two readings of the kernel's counts was not idle.
  static func part(from before: [Double], to after: [Double]) -> Double? {
    let spent = zip(after, before).map { $0 - $1 }
    // user, nice, system, idle, waiting for input or output, ...
    let total = spent.reduce(0, +)
    guard spent.count > 4, total > 0 else { return nil }
    return 1 - (spent[3] + spent[4]) / total
  }

  private static func coreTimes() -> [Double] {
    times(in: (try? String(contentsOfFile: "/proc/stat", encoding: .utf8)) ?? "")
  }

  /// The counts of all cores together, which the first line has.
  static func times(in text: String) -> [Double] {
    text.prefix { $0 != "\n" }.split(separator: " ").dropFirst().compactMap { Double($0) }
  }
}
