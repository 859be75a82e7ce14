internal import Synchronization

/// Where the turns of an inbox stand on one thread, for a watchdog to look at.
///
/// A part of its inbox, so that a turn touches no other place in memory for it.
///
/// - Thread safety: ``begin(on:)`` and ``end()`` are for who has the turn, which orders them; the rest is for any thread.
/// - Cost: relaxed stores, a few in each turn.
struct TurnMark: ~Copyable, Sendable {
  /// Atomic, relaxed: how often a turn began or ended, odd during one, and in the low bits the number of the scheduler's thread that
  /// the last turn is or was on, of the first 65 536 of them.
  private let word = Atomic<UInt>(0)

  private static var threadBits: UInt { 16 }

  /// The turn that runs now, which no other turn of this mark has in common; nil when none does.
  var current: (turn: UInt, thread: Int)? {
    let bits = word.load(ordering: .relaxed)
    let turn = bits >> Self.threadBits
    return turn % 2 == 1 ? (turn, Int(bits & (1 << Self.threadBits - 1))) : nil
  }

  /// A turn runs on a thread from now on.
  func begin(on number: Int) {
    let turn = (word.load(ordering: .relaxed) >> Self.threadBits) &+ 1
    let thread = UInt(truncatingIfNeeded: number) & (1 << Self.threadBits - 1)
    word.store(turn << Self.threadBits | thread, ordering: .relaxed)
  }

  /// The turn has ended, or is not on a thread any more.
  ///
  /// There is one writer at a time, so that this need not be one operation.
  func end() { word.store(word.load(ordering: .relaxed) &+ 1 << Self.threadBits, ordering: .relaxed) }
}
