internal import MailroomQueue
internal import Synchronization

/// Which numbers stand for which prefixes on one connection, at the end that sends them: a pure table.
///
/// The first message with a prefix has it numbered, and the peer told of it; that one and all later ones begin with the number.
///
/// ```
///   sender                                              receiver
///   prefix "A" is new: 0 ──── 68: 0 is "A" ───────────► 0: "A"
///                        ──── message: 0, content ────► "A", content
///   prefix "B" is new: 1 ──── 68: 1 is "B" ───────────► 0: "A", 1: "B"
///                        ──── message: 0, content ────► "A", content
///   nobody holds "A" any more, and there is no number left
///   prefix "C" is new: 0 ──── 68: 0 is "C" ───────────► 0: "C", 1: "B"
/// ```
///
/// Invariants:
/// 1. A number is defined in the stream of bytes before it is used, and a new connection begins with none: a prefix remembers
///    by which table it was settled, and tables are never mistaken for one another.
/// 2. Numbers are given from zero on, without gaps. One is defined anew only when nobody holds its prefix any more.
/// 3. Never more prefixes or bytes than the peer has said that it keeps, nor than ``most``. What finds no room is sent in full,
///    on this connection for good, so that asking again costs nothing.
///
/// - Complexity: settling a prefix is O(1), amortised: the table is looked through for prefixes that nobody holds only after as
///   many as it has were given numbers or found no room.
struct PrefixNumbers {
  /// The limits that this side keeps to, whatever the peer says.
  static let most = PrefixLimits(count: Int(PrefixMark.greatest) + 1, byteCount: 4 * 1024 * 1024)

  private static let serials = Atomic<UInt64>(0)

  /// What tells this table from all others of the process; not zero.
  let serial: UInt64
  private let limits: PrefixLimits
  /// The longest prefix that is given a number, in bytes.
  private let longest: Int
  /// The prefixes by their numbers.
  private var prefixes: [BodyPrefix] = []
  /// Numbers whose prefixes nobody held when the table was last looked through.
  private var free: [UInt16] = []
  /// How many bytes the peer keeps.
  private(set) var byteCount = 0
  /// How many prefixes are to find no room before the table is looked through.
  private var patience = 0

  /// An empty table.
  ///
  /// - Parameter longest: the longest prefix that a frame can define.
  init(within limits: PrefixLimits, longest: Int = .max) {
    self.longest = longest
    serial = Self.serials.add(1, ordering: .relaxed).newValue
    self.limits = PrefixLimits(
      count: min(limits.count, Self.most.count), byteCount: min(limits.byteCount, Self.most.byteCount))
  }

  /// How many numbers were given.
  var count: Int { prefixes.count }

  /// Settles how a prefix is sent on this connection; returns its number if it has one, of which the peer is to be told first.
  mutating func settle(_ prefix: BodyPrefix) -> UInt16? {
    let number = take(prefix)
    let mark = number.map { PrefixMark($0, inPlaceOf: prefix.bytes.count) } ?? .none
    prefix.settlement.value = BodyPrefix.Settlement(table: serial, mark: mark)
    return number
  }

  private mutating func take(_ prefix: BodyPrefix) -> UInt16? {
    let size = prefix.bytes.count
    if size > longest { return nil }
    if prefixes.count < limits.count, byteCount + size <= limits.byteCount {
      prefixes.append(prefix)
      byteCount += size
      return UInt16(prefixes.count - 1)
    }
    if free.isEmpty { lookForFree() }
    guard let number = free.last else { return nil }
    let after = byteCount - prefixes[Int(number)].bytes.count + size
    guard after <= limits.byteCount else { return nil }
    free.removeLast()
    prefixes[Int(number)] = prefix
    byteCount = after
    return number
  }

  private mutating func lookForFree() {
    if patience > 0 {
      patience -= 1
      return
    }
    for index in prefixes.indices where isKnownUniquelyReferenced(&prefixes[index]) { free.append(UInt16(index)) }
    patience = prefixes.count - free.count
  }
}
