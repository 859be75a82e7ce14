internal import MailroomQueue
internal import Synchronization

/// Bytes that many bodies begin with: what all messages to one place have in common.
///
/// Whoever sends there holds one; with the last holder its number on a connection is free for another prefix. A branch holds its root, so
/// that the root's number is free once those of its branches stand for others.
///
/// A prefix may branch off from a shorter one, its root: the same bytes, and some more. Where a branch has no number of its own, the
/// number of its root stands in front of the bytes that it has more.
///
/// - Thread safety: any thread for the bytes; the rest is for the loop of the connections that it is sent on, one after another.
package final class BodyPrefix: Sendable {
  /// How many bytes more than its root a branch may have that is given a number: a peer that keeps one is not to handle much for a message
  /// of a few bytes.
  package static let longestBranch = 1024

  /// The bytes.
  package let bytes: [UInt8]
  /// How many they are.
  package let byteCount: Int
  /// What it branches off from; nil for a prefix that stands for itself.
  package let root: BodyPrefix?
  /// Loop-confined: what was settled on the last connection.
  package let settled = SettledMark()

  /// One without bytes, for nothing that is sent.
  package static let none = BodyPrefix([])

  /// A prefix that no connection knows.
  package init(_ bytes: [UInt8]) {
    self.bytes = bytes
    byteCount = bytes.count
    root = nil
  }

  /// A prefix that branches off from `root`, and has these bytes more.
  package init(_ root: BodyPrefix, and more: [UInt8]) {
    bytes = root.bytes + more
    byteCount = bytes.count
    self.root = root
  }
}

/// Which number, if any, stands for a prefix on one connection.
///
/// A prefix has one. Whoever holds a prefix may have another one, beside what it touches for each message anyway: then a message
/// touches neither the prefix nor its bytes, which are places in memory of their own.
///
/// Loop-confined, to the loop of the connections that the prefix is sent on.
package struct SettledMark: ~Copyable, Sendable {
  // Atomic so as to be a part of an object that other threads have, too; relaxed, which is a plain access.
  /// The connection's table; zero is none's.
  private let table = Atomic<UInt64>(0)
  private let bits = Atomic<UInt64>(0)

  /// Nothing was settled.
  package init() {}

  /// The mark, if this was settled by that table.
  @inline(__always)
  borrowing func mark(in serial: UInt64) -> PrefixMark? {
    table.load(ordering: .relaxed) == serial ? PrefixMark(bits: bits.load(ordering: .relaxed)) : nil
  }

  /// The mark of whatever table; none if nothing was settled.
  borrowing func lastMark() -> PrefixMark { PrefixMark(bits: bits.load(ordering: .relaxed)) }

  /// Where this is in memory, as a part of something that stays where it is.
  var place: MemoryPlace { MemoryPlace(of: table) }

  /// Notes what a table has settled.
  borrowing func note(_ mark: PrefixMark, in serial: UInt64) {
    table.store(serial, ordering: .relaxed)
    bits.store(mark.bits, ordering: .relaxed)
  }
}

/// What a body begins with in place of its prefix, or of the first part of it: a number, or nothing.
///
/// ```
///   10nnnnnn nnnnnnnn                       numbers below 16 384
///   11nnnnnn nnnnnnnn nnnnnnnn nnnnnnnn     the others
/// ```
package struct PrefixMark: Equatable {
  /// The greatest number.
  static let greatest: UInt32 = 0x3FFF_FFFF
  /// No mark: the prefix stands there itself.
  package static let none = PrefixMark(bits: 0)

  /// Both parts in one word.
  let bits: UInt64

  /// A mark from its word.
  @inline(__always)
  init(bits: UInt64) { self.bits = bits }

  /// The mark for a number up to ``greatest``, which stands for a prefix of so many bytes.
  init(_ number: UInt32, inPlaceOf byteCount: Int) {
    let isShort = number < RawSpan.firstLongPrefixNumber
    let field = isShort ? number | 0x8000 : number | 0xC000_0000
    let saved = Int32(truncatingIfNeeded: byteCount - (isShort ? 2 : 4))
    self.init(bits: UInt64(UInt32(bitPattern: saved)) << 32 | UInt64(field))
  }

  /// The two or four bytes on the wire; zero for none.
  @inline(__always)
  var field: UInt32 { UInt32(truncatingIfNeeded: bits) }

  /// How many bytes longer that is which it stands for; below zero for what is shorter than its mark.
  @inline(__always)
  package var saved: Int { Int(Int32(bitPattern: UInt32(truncatingIfNeeded: bits >> 32))) }

  /// Whether the prefix stands there itself.
  var isNone: Bool { field == 0 }

  /// Whether the mark takes two bytes.
  @inline(__always)
  var isShort: Bool { field &- 1 < 0xFFFF }

  /// How many bytes stand before the content: with a tag, which no branch has behind it, without a look at the prefix if there is a mark.
  @inline(__always)
  func size(for prefix: BodyPrefix, _ tag: UInt8?) -> Int {
    tag == nil ? prefix.byteCount - saved : 1 + (isShort ? 2 : isNone ? prefix.byteCount : 4)
  }

  /// How many bytes of a prefix follow the mark itself, which is not none.
  @inline(__always)
  func rest(of prefix: BodyPrefix) -> Int { prefix.byteCount - saved - (isShort ? 2 : 4) }

  /// The number.
  var number: UInt32 { isShort ? field & 0x3FFF : field & Self.greatest }
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
