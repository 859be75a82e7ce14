internal import MailroomQueue

/// Which attempts to connect are under way, and which wait for one of them to end: pure.
///
/// ```
///            add: fewer than the limit                end
///           ┌─────────────────────────► ┌───────────┐ ────────► (gone; the oldest that waits takes its place)
///   ────────┤                           │ under way │
///           └────────► ┌─────────┐ ───► └───────────┘
///            add       │ waiting │  end of another       close: all are handed back, and nothing is taken any more
///                      └─────────┘
/// ```
///
/// Invariants: at most as many as the limit are under way; those that wait begin in the order added; none waits while
/// fewer are under way; each leaves once.
struct ConnectQueue<Attempt: AnyObject> {
  enum Decision: Equatable { case begin, wait, refuse }

  private let limit: Int
  private var underWay: [ObjectIdentifier: Attempt] = [:]
  private var waiting = FIFO<Attempt>()
  private var isClosed = false

  /// A queue for at most `limit` attempts at a time, at least one.
  init(limit: Int) { self.limit = max(1, limit) }

  /// Takes an attempt; says what the caller does with it.
  mutating func add(_ attempt: Attempt) -> Decision {
    if isClosed { return .refuse }
    if underWay.count < limit {
      underWay[ObjectIdentifier(attempt)] = attempt
      return .begin
    }
    waiting.append(attempt)
    return .wait
  }

  /// An attempt has ended; returns one that the caller begins in its place.
  mutating func end(_ attempt: Attempt) -> Attempt? {
    guard underWay.removeValue(forKey: ObjectIdentifier(attempt)) != nil, let next = waiting.popFirst() else {
      return nil
    }
    underWay[ObjectIdentifier(next)] = next
    return next
  }

  /// Hands back all attempts, and takes no more: the caller ends those that are under way, and fails those that waited.
  mutating func close() -> (underWay: [Attempt], waiting: [Attempt]) {
    isClosed = true
    var waited: [Attempt] = []
    while let attempt = waiting.popFirst() { waited.append(attempt) }
    return (Array(underWay.values), waited)
  }
}
