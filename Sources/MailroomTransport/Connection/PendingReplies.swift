internal import MailroomQueue

/// The requests of one connection that wait for their answer.
///
/// A table of slots, not a dictionary: a request id is a slot's index and the slot's generation, so an answer finds its
/// request by an index and a compare, and an answer that comes late meets another generation and is known as such.
///
/// Loop-confined, pure. Invariants:
/// 1. A sink leaves the table exactly once: by ``take(_:)``, ``takeExpired(now:)`` or ``takeAll()``; whoever takes it completes it.
/// 2. No two requests that are pending have the same id, and an id comes back only after 2^31 uses of its slot.
/// 3. ``earliestDeadline`` is not later than the deadline of any pending request. It may be earlier: answered requests are not
///    searched for; ``takeExpired(now:)`` makes it exact.
struct PendingReplies {
  private static let slotBits: Int64 = 24
  private static let slotMask: Int64 = (1 << slotBits) - 1

  private struct Slot {
    var sink: ReplySink?
    var generation: Int64
    var deadline: MonotonicTime
    var nextFree: Int
  }

  private var slots: [Slot] = []
  private var firstFree = -1
  private let limit: Int
  /// How many requests are pending.
  private(set) var count = 0
  /// No pending request's deadline is earlier.
  private(set) var earliestDeadline = MonotonicTime.distantFuture

  /// An empty table for at most `limit` requests at a time.
  init(limit: Int) {
    self.limit = min(limit, Int(Self.slotMask))
  }

  /// Whether the table is at its limit.
  var isFull: Bool { count >= limit }

  /// Adds a request; nil, and the sink is gone, when the table is full.
  mutating func insert(_ sink: consuming ReplySink, deadline: MonotonicTime) -> Int64? {
    if isFull { return nil }
    let index: Int
    if firstFree >= 0 {
      index = firstFree
      firstFree = slots[index].nextFree
      slots[index].sink = consume sink
      slots[index].deadline = deadline
    } else {
      index = slots.count
      slots.append(Slot(sink: consume sink, generation: 1, deadline: deadline, nextFree: -1))
    }
    count += 1
    if deadline < earliestDeadline { earliestDeadline = deadline }
    return slots[index].generation << Self.slotBits | Int64(index)
  }

  /// Whether the request with this id is pending.
  func contains(_ id: Int64) -> Bool {
    let index = Int(id & Self.slotMask)
    return id >= 0 && index < slots.count && slots[index].generation == id >> Self.slotBits && slots[index].sink != nil
  }

  /// Who waits for the answer to the request with this id; nil when it is not pending.
  func sink(of id: Int64) -> ReplySink? { contains(id) ? slots[Int(id & Self.slotMask)].sink : nil }

  /// Takes the request with this id out; nil when it is not pending, or never was.
  mutating func take(_ id: Int64) -> ReplySink? {
    let index = Int(id & Self.slotMask)
    guard id >= 0, index < slots.count, slots[index].generation == id >> Self.slotBits else { return nil }
    return free(index)
  }

  /// Takes out every request whose deadline is not after `now`, the earliest deadline first.
  mutating func takeExpired(now: MonotonicTime) -> [(id: Int64, sink: ReplySink)] {
    var expired: [(deadline: MonotonicTime, id: Int64, sink: ReplySink)] = []
    earliestDeadline = .distantFuture
    for index in slots.indices where slots[index].sink != nil {
      if slots[index].deadline <= now {
        let (deadline, id) = (slots[index].deadline, slots[index].generation << Self.slotBits | Int64(index))
        if let sink = free(index) { expired.append((deadline, id, sink)) }
      } else if slots[index].deadline < earliestDeadline {
        earliestDeadline = slots[index].deadline
      }
    }
    return expired.sorted { $0.deadline < $1.deadline }.map { ($0.id, $0.sink) }
  }

  /// Takes every request out.
  mutating func takeAll() -> [ReplySink] {
    earliestDeadline = .distantFuture
    return slots.indices.compactMap { free($0) }
  }

  private mutating func free(_ index: Int) -> ReplySink? {
    guard let sink = slots[index].sink.take() else { return nil }
    slots[index].generation = (slots[index].generation + 1) & 0x7FFF_FFFF
    slots[index].nextFree = firstFree
    firstFree = index
    count -= 1
    return sink
  }
}
