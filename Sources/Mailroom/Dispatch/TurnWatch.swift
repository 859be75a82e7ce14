internal import MailroomQueue

/// Finds turns that take too long, from looks at which turns run.
///
/// ```
///                seen                      still there past the threshold
///   ┌─────────┐ ──────► ┌─────────────────┐ ─────────────────► ┌──────────┐
///   │ unknown │         │ seen, since when │   reported, once   │ reported │
///   └─────────┘ ◄────── └─────────────────┘                    └──────────┘
///        ▲    gone, or another turn                                  │
///        └───────────────────────────────────────────────────────────┘
/// ```
///
/// Invariants:
/// 1. A turn is reported once, and only after two looks found it whose distance is the threshold or more.
/// 2. What a look does not find is forgotten: there is never more here than the last look found.
///
/// A pure value: the looks and the time come from outside.
struct TurnWatch<Key: Hashable> {
  private struct Seen {
    let turn: UInt
    let since: MonotonicTime
    var isReported: Bool
  }

  private let threshold: Duration
  /// The turns that the last look found.
  private var seen: [Key: Seen] = [:]

  init(threshold: Duration) { self.threshold = threshold }

  /// Takes the turns that run at a time; returns those to report, and how long they have been seen.
  mutating func look(_ turns: [Key: UInt], at now: MonotonicTime) -> [Key: Duration] {
    var slow: [Key: Duration] = [:]
    var found: [Key: Seen] = [:]
    for (key, turn) in turns {
      guard var known = seen[key], known.turn == turn else {
        found[key] = Seen(turn: turn, since: now, isReported: false)
        continue
      }
      let duration = now.since(known.since)
      if !known.isReported && duration >= threshold {
        known.isReported = true
        slow[key] = duration
      }
      found[key] = known
    }
    seen = found
    return slow
  }
}
