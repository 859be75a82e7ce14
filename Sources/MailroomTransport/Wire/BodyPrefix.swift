internal import MailroomQueue

/// Bytes that many bodies begin with: what all messages to one place have in common.
///
/// Whoever sends there holds one; with the last holder its number on a connection is free for another prefix.
///
/// - Thread safety: any thread for the bytes; the rest is for the loop of the connections that it is sent on, one after another.
package final class BodyPrefix: Sendable {
  /// Which number, if any, stands for the bytes on one connection.
  struct Settlement {
    /// The connection's table; zero is none's.
    var table: UInt64 = 0
    var mark = PrefixMark.none
  }

  /// The bytes.
  package let bytes: [UInt8]
  /// Loop-confined: what was settled on the last connection.
  let settlement = Confined(Settlement())

  /// A prefix that no connection knows.
  package init(_ bytes: [UInt8]) { self.bytes = bytes }
}

/// What a body begins with in place of its prefix: a number, with the highest bit set, or nothing.
package struct PrefixMark: Equatable {
  /// Bytes of a mark on the wire.
  static let size = 2
  /// The greatest number.
  static let greatest: UInt16 = 0x7FFF
  /// No mark: the prefix stands there itself.
  package static let none = PrefixMark(field: 0, saved: 0)

  /// The bytes on the wire; zero for none.
  let field: UInt16
  /// How many bytes the prefix is longer; 32 bits, so that a settlement is two words.
  private let savedBytes: Int32

  private init(field: UInt16, saved: Int) {
    self.field = field
    savedBytes = Int32(truncatingIfNeeded: saved)
  }

  /// The mark for a number up to ``greatest``, which stands for a prefix of so many bytes.
  init(_ number: UInt16, inPlaceOf byteCount: Int) { self.init(field: number | 0x8000, saved: byteCount - Self.size) }

  /// How many bytes the prefix is longer.
  package var saved: Int { Int(savedBytes) }

  /// Whether the prefix stands there itself.
  var isNone: Bool { field == 0 }

  /// The number.
  var number: UInt16 { field & Self.greatest }

  /// How many bytes a body begins with.
  @inline(__always)
  func size(for prefix: [UInt8]) -> Int { isNone ? prefix.count : Self.size }
}

/// What one side keeps of prefixes on a connection; it says so to the other one.
package struct PrefixLimits: Hashable, Sendable {
  /// How many.
  package let count: Int
  /// How many bytes they may have together.
  package let byteCount: Int

  /// Nothing is kept.
  package static let none = PrefixLimits(count: 0, byteCount: 0)

  /// Limits of so many prefixes and bytes.
  package init(count: Int, byteCount: Int) {
    self.count = count
    self.byteCount = byteCount
  }
}
