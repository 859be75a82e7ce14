internal import MailroomQueue

/// Bytes that many bodies begin with: what all messages to one place have in common.
///
/// Whoever sends there holds one; with the last holder its number on a connection is free for another prefix.
///
/// A prefix may branch off from a shorter one, its root: the same bytes, and some more. Where a branch has no number of its own, the
/// number of its root stands in front of the bytes that it has more.
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
  /// What it branches off from; nil for a prefix that stands for itself.
  package let root: BodyPrefix?
  /// Loop-confined: what was settled on the last connection.
  let settlement = Confined(Settlement())

  /// A prefix that no connection knows.
  package init(_ bytes: [UInt8]) {
    self.bytes = bytes
    root = nil
  }

  /// A prefix that branches off from `root`, and has these bytes more.
  package init(_ root: BodyPrefix, and more: [UInt8]) {
    bytes = root.bytes + more
    self.root = root
  }
}

/// What a body begins with in place of its prefix, or of the first part of it: a number, with the highest bit set, or nothing.
package struct PrefixMark: Equatable {
  /// Bytes of a mark on the wire.
  static let size = 2
  /// The greatest number.
  static let greatest: UInt16 = 0x7FFF
  /// No mark: the prefix stands there itself.
  package static let none = PrefixMark(field: 0, saved: 0)

  /// The bytes on the wire; zero for none.
  let field: UInt16
  /// How many bytes longer that is which it stands for; 32 bits, so that a settlement is two words.
  private let savedBytes: Int32

  private init(field: UInt16, saved: Int) {
    self.field = field
    savedBytes = Int32(truncatingIfNeeded: saved)
  }

  /// The mark for a number up to ``greatest``, which stands for a prefix of so many bytes.
  init(_ number: UInt16, inPlaceOf byteCount: Int) { self.init(field: number | 0x8000, saved: byteCount - Self.size) }

  /// How many bytes longer that is which it stands for.
  package var saved: Int { Int(savedBytes) }

  /// Whether the prefix stands there itself.
  var isNone: Bool { field == 0 }

  /// The number.
  var number: UInt16 { field & Self.greatest }

  /// How many bytes stand before the content: with a tag, which no branch has behind it, without a look at the prefix if there is a mark.
  @inline(__always)
  func size(for prefix: [UInt8], _ tag: UInt8?) -> Int {
    tag == nil ? prefix.count - saved : 1 + (isNone ? prefix.count : Self.size)
  }

  /// How many bytes of a prefix follow the mark itself, which is not none.
  @inline(__always)
  func rest(of prefix: [UInt8]) -> Int { prefix.count - saved - Self.size }
}

/// What one side keeps of prefixes on a connection; it says so to the other one.
package struct PrefixLimits: Hashable, Sendable {
  /// How many.
  package let count: Int
  /// How many bytes they may have together.
  package let byteCount: Int
  /// Whether branches are kept, too.
  package let withBranches: Bool

  /// Nothing is kept.
  package static let none = PrefixLimits(count: 0, byteCount: 0)

  /// Limits of so many prefixes and bytes.
  package init(count: Int, byteCount: Int, withBranches: Bool = false) {
    self.count = count
    self.byteCount = byteCount
    self.withBranches = withBranches
  }
}
