/// Java's modified UTF-8: the UTF-16 units of a text, each as one to three bytes.
///
/// It differs from UTF-8 in two points: U+0000 is C0 80, so that no byte is zero, and a character beyond U+FFFF is its
/// two surrogates of three bytes each. The format is that of `java.io.DataInput`; lengths that go before such texts
/// count bytes.
enum ModifiedUTF8 {
  /// The bytes of `text`, without a length.
  ///
  /// - Complexity: O(length of the text); one array.
  static func encode(_ text: String) -> [UInt8] {
    // Most texts are names of endpoints and hosts, for which both encodings agree.
    if text.utf8.allSatisfy(isPlain) { return Array(text.utf8) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    for unit in text.utf16 {
      switch unit {
      case 0x01...0x7F:
        bytes.append(UInt8(truncatingIfNeeded: unit))
      case 0x00, 0x80...0x7FF:
        bytes.append(0xC0 | UInt8(truncatingIfNeeded: unit >> 6))
        bytes.append(continuation(unit))
      default:
        bytes.append(0xE0 | UInt8(truncatingIfNeeded: unit >> 12))
        bytes.append(continuation(unit >> 6))
        bytes.append(continuation(unit))
      }
    }
    return bytes
  }

  /// The text of `bytes`; nil unless they are exactly what ``encode(_:)`` makes of some text.
  ///
  /// Stricter than Java's reader: a zero byte, a form longer than needed and a lone surrogate are refused, so that no
  /// two byte strings are one name.
  ///
  /// - Complexity: O(number of bytes); no allocation besides the text's for ASCII, else one array.
  static func decode(_ bytes: RawSpan) -> String? {
    let octets = bytes.octets
    var index = 0
    while index < octets.count, isPlain(octets[index]) { index += 1 }
    if index == octets.count {
      guard let plain = try? UTF8Span(validating: octets) else { return nil }
      return String(copying: plain)
    }
    var units: [UInt16] = []
    units.reserveCapacity(octets.count)
    index = 0
    while index < octets.count {
      guard let (unit, length) = unit(at: index, in: octets) else { return nil }
      units.append(unit)
      index += length
    }
    // Refuses lone surrogates.
    return String(validating: units, as: UTF16.self)
  }

  /// Whether a byte is a whole character, and the same one as in UTF-8.
  private static func isPlain(_ byte: UInt8) -> Bool { (0x01...0x7F).contains(byte) }

  private static func continuation(_ bits: UInt16) -> UInt8 { 0x80 | UInt8(truncatingIfNeeded: bits & 0x3F) }

  /// The unit that starts at `index`, and how many bytes it takes.
  private static func unit(at index: Int, in octets: Span<UInt8>) -> (unit: UInt16, length: Int)? {
    let lead = octets[index]
    switch lead {
    case 0x01...0x7F:
      return (UInt16(lead), 1)
    case 0xC0...0xDF:
      guard let low = continuationBits(at: index + 1, in: octets) else { return nil }
      let unit = UInt16(lead & 0x1F) << 6 | low
      return unit == 0 || unit >= 0x80 ? (unit, 2) : nil
    case 0xE0...0xEF:
      guard let middle = continuationBits(at: index + 1, in: octets),
        let low = continuationBits(at: index + 2, in: octets)
      else { return nil }
      let unit = UInt16(lead & 0x0F) << 12 | middle << 6 | low
      return unit >= 0x800 ? (unit, 3) : nil
    default:
      return nil
    }
  }

  private static func continuationBits(at index: Int, in octets: Span<UInt8>) -> UInt16? {
    guard index < octets.count, octets[index] & 0xC0 == 0x80 else { return nil }
    return UInt16(octets[index] & 0x3F)
  }
}

extension RawSpan {
  /// The same bytes with a bounds-checked subscript, which a raw span lacks.
  ///
  /// The one place that leans on an underscored name of the standard library: Swift 6.3 has no other way from raw bytes
  /// to their values that the compiler takes for safe.
  var octets: Span<UInt8> {
    @_lifetime(copy self)
    get { Span(_bytes: self) }
  }
}
