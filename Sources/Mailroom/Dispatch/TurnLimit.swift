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
  /// At how many messages of this turn the clock is looked at.
  private var nextLook: Int
  /// When the turn should end; nil until the first look at the clock, from which on time counts.
  private var deadline: MonotonicTime?

  init(_ budget: Budget) {
    self.budget = budget
    nextLook = budget.messagesPerLook
  }

  /// Whether the turn, which has taken so many messages, has been long enough.
  mutating func isReached(after messages: Int) -> Bool {
    if messages >= budget.messages { return true }
    if messages < nextLook { return false }
    nextLook = messages + budget.messagesPerLook
    let now = MonotonicTime.now
    if let deadline { return now >= deadline }
    deadline = MonotonicTime(nanoseconds: now.nanoseconds &+ budget.nanoseconds)
    return false
  }
}
