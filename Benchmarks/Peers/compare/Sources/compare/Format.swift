import Foundation

/// Numbers for people.
enum Format {
  /// Three digits that mean something: 1234 -> 1230, 12.34 -> 12.3, 0.1234 -> 0.123.
  static func significant(_ value: Double) -> String {
    guard value > 0, value.isFinite else { return "0" }
    let digits = 2 - Int(log10(value).rounded(.down))
    let scale = pow(10, Double(digits))
    return String(format: "%.\(max(0, digits))f", (value * scale).rounded() / scale)
  }

  /// With a prefix for thousands: 1234567 -> 1.23 M.
  static func scaled(_ value: Double) -> String {
    for (limit, prefix) in [(1e9, "G"), (1e6, "M"), (1e3, "k")] where value >= limit {
      return "\(significant(value / limit)) \(prefix)"
    }
    return "\(significant(value)) "
  }

  /// A ratio: 0.12x, 1.23x, 45.6x, 123x.
  static func ratio(_ value: Double) -> String {
    value < 1 ? String(format: "%.2fx", value) : "\(significant(value))x"
  }

  /// A payload: 16 B, 1 KiB, 1 MiB.
  static func bytes(_ count: Int) -> String {
    if count >= 1 << 20 && count % (1 << 20) == 0 { return "\(count >> 20) MiB" }
    if count >= 1 << 10 && count % (1 << 10) == 0 { return "\(count >> 10) KiB" }
    return "\(count) B"
  }
}
