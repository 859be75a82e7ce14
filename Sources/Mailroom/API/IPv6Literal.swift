/// An IPv6 address read from text, whose ``description`` is the one canonical spelling of it.
///
/// Texts of the same address give equal values, so that two spellings of a peer do not become two peers.
struct IPv6Literal: Hashable, Sendable, CustomStringConvertible {
  /// The eight 16-bit groups, first group first; always exactly eight.
  private let groups: [UInt16]

  /// Reads an address as RFC 4291 section 2.2 spells it, without brackets; nil when `text` is anything else.
  ///
  /// Accepts full, compressed ("::") and mixed ("::ffff:1.2.3.4") forms in either letter case. A zone ("%eth0") is not
  /// part of the address and is refused. Linear in the text, which is refused unread when longer than any address.
  init?(_ text: Substring.UTF8View) {
    // The longest spelling: six full groups and a full dotted quad.
    guard text.count <= "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255".utf8.count else { return nil }
    guard let gap = Self.firstGap(in: text) else {
      guard let groups = Self.groups(in: text, mayEndDotted: true), groups.count == 8 else { return nil }
      self.groups = groups
      return
    }
    // A second gap leaves an empty group in the tail, which is refused there.
    guard let head = Self.groups(in: text[..<gap], mayEndDotted: false),
      let tail = Self.groups(in: text[gap...].dropFirst(2), mayEndDotted: true),
      // A gap stands for at least one group.
      head.count + tail.count < 8
    else { return nil }
    groups = head + [UInt16](repeating: 0, count: 8 - head.count - tail.count) + tail
  }

  /// The spelling of RFC 5952, without brackets.
  ///
  /// Lower case, no leading zeros, the longest run of two or more zero groups (the first of equals) as "::". The last
  /// 32 bits are dotted for IPv4-mapped addresses (::ffff:0:0/96) only, because no other prefix says by itself that an
  /// IPv4 address follows and stays valid on every network.
  var description: String {
    if groups.prefix(5).allSatisfy({ $0 == 0 }), groups[5] == 0xFFFF {
      let quad = groups[6...].flatMap { [$0 >> 8, $0 & 0xFF] }
      return "::ffff:" + quad.map { String($0) }.joined(separator: ".")
    }
    let run = longestZeroRun
    guard run.count >= 2 else { return Self.joined(groups[...]) }
    return Self.joined(groups[..<run.lowerBound]) + "::" + Self.joined(groups[run.upperBound...])
  }

  /// The first longest run of zero groups; empty when no group is zero.
  private var longestZeroRun: Range<Int> {
    var longest = 0..<0
    var start = 0
    for (index, group) in groups.enumerated() {
      guard group == 0 else {
        start = index + 1
        continue
      }
      if index + 1 - start > longest.count { longest = start..<index + 1 }
    }
    return longest
  }

  private static func joined(_ groups: ArraySlice<UInt16>) -> String {
    groups.map { String($0, radix: 16) }.joined(separator: ":")
  }

  private static func firstGap(in text: Substring.UTF8View) -> Substring.Index? {
    text.indices.first { text[$0...].starts(with: "::".utf8) }
  }

  /// The groups of a text without a gap; none for an empty text.
  private static func groups(in text: Substring.UTF8View, mayEndDotted: Bool) -> [UInt16]? {
    guard !text.isEmpty else { return [] }
    let parts = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    var groups: [UInt16] = []
    for (index, part) in parts.enumerated() {
      if mayEndDotted, index == parts.count - 1, part.contains(UInt8(ascii: ".")) {
        guard let quad = dottedQuad(part) else { return nil }
        groups += quad
      } else {
        guard let group = number(part, radix: 16, maxDigits: 4) else { return nil }
        groups.append(group)
      }
    }
    return groups
  }

  /// A dotted IPv4 address as two groups.
  ///
  /// Leading zeros are refused, since some systems read them as octal.
  private static func dottedQuad(_ text: Substring.UTF8View) -> [UInt16]? {
    let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    let octets = parts.compactMap { part -> UInt16? in
      guard part.count == 1 || part.first != UInt8(ascii: "0") else { return nil }
      return number(part, radix: 10, maxDigits: 3).flatMap { $0 <= 255 ? $0 : nil }
    }
    guard parts.count == 4, octets.count == 4 else { return nil }
    return [octets[0] << 8 | octets[1], octets[2] << 8 | octets[3]]
  }

  private static func number(_ text: Substring.UTF8View, radix: Int, maxDigits: Int) -> UInt16? {
    // The standard library's reader would take a sign.
    guard text.count <= maxDigits, text.first?.isASCIIAlphanumeric == true else { return nil }
    return UInt16(Substring(text), radix: radix)
  }
}
