import MailroomQueue
import Synchronization
import TestSupport
import XCTest

/// What happens to the queue between threads.
///
/// What the consumer writes is deliberately not atomic: that it comes out right, and that the thread sanitizer has nothing
/// to say, shows that there is one consumer at a time and that the queue orders one after the other. Threads that race
/// assert nothing before they are done, because that might order them, and assertions are not looked at by the sanitizer:
/// they count.
final class MPSCQueueThreadTests: XCTestCase {
  private struct Message: Sendable, Equatable {
    var producer: Int
    var number: Int
  }

  /// Whether each producer's messages are there, in order, from zero up to as many as it has.
  private func assertOrdered(
    _ messages: [Message], counts: [Int], file: StaticString = #filePath, line: UInt = #line
  ) {
    var next = Array(repeating: 0, count: counts.count)
    for (index, message) in messages.enumerated() {
      guard next[message.producer] == message.number else {
        XCTFail("at \(index): \(message), expected number \(next[message.producer])", file: file, line: line)
        return
      }
      next[message.producer] += 1
    }
    XCTAssertEqual(next, counts, file: file, line: line)
  }

  // MARK: Order and wakes

  func testQueueKeepsEachProducersOrderWhenEightPush() throws {
    let count = 10_000
    let consumed = ConsumedQueue<Message>()
    let received = Received<Message>()
    let consumer = try consumed.startConsumer { received.append($0) }
    try race(8, "producer") { producer in
      var refused = 0
      for number in 0..<count where consumed.push(Message(producer: producer, number: number)) != nil { refused += 1 }
      XCTAssertEqual(refused, 0)
    }
    consumed.close()
    consumed.join(consumer)
    assertOrdered(received.elements, counts: Array(repeating: count, count: 8))
    XCTAssertEqual(consumed.wakes, consumed.sleeps + 1)
  }

  func testQueueKeepsOrderWhenConsumerTakesFewAtATime() throws {
    let count = 4_000
    let consumed = ConsumedQueue<Message>()
    let received = Received<Message>()
    let consumer = try consumed.startConsumer(limit: 3) { received.append($0) }
    try race(8, "producer") { producer in
      var refused = 0
      for number in 0..<count where consumed.push(Message(producer: producer, number: number)) != nil { refused += 1 }
      XCTAssertEqual(refused, 0)
    }
    consumed.close()
    consumed.join(consumer)
    assertOrdered(received.elements, counts: Array(repeating: count, count: 8))
    XCTAssertEqual(consumed.wakes, consumed.sleeps + 1)
  }

  func testQueueWakesConsumerOncePerSleepWhenProducersWaitForIt() throws {
    // Each producer waits until its message was taken, so the queue is empty most of the time and its edges are raced for.
    let count = 500
    let consumed = ConsumedQueue<Message>()
    let parkers = (0..<4).map { _ in Shared(Parker()) }
    let received = Received<Message>()
    let consumer = try consumed.startConsumer { message in
      received.append(message)
      parkers[message.producer].value.unpark()
    }
    try race(4, "producer") { producer in
      for number in 0..<count {
        guard consumed.push(Message(producer: producer, number: number)) == nil else { return XCTFail("refused") }
        parkers[producer].value.park()
      }
    }
    consumed.close()
    consumed.join(consumer)
    assertOrdered(received.elements, counts: Array(repeating: count, count: 4))
    XCTAssertEqual(consumed.wakes, consumed.sleeps + 1)
  }

  func testEachPushWakesConsumerWhenItSleptBefore() throws {
    let count = 200
    let consumed = ConsumedQueue<Int>()
    let received = Received<Int>()
    let consumer = try consumed.startConsumer { received.append($0) }
    for number in 0..<count {
      XCTAssertNil(consumed.push(number))
      guard eventually("sleep \(number)", { consumed.sleeps > number }) else { break }
      XCTAssertEqual(consumed.wakes, number + 1)
    }
    consumed.close()
    consumed.join(consumer)
    XCTAssertEqual(received.elements, Array(0..<count))
    XCTAssertEqual(consumed.wakes, count + 1)
    XCTAssertEqual(consumed.sleeps, count)
  }

  func testConsumerNeedsNoWakeWhenItIsAwake() throws {
    let consumed = ConsumedQueue<Int>()
    let received = Received<Int>()
    let isTaking = Signal("the consumer to take the first")
    let mayGoOn = Shared(Parker())
    let consumer = try consumed.startConsumer { element in
      received.append(element)
      guard element == 0 else { return }
      isTaking.fire()
      mayGoOn.value.park()
    }
    XCTAssertNil(consumed.push(0))
    isTaking.wait()
    try race(4, "producer") { producer in XCTAssertNil(consumed.push(producer + 1)) }
    XCTAssertEqual(consumed.wakes, 1)
    consumed.close()
    mayGoOn.value.unpark()
    consumed.join(consumer)
    XCTAssertEqual(received.elements.count, 5)
    XCTAssertEqual(consumed.wakes, 1)
    XCTAssertEqual(consumed.sleeps, 0)
  }

