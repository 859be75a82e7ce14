internal import MailroomQueue

/// The requests of one connection that wait for their answer.
///
/// Loop-confined, pure. Invariants:
/// 1. A sink leaves the table exactly once: by ``take(_:)``, ``takeExpired(now:)`` or ``takeAll()``; whoever takes it completes it.
/// 2. No two requests that are pending have the same id, and an id comes back only after 2^31 uses of its slot.
/// 3. ``earliestDeadline`` is not later than the deadline of any pending request. It may be earlier: answered requests are not
///    searched for; ``takeExpired(now:)`` makes it exact.
struct PendingReplies: ~Copyable {
  /// The sinks, with their deadlines in nanoseconds beside them.
  private var sinks = SlotTable<ReplySink>()
  private let limit: Int
  /// No pending request's deadline is earlier.
  private(set) var earliestDeadline = MonotonicTime.distantFuture

  /// An empty table for at most `limit` requests at a time.
  init(limit: Int) {
    self.limit = min(limit, SlotTable<ReplySink>.mostElements)
  }

  /// How many requests are pending.
  var count: Int { sinks.count }
  /// Whether the table is at its limit.
  var isFull: Bool { sinks.count >= limit }

  /// Adds a request; nil, and the sink is gone, when the table is full.
  mutating func insert(_ sink: consuming ReplySink, deadline: MonotonicTime) -> Int64? {
    isFull ? nil : add(consume sink, deadline: deadline)
  }

  /// Adds a request to a table that is not full.
  @inline(__always)
  mutating func add(_ sink: consuming ReplySink, deadline: MonotonicTime) -> Int64 {
    if deadline < earliestDeadline { earliestDeadline = deadline }
    return sinks.insert(consume sink, note: deadline.nanoseconds)
  }

  /// Whether the request with this id is pending.
  func contains(_ id: Int64) -> Bool { sinks.index(of: id) != nil }

  /// Who waits for the answer to the request with this id; nil when it is not pending.
  func sink(of id: Int64) -> ReplySink? {
    guard let index = sinks.index(of: id) else { return nil }
    return sinks[index]
  }

  /// Takes the request with this id out; nil when it is not pending, or never was.
  @inline(__always)
  mutating func take(_ id: Int64) -> ReplySink? { sinks.take(id) }

  /// Takes out every request whose deadline is not after `now`, the earliest deadline first.
  mutating func takeExpired(now: MonotonicTime) -> [(id: Int64, sink: ReplySink)] {
    var expired: [(deadline: MonotonicTime, id: Int64, sink: ReplySink)] = []
    earliestDeadline = .distantFuture
    for index in 0..<sinks.slots {
      guard let id = sinks.id(at: index) else { continue }
      let deadline = MonotonicTime(nanoseconds: sinks.note(at: index))
      if deadline <= now {
        if let sink = sinks.takeSlot(index) { expired.append((deadline, id, sink)) }
      } else if deadline < earliestDeadline {
        earliestDeadline = deadline
      }
    }
    return expired.sorted { $0.deadline < $1.deadline }.map { ($0.id, $0.sink) }
  }

  /// Takes every request out.
  mutating func takeAll() -> [ReplySink] {
    earliestDeadline = .distantFuture
    var all: [ReplySink] = []
    for index in 0..<sinks.slots {
      if let sink = sinks.takeSlot(index) { all.append(sink) }
    }
    return all
  }
}
