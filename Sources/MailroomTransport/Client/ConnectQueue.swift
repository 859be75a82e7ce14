internal import MailroomQueue

/// Which attempts to connect are under way, and which wait for one of them to end: pure.
///
/// ```
///            add: there is room                       end
///           ┌─────────────────────────► ┌───────────┐ ────────► (gone; one that waits takes its place)
///   ────────┤                           │ under way │
///           └────────► ┌─────────┐ ───► └───────────┘
///            add       │ waiting │  end of another       close: all are handed back, and nothing is taken any more
///                      └─────────┘
/// ```
///
/// Doubtful attempts are those whose last one failed: a peer that does not answer at all keeps its place for the whole timeout. They
/// have half of the places at the most, so that others do not wait for them.
///
/// Invariants: at most as many as the limit are under way, and half as many, or one, of the doubtful ones; those that wait begin in
/// the order added, doubtful ones and others in turns; none waits while there is room for it; each leaves once.
struct ConnectQueue<Attempt: AnyObject> {
  enum Decision: Equatable { case begin, wait, refuse }

  /// The attempts of one kind.
  private struct Lane {
    let limit: Int
    var underWay: [ObjectIdentifier: Attempt] = [:]
    var waiting = FIFO<Attempt>()

    /// Whether one that waits may begin, if there is any room at all.
    var isReady: Bool { !waiting.isEmpty && underWay.count < limit }

    mutating func begin(_ attempt: Attempt) { underWay[ObjectIdentifier(attempt)] = attempt }
  }

  private let limit: Int
  private var others: Lane
  private var doubtful: Lane
  /// Whether doubtful attempts are the next to have a turn.
  private var isDoubtfulNext = false
  private var isClosed = false

  /// A queue for at most `limit` attempts at a time, at least one.
  init(limit: Int) {
    self.limit = max(1, limit)
    others = Lane(limit: self.limit)
    doubtful = Lane(limit: max(1, self.limit / 2))
  }

  /// Takes an attempt; says what the caller does with it.
  mutating func add(_ attempt: Attempt, isDoubtful: Bool = false) -> Decision {
    if isClosed { return .refuse }
    return isDoubtful ? add(attempt, to: &doubtful, beside: others) : add(attempt, to: &others, beside: doubtful)
  }

  private func add(_ attempt: Attempt, to lane: inout Lane, beside other: Lane) -> Decision {
    if lane.underWay.count < lane.limit && lane.underWay.count + other.underWay.count < limit {
      lane.begin(attempt)
      return .begin
    }
    lane.waiting.append(attempt)
    return .wait
  }

  /// An attempt has ended; returns one that the caller begins in its place.
  mutating func end(_ attempt: Attempt) -> Attempt? {
    let id = ObjectIdentifier(attempt)
    guard (others.underWay.removeValue(forKey: id) ?? doubtful.underWay.removeValue(forKey: id)) != nil else {
      return nil
    }
    if others.isReady && doubtful.isReady { isDoubtfulNext.toggle() } else { isDoubtfulNext = doubtful.isReady }
    guard let next = isDoubtfulNext ? doubtful.waiting.popFirst() : others.waiting.popFirst() else { return nil }
    if isDoubtfulNext { doubtful.begin(next) } else { others.begin(next) }
    return next
  }

  /// Hands back all attempts, and takes no more: the caller ends those that are under way, and fails those that waited.
  mutating func close() -> (underWay: [Attempt], waiting: [Attempt]) {
    isClosed = true
    var waited: [Attempt] = []
    while let attempt = others.waiting.popFirst() ?? doubtful.waiting.popFirst() { waited.append(attempt) }
    return (Array(others.underWay.values) + Array(doubtful.underWay.values), waited)
  }
}
