internal import Foundation

/// Numbers for people.
enum Format {
  /// As in 1.24 M or 530 k.
  static func count(_ value: Double) -> String {
    switch value {
    case 1e9...: String(format: "%.2f G", value / 1e9)
    case 1e6...: String(format: "%.2f M", value / 1e6)
    case 1e4...: String(format: "%.0f k", value / 1e3)
    default: String(format: "%.0f", value)
    }
  }

  /// As in 16 B, 64 KiB.
  static func bytes(_ value: Int) -> String {
    if value >= 1 << 20 && value % (1 << 20) == 0 { return "\(value >> 20) MiB" }
    if value >= 1 << 10 && value % (1 << 10) == 0 { return "\(value >> 10) KiB" }
    return "\(value) B"
  }

  static func decimal(_ value: Double) -> String {
    String(format: value >= 100 ? "%.0f" : "%.1f", value)
  }

  /// As in 0.87x.
  static func factor(_ value: Double) -> String { String(format: "%.2fx", value) }

  static func whole(_ value: Double) -> String { String(format: "%.0f", value) }

  /// As in 1.18x (1.15-1.22).
  static func ratio(_ spread: Spread) -> String {
    // Small ones need more digits: a message of few bytes is far from what a stream of bytes achieves.
    let digits = spread.median < 0.1 ? 3 : 2
    return String(
      format: "%.\(digits)fx (%.\(digits)f-%.\(digits)f)", spread.median, spread.low, spread.high)
  }

  /// How often something happens for a message.
  static func perMessage(_ value: Double) -> String {
    switch value {
    case 100...: String(format: "%.0f", value)
    case 0.1...: String(format: "%.2f", value)
    default: String(format: "%.4f", value)
    }
  }
}