  // MARK: Closing

  func testCloseDuringPushesHandsBackWhatIsNotAccepted() throws {
    let count = 200
    for round in 0..<25 {
      let consumed = ConsumedQueue<Message>()
      let received = Received<Message>()
      let accepted = Shared(Locked(Array(repeating: 0, count: 4)))
      let refused = Shared(Locked(Array(repeating: 0, count: 4)))
      let consumer = try consumed.startConsumer { received.append($0) }
      try race(5, "closer-and-producers") { index in
        if index == 4 {
          // Closes after a while that differs from round to round.
          for _ in 0..<round { ThreadID.yield() }
          return consumed.close()
        }
        var (acceptedCount, refusedCount, wrong) = (0, 0, 0)
        for number in 0..<count {
          let message = Message(producer: index, number: number)
          if let returned = consumed.push(message) {
            if returned != message { wrong += 1 }
            refusedCount += 1
          } else {
            if refusedCount > 0 { wrong += 1 }
            acceptedCount += 1
          }
        }
        XCTAssertEqual(wrong, 0, "handed back another element, or accepted one after another was refused")
        accepted.value.withLock { [acceptedCount] in $0[index] = acceptedCount }
        refused.value.withLock { [refusedCount] in $0[index] = refusedCount }
      }
      guard consumed.join(consumer) else { return }
      let acceptedCounts = accepted.value.withLock { $0 }
      let refusedCounts = refused.value.withLock { $0 }
      for producer in 0..<4 { XCTAssertEqual(acceptedCounts[producer] + refusedCounts[producer], count) }
      assertOrdered(received.elements, counts: acceptedCounts)
      XCTAssertEqual(consumed.wakes, consumed.sleeps + 1)
    }
  }

  func testPushLastIsLastWhenProducersRace() throws {
    for _ in 0..<25 {
      let consumed = ConsumedQueue<Message>()
      let received = Received<Message>()
      let accepted = Shared(Locked(Array(repeating: 0, count: 5)))
      let consumer = try consumed.startConsumer { received.append($0) }
      try race(5, "producer") { producer in
        let count = producer == 4 ? 20 : 100
        var acceptedCount = 0
        for number in 0..<count {
          let last = producer == 4 && number == count - 1
          if consumed.push(Message(producer: producer, number: number), last: last) == nil { acceptedCount += 1 }
        }
        accepted.value.withLock { [acceptedCount] in $0[producer] = acceptedCount }
      }
      guard consumed.join(consumer) else { return }
      let counts = accepted.value.withLock { $0 }
      XCTAssertEqual(counts[4], 20)
      assertOrdered(received.elements, counts: counts)
      XCTAssertEqual(received.elements.last, Message(producer: 4, number: 19))
      XCTAssertEqual(consumed.wakes, consumed.sleeps + 1)
    }
  }

  func testPushLastIsAcceptedOnceWhenSeveralRace() throws {
    for _ in 0..<25 {
      let consumed = ConsumedQueue<Int>()
      let received = Received<Int>()
      let accepted = Shared(Atomic(0))
      let consumer = try consumed.startConsumer { received.append($0) }
      try race(4, "producer") { producer in
        if let returned = consumed.push(producer, last: true) {
          XCTAssertEqual(returned, producer)
        } else {
          accepted.value.add(1, ordering: .relaxed)
        }
      }
      guard consumed.join(consumer) else { return }
      XCTAssertEqual(accepted.value.load(ordering: .relaxed), 1)
      XCTAssertEqual(received.elements.count, 1)
      XCTAssertEqual(consumed.wakes, 1)
      XCTAssertEqual(consumed.sleeps, 0)
    }
  }

  func testCloseAnswersOneCallerThatConsumerMustRunWhenSeveralRace() throws {
    for _ in 0..<25 {
      let queue = Shared(MPSCQueue<Int>())
      let duties = Shared(Atomic(0))
      try race(4, "closer") { _ in
        if queue.value.close() { duties.value.add(1, ordering: .relaxed) }
      }
      XCTAssertEqual(duties.value.load(ordering: .relaxed), 1)
    }
  }

  // MARK: The consumer's role moves

