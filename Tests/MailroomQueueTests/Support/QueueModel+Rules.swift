import MailroomQueue

/// What a queue must do, whatever its steps are: each violation ends the search.
extension QueueModel {
  /// What must never happen.
  enum Violation: Error, Hashable {
    /// Not exactly one of these holds: the word is idle; somebody owes a wake; a permit is there; somebody consumes.
    case notOneConsumer(Int)
    /// The closed bit is not as it should be.
    case closedBit
    /// A push succeeded after the queue was closed.
    case acceptedAfterClosing
    /// A push was refused though the queue was open, or handed back an element twice.
    case refused
    /// An element came out of turn, or twice, or was never accepted.
    case notTheOldest
    /// An element came after the one that was pushed last.
    case notLast
    /// A node was used that is free, or the list has no end.
    case brokenList
    /// The consumer went to sleep twice.
    case sleptTwice
    /// Nothing can happen any more, but elements are queued, or nodes in use.
    case lost
  }

  func accept(_ element: Int, _ last: Bool, _ state: inout State) throws(Violation) {
    if state.isClosed { throw .acceptedAfterClosing }
    state.queued[Int(state.queuedCount)] = element
    state.queuedCount += 1
    state.isClosed = last
  }

  func refuse(_ element: Int, _ state: inout State) throws(Violation) {
    if !state.isClosed || state.settled & 1 << element != 0 { throw .refused }
    state.settled |= 1 << element
  }

  func deliver(_ element: Int, _ state: inout State) throws(Violation) {
    if element == 0 { throw .brokenList }
    if state.queuedCount == 0 || state.queued[0] != element { throw .notTheOldest }
    state.queued.removeFirst()
    state.queuedCount -= 1
    try settle(element, &state)
    state.hasEnded = lasts & 1 << element != 0
  }

  func settle(_ element: Int, _ state: inout State) throws(Violation) {
    if state.hasEnded { throw .notLast }
    if state.settled & 1 << element != 0 { throw .notTheOldest }
    state.settled |= 1 << element
  }

  /// One bit for each element that is pushed with `pushLast`.
  private var lasts: UInt16 {
    var lasts: UInt16 = 0
    for (index, program) in programs.enumerated() {
      if case .producer(let count, last: true, _) = program { lasts |= 1 << (firstElements[index] + count - 1) }
    }
    return lasts
  }

  func check(_ state: State) throws(Violation) {
    var consumers = Int(state.permits) + (state.word.isIdle ? 1 : 0)
    for thread in state.threads where thread.isConsumer || thread.step == .wake { consumers += 1 }
    if consumers != 1 { throw .notOneConsumer(consumers) }
    if state.word.isClosed != state.isClosed { throw .closedBit }
  }

  /// Checks a state in which no thread has a step.
  func checkEnd(_ state: State) throws(Violation) {
    if state.queuedCount != 0 || state.content != Numbers() || state.taken != 0 { throw .lost }
    if state.settled.nonzeroBitCount != elementCount { throw .lost }
  }
}
