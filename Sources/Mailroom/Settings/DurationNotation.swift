/// Durations as the reference writes them: a whole number and us, ms, s, m, min, h or d.
enum DurationNotation {
  /// What a number counts, by the shortest suffix that says so.
  enum Unit: String, CaseIterable, Sendable {
    case microsecond = "us"
    case millisecond = "ms"
    case second = "s"
    case minute = "m"
    case hour = "h"
    case day = "d"

    /// The unit with this suffix in lower case.
    init?(suffix: String) {
      if suffix == "min" { self = .minute } else { self.init(rawValue: suffix) }
    }

    fileprivate var nanoseconds: Int64 {
      switch self {
      case .microsecond: 1_000
      case .millisecond: 1_000_000
      case .second: 1_000_000_000
      case .minute: 60_000_000_000
      case .hour: 3_600_000_000_000
      case .day: 86_400_000_000_000
      }
    }
  }

  /// The duration that `text` says, in `unit` when it has no suffix; nil when it is malformed, or above 292 years.
  static func duration(_ text: String, unit: Unit) -> Duration? {
    guard let parts = SuffixedNumber(text) else { return nil }
    guard let unit = parts.suffix.isEmpty ? unit : Unit(suffix: parts.suffix) else { return nil }
    let (nanoseconds, overflow) = parts.number.multipliedReportingOverflow(by: unit.nanoseconds)
    return overflow ? nil : .nanoseconds(nanoseconds)
  }

  /// `duration`, of 0 to 292 years, in the largest of s, ms and us that says it exactly; what is below 1 us is cut.
  static func text(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    if microseconds % 1_000_000 == 0 { return "\(microseconds / 1_000_000)s" }
    return microseconds % 1_000 == 0 ? "\(microseconds / 1_000)ms" : "\(microseconds)us"
  }
}
