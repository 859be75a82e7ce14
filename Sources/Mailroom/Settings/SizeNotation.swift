/// Sizes as the reference writes them: a whole number and b, k, kb, m, mb, g, gb, t, tb, p or pb, in powers of 1024.
enum SizeNotation {
  /// What a number counts, by the suffix of one letter that says so.
  enum Unit: String, CaseIterable, Sendable {
    case byte = "b"
    case kibibyte = "k"
    case mebibyte = "m"
    case gibibyte = "g"
    case tebibyte = "t"
    case pebibyte = "p"

    /// The unit with this suffix in lower case.
    init?(suffix: String) {
      self.init(
        rawValue: suffix.count == 2 && suffix != "bb" && suffix.hasSuffix("b") ? String(suffix.dropLast()) : suffix)
    }

    /// The unit's name for people.
    var name: String {
      switch self {
      case .byte: "B"
      case .kibibyte: "KiB"
      case .mebibyte: "MiB"
      case .gibibyte: "GiB"
      case .tebibyte: "TiB"
      case .pebibyte: "PiB"
      }
    }

    fileprivate var bytes: Int64 {
      switch self {
      case .byte: 1
      case .kibibyte: 1 << 10
      case .mebibyte: 1 << 20
      case .gibibyte: 1 << 30
      case .tebibyte: 1 << 40
      case .pebibyte: 1 << 50
      }
    }
  }

  /// The bytes that `text` says, in `unit` when it has no suffix; nil when it is malformed, or above `Int64.max`.
  static func bytes(_ text: String, unit: Unit) -> Int? {
    guard let parts = SuffixedNumber(text) else { return nil }
    guard let unit = parts.suffix.isEmpty ? unit : Unit(suffix: parts.suffix) else { return nil }
    let (bytes, overflow) = parts.number.multipliedReportingOverflow(by: unit.bytes)
    return overflow ? nil : Int(exactly: bytes)
  }

  /// `bytes`, not negative, in the largest unit that says it exactly.
  static func text(_ bytes: Int) -> String {
    let fitting = Unit.allCases.last { Int64(bytes) % $0.bytes == 0 && Int64(bytes) >= $0.bytes } ?? .byte
    return "\(Int64(bytes) / fitting.bytes)\(fitting.rawValue)"
  }
}
