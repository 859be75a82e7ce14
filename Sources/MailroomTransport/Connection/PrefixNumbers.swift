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
/// 4. Branches have half of the numbers at most, and half of the bytes, so that however many there are, as many are left for
///    roots. A branch that finds no room, or whose peer keeps none, is sent as the mark of its root, whatever that is, and what
///    follows its root in full.
///
/// - Complexity: settling a prefix is O(1), amortised: the table is looked through for prefixes that nobody holds only after as
///   many as it has were given numbers or found no room.
struct PrefixNumbers {
  /// The limits that this side keeps to, whatever the peer says.
  static let most = PrefixLimits(count: 1 << 17, byteCount: 8 * 1024 * 1024)

  private static let serials = Atomic<UInt64>(0)

  /// What tells this table from all others of the process; not zero.
  let serial: UInt64
  private let limits: PrefixLimits
  /// The longest prefix that is given a number, in bytes.
  private let longest: Int
  /// The prefixes by their numbers.
  private var prefixes: [BodyPrefix] = []
  /// Numbers whose prefixes nobody held when the table was last looked through, of prefixes that stand for themselves and of branches.
  private var (free, freeBranches): ([UInt32], [UInt32]) = ([], [])
  /// How many bytes the peer keeps.
  private(set) var byteCount = 0
  /// How many branches among all, and their bytes.
  private(set) var branches = (count: 0, byteCount: 0)
  /// How many prefixes are to be given free numbers or to find no room before the table is looked through.
  private var patience = 0
  /// What is fetched ahead; no part of the table.
  var course = PrefixCourse()

  /// An empty table.
  ///
  /// - Parameter longest: the longest prefix that a frame can define.
  init(within limits: PrefixLimits, longest: Int = .max) {
    self.longest = longest
    serial = Self.serials.add(1, ordering: .relaxed).newValue
    self.limits = PrefixLimits(
      count: min(limits.count, Self.most.count), byteCount: min(limits.byteCount, Self.most.byteCount),
      withBranches: limits.withBranches)
  }

  /// How many numbers were given.
  var count: Int { prefixes.count }

  /// Settles how a prefix is sent on this connection; returns its number if it has one, of which the peer is to be told first.
  ///
  /// A branch without a number is settled to be sent in full: the mark of its root is up to the caller.
  mutating func settle(_ prefix: BodyPrefix) -> UInt32? {
    let number = take(prefix)
    let mark = number.map { PrefixMark($0, inPlaceOf: prefix.byteCount) } ?? .none
    prefix.settled.note(mark, in: serial)
    return number
  }

  private mutating func take(_ prefix: BodyPrefix) -> UInt32? {
    let isBranch = prefix.root != nil
    if prefix.byteCount > longest || isBranch && !limits.withBranches { return nil }
    if let root = prefix.root, prefix.byteCount - root.byteCount > BodyPrefix.longestBranch { return nil }
    if prefixes.count < limits.count, takes(prefix, inPlaceOf: nil) {
      prefixes.append(prefix)
      count(prefix, 1)
      return UInt32(prefixes.count - 1)
    }
    if candidate(for: prefix) == nil { lookForFree() }
    guard let number = candidate(for: prefix) else { return nil }
    let index = Int(number)
    if prefixes[index].root == nil { free.removeLast() } else { freeBranches.removeLast() }
    patience = max(0, patience - 1)
    count(prefixes[index], -1)
    count(prefix, 1)
    prefixes[index] = prefix
    return number
  }

  /// A number that nobody holds, and at which there is room for the prefix; of its own kind if there is one.
  private func candidate(for prefix: BodyPrefix) -> UInt32? {
    let (first, second) = prefix.root == nil ? (free.last, freeBranches.last) : (freeBranches.last, free.last)
    for number in [first, second] {
      if let number, takes(prefix, inPlaceOf: prefixes[Int(number)]) { return number }
    }
    return nil
  }

  /// Whether the limits allow for a prefix in place of another one, or besides all.
  private func takes(_ prefix: BodyPrefix, inPlaceOf other: BodyPrefix?) -> Bool {
    let size = prefix.byteCount
    if byteCount - (other?.byteCount ?? 0) + size > limits.byteCount { return false }
    if prefix.root == nil { return true }
    let isOtherBranch = other?.root != nil
    return branches.count - (isOtherBranch ? 1 : 0) < limits.count / 2
      && branches.byteCount - (isOtherBranch ? other?.byteCount ?? 0 : 0) + size <= limits.byteCount / 2
  }

  private mutating func count(_ prefix: BodyPrefix, _ sign: Int) {
    byteCount += sign * prefix.byteCount
    guard prefix.root != nil else { return }
    branches.count += sign
    branches.byteCount += sign * prefix.byteCount
  }

  private mutating func lookForFree() {
    if patience > 0 {
      patience -= 1
      return
    }
    free.removeAll(keepingCapacity: true)
    freeBranches.removeAll(keepingCapacity: true)
    for index in prefixes.indices where isKnownUniquelyReferenced(&prefixes[index]) {
      if prefixes[index].root == nil { free.append(UInt32(index)) } else { freeBranches.append(UInt32(index)) }
    }
    patience = prefixes.count
  }
}
