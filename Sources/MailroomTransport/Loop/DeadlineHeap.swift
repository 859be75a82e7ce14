internal import MailroomQueue

/// What shall happen when, soonest first: a binary heap of deadlines.
///
/// Pure; loop-confined.
///
/// Setting is O(log n). Cancelling is O(1): the entry stays in the heap and is skipped when it comes up, and the heap is
/// rebuilt when more than half of it is cancelled, so that it stays proportional to what is set.
struct DeadlineHeap<Action> {
  /// Names an entry, to cancel it.
  ///
  /// Never reused.
  struct ID: Hashable {
    fileprivate let number: UInt64
  }

  private struct Entry {
    let deadline: MonotonicTime
    let id: ID
  }

  private var entries: [Entry] = []
  private var actions: [ID: Action] = [:]
  private var lastNumber: UInt64 = 0

  /// How many entries are set.
  var count: Int { actions.count }

  /// The soonest deadline that is set, or nil.
  mutating func nextDeadline() -> MonotonicTime? {
    dropCancelled()
    return entries.first?.deadline
  }

  /// Sets an entry.
  ///
  /// Entries of one deadline come up in the order set.
  mutating func insert(_ action: Action, at deadline: MonotonicTime) -> ID {
    lastNumber += 1
    let id = ID(number: lastNumber)
    actions[id] = action
    entries.append(Entry(deadline: deadline, id: id))
    siftUp(entries.count - 1)
    return id
  }

  /// Cancels an entry; says whether it was still set.
  @discardableResult
  mutating func cancel(_ id: ID) -> Bool {
    guard actions.removeValue(forKey: id) != nil else { return false }
    if entries.count > 64 && entries.count > 2 * actions.count {
      let kept = entries.filter { actions[$0.id] != nil }.sorted(by: Self.isBefore)
      entries = kept
    }
    return true
  }

  /// Takes out the soonest entry whose deadline is not after `now`, or returns nil.
  mutating func popDue(now: MonotonicTime) -> Action? {
    dropCancelled()
    guard let first = entries.first, first.deadline <= now else { return nil }
    removeFirst()
    return actions.removeValue(forKey: first.id)
  }

  private mutating func dropCancelled() {
    while let first = entries.first, actions[first.id] == nil { removeFirst() }
  }

  private static func isBefore(_ left: Entry, _ right: Entry) -> Bool {
    (left.deadline, left.id.number) < (right.deadline, right.id.number)
  }

  private mutating func removeFirst() {
    guard let last = entries.popLast(), !entries.isEmpty else { return }
    entries[0] = last
    siftDown(0)
  }

  private mutating func siftUp(_ start: Int) {
    var child = start
    while child > 0 {
      let parent = (child - 1) / 2
      if !Self.isBefore(entries[child], entries[parent]) { return }
      entries.swapAt(child, parent)
      child = parent
    }
  }

  private mutating func siftDown(_ start: Int) {
    var parent = start
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count {
        if Self.isBefore(entries[child], entries[least]) { least = child }
      }
      if least == parent { return }
      entries.swapAt(parent, least)
      parent = least
    }
  }
}
