internal import MailroomQueue

/// Says when a turn has been long enough.
///
/// Confined to one turn.
struct TurnLimit {
  /// How long a turn may be before other inboxes get theirs.
  struct Budget: Sendable {
    /// Messages after which a turn ends.
    var messages = 256
    /// Messages between looks at the clock.
    var messagesPerLook = 16
    /// Nanoseconds after which a turn ends.
    var nanoseconds: UInt64 = 200_000
  }

  private let budget: Budget
  /// Messages of this turn.
  private var processed = 0
  /// When the turn should end; nil until the first look at the clock, from which on time counts.
  private var deadline: MonotonicTime?

  init(_ budget: Budget) { self.budget = budget }

  /// Counts a message; says whether it should be the last one of the turn.
  mutating func isReached() -> Bool {
    processed += 1
    if processed >= budget.messages { return true }
    if processed % budget.messagesPerLook != 0 { return false }
    let now = MonotonicTime.now
    if let deadline { return now >= deadline }
    deadline = MonotonicTime(nanoseconds: now.nanoseconds &+ budget.nanoseconds)
    return false
  }
}
