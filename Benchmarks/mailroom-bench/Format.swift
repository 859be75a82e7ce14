internal import Foundation

/// Numbers for people.
enum Format {
  /// As in 1.24 M or 530 k.
  static func count(_ value: Double) -> String {
    switch value {
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
}