  func testConsumerSeesWhatTheOneBeforeItDidWhenPushersConsume() throws {
    // Whoever must wake the consumer becomes it, so that the role moves between all threads.
    let count = 10_000
    let queue = Shared(MPSCQueue<Message>())
    let received = Shared(Confined<[Message]>([]))
    let turns = Shared(Confined(0))
    let sleeps = Shared(Confined(0))
    try race(8, "producer") { producer in
      for number in 0..<count {
        guard case .wake = queue.value.push(Message(producer: producer, number: number)) else { continue }
        turns.value.value += 1
        repeat {
          sleeps.value.value += 1
          while let message = queue.value.popFirst() { received.value.value.append(message) }
          sleeps.value.value -= 1
        } while queue.value.sleep() == .notEmpty
      }
    }
    assertOrdered(received.value.value, counts: Array(repeating: count, count: 8))
    XCTAssertEqual(sleeps.value.value, 0)
    XCTAssertGreaterThan(turns.value.value, 0)
    XCTAssertTrue(queue.value.beginTurn(), "the last consumer sleeps")
  }

  func testTurnsExcludeEachOtherWhenThreadsRaceForThem() throws {
    let queue = Shared(MPSCQueue<Int>())
    let counter = Shared(Confined(0))
    try race(8, "turn") { _ in
      var (turns, awake) = (0, 0)
      while turns < 5_000 {
        guard queue.value.beginTurn() else {
          ThreadID.yield()
          continue
        }
        counter.value.value += 1
        turns += 1
        if queue.value.sleep() != .asleep { awake += 1 }
      }
      XCTAssertEqual(awake, 0)
    }
    XCTAssertEqual(counter.value.value, 8 * 5_000)
  }

  func testTurnsInPlaceExcludeTheConsumerWhenProducersRace() throws {
    let count = 4_000
    let consumed = ConsumedQueue<Message>()
    let received = Received<Message>()
    let consumer = try consumed.startConsumer { received.append($0) }
    try race(6, "sender") { sender in
      var refused = 0
      for number in 0..<count {
        // The first four queue; the others deliver in place where they can.
        let message = Message(producer: sender, number: number)
        if sender < 4 || !consumed.inPlace({ received.append(message) }) {
          if consumed.push(message) != nil { refused += 1 }
        }
        if number % 16 == 0 { ThreadID.yield() }
      }
      XCTAssertEqual(refused, 0)
    }
    consumed.close()
    consumed.join(consumer)
    assertOrdered(received.elements, counts: Array(repeating: count, count: 6))
    XCTAssertEqual(consumed.wakes + consumed.turns, consumed.sleeps + 1)
  }

  func testTurnInPlaceLeavesWhatIsPushedMeanwhileToTheConsumer() throws {
    let consumed = ConsumedQueue<Int>()
    let received = Received<Int>()
    let consumer = try consumed.startConsumer { received.append($0) }
    XCTAssertTrue(
      consumed.inPlace {
        received.append(0)
        XCTAssertNil(consumed.push(1))
        XCTAssertFalse(consumed.inPlace { XCTFail("two consumers") })
      })
    consumed.close()
    consumed.join(consumer)
    XCTAssertEqual(received.elements, [0, 1])
    XCTAssertEqual(consumed.turns, 1)
    XCTAssertEqual(consumed.wakes + consumed.turns, consumed.sleeps + 1)
  }

  // MARK: Lifetimes

  func testObjectsAreDroppedOnceWhenQueueClosesDuringPushes() throws {
    let count = 500
    let lifetimes = Lifetimes(4 * count)
    let consumed = ConsumedQueue<TrackedObject>()
    let consumer = try consumed.startConsumer { _ in }
    let halfway = Shared(Atomic(0))
    try race(5, "closer-and-producers") { index in
      if index == 4 {
        eventually("half of the pushes") { halfway.value.load(ordering: .relaxed) >= 2 * count }
        return consumed.close()
      }
      for number in 0..<count {
        _ = consumed.push(TrackedObject(index * count + number, lifetimes))
        halfway.value.add(1, ordering: .relaxed)
      }
    }
    consumed.join(consumer)
    lifetimes.assertAllDroppedOnce()
  }

  func testValuesAreDroppedOnceWhenProducersRaceAndSomeAreLeft() throws {
    let count = 500
    let lifetimes = Lifetimes(4 * count)
    do {
      let queue = Shared(MPSCQueue<TrackedValue>())
      XCTAssertTrue(queue.value.beginTurn())
      try race(5, "producer-and-consumer") { index in
        if index == 4 {
          // As many as happen to be there, at most half.
          for _ in 0..<count where queue.value.drain(limit: 4, { _ in }) == 0 { ThreadID.yield() }
          return
        }
        for number in 0..<count { _ = queue.value.push(TrackedValue(index * count + number, lifetimes)) }
      }
    }
    lifetimes.assertAllDroppedOnce()
  }
}

/// What a consumer got, for the consumer to write without a lock, and for a test to read once the threads were joined.
private final class Received<Element: Sendable>: Sendable {
  private let confined = Confined<[Element]>([])

  var elements: [Element] { confined.value }

  func append(_ element: Element) { confined.value.append(element) }
}
