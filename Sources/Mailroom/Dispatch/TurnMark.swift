internal import Synchronization

/// Where the turns of an inbox stand on one thread, for a watchdog to look at.
///
/// A part of its inbox, so that a turn touches no other place in memory for it.
///
/// - Thread safety: ``begin(on:)`` and ``end()`` are for who has the turn, which orders them; the rest is for any thread.
/// - Cost: relaxed stores, a few in each turn.
struct TurnMark: ~Copyable, Sendable {
  /// Atomic, relaxed: how often a turn began or ended; odd during one.
  private let count = Atomic<UInt>(0)
  /// Atomic, relaxed: the number of the scheduler's thread that the last turn is or was on.
  private let thread = Atomic<Int>(0)

  /// The turn that runs now, which no other turn of this mark has in common; nil when none does.
  var current: (turn: UInt, thread: Int)? {
    let turn = count.load(ordering: .relaxed)
    return turn % 2 == 1 ? (turn, thread.load(ordering: .relaxed)) : nil
  }

  /// A turn runs on a thread from now on.
  func begin(on number: Int) {
    thread.store(number, ordering: .relaxed)
    step()
  }

  /// The turn has ended, or is not on a thread any more.
  func end() { step() }

  /// There is one writer at a time, so that this need not be one operation.
  private func step() { count.store(count.load(ordering: .relaxed) &+ 1, ordering: .relaxed) }
}
