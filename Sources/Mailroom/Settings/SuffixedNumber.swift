/// A whole number and the letters behind it, as the reference writes durations and sizes: `120s`, `64m`, `5`.
struct SuffixedNumber: Equatable {
  /// The number.
  let number: Int64
  /// The letters, in lower case; empty when there are none.
  let suffix: String

  /// The parts of `text`; nil when it is not ASCII digits and letters, or the number is above `Int64.max`.
  ///
  /// Blanks around it are ignored, blanks within, signs and fractions are not taken.
  init?(_ text: String) {
    let bytes = Self.trimmed(text.utf8)
    let digits = bytes.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    let letters = bytes[digits.endIndex...]
    guard let number = Int64(Substring(digits)) else { return nil }
    // Setting the case bit makes a letter a small one, and nothing else one.
    guard letters.allSatisfy({ (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20) }) else { return nil }
    self.number = number
    suffix = Substring(letters).lowercased()
  }

  /// `text` without the spaces, tabs and line ends around it.
  static func trimmed(_ text: String) -> String { String(Substring(trimmed(text.utf8))) }

  private static func trimmed(_ bytes: String.UTF8View) -> Substring.UTF8View {
    var rest = bytes[...]
    while let first = rest.first, isBlank(first) { rest = rest.dropFirst() }
    while let last = rest.last, isBlank(last) { rest = rest.dropLast() }
    return rest
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || (0x09...0x0D).contains(byte) }
}
