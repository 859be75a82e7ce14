import MailroomQueue
import XCTest

/// What the queue answers, on one thread.
///
/// ``MPSCQueueThreadTests`` has what happens between threads.
final class MPSCQueueTests: XCTestCase {
  /// What a push answers, where it can be compared.
  private enum Answer: Equatable { case queued, wake, closed(Int) }

  private func answer(_ pushed: consuming MPSCQueue<Int>.Pushed) -> Answer {
    switch consume pushed {
    case .queued: .queued
    case .wake: .wake
    case .closed(let element): .closed(element)
    }
  }

  private func assertPops(
    _ expected: [Int], _ queue: borrowing MPSCQueue<Int>, file: StaticString = #filePath, line: UInt = #line
  ) {
    var popped: [Int] = []
    while let element = queue.popFirst() { popped.append(element) }
    XCTAssertEqual(popped, expected, file: file, line: line)
  }

  // MARK: Pushing

  func testPushAnswersWakeOnceWhenConsumerSleeps() {
    let queue = MPSCQueue<Int>()
    XCTAssertEqual(answer(queue.push(1)), .wake)
    XCTAssertEqual(answer(queue.push(2)), .queued)
    assertPops([1, 2], queue)
    XCTAssertEqual(answer(queue.push(3)), .queued, "the consumer is awake until it sleeps")
    assertPops([3], queue)
    XCTAssertEqual(queue.sleep(), .asleep)
    XCTAssertEqual(answer(queue.push(4)), .wake)
    assertPops([4], queue)
  }

  func testPushHandsElementBackWhenClosed() {
    let queue = MPSCQueue<Int>()
    XCTAssertTrue(queue.close())
    XCTAssertEqual(answer(queue.push(7)), .closed(7))
    XCTAssertEqual(answer(queue.pushLast(8)), .closed(8))
    assertPops([], queue)
  }

  func testPushLastWakesAndClosesWhenConsumerSleeps() {
    let queue = MPSCQueue<Int>()
    XCTAssertEqual(answer(queue.pushLast(1)), .wake)
    XCTAssertTrue(queue.isClosed)
    XCTAssertEqual(answer(queue.push(2)), .closed(2))
    assertPops([1], queue)
    XCTAssertEqual(queue.sleep(), .closed)
  }

  func testPushLastQueuesBehindTheOthersWhenConsumerIsAwake() {
    let queue = MPSCQueue<Int>()
    _ = queue.push(1)
    XCTAssertEqual(answer(queue.pushLast(2)), .queued)
    XCTAssertEqual(answer(queue.pushLast(3)), .closed(3))
    assertPops([1, 2], queue)
  }

  func testPushLastIsTakenAfterWhatWasTakenBefore() {
    let queue = MPSCQueue<Int>()
    for element in 1...3 { _ = queue.push(element) }
    XCTAssertEqual(queue.popFirst(), 1)
    _ = queue.pushLast(4)
    assertPops([2, 3, 4], queue)
  }

  // MARK: Taking

  func testPopFirstAnswersNilWhenNothingWasPushed() {
    assertPops([], MPSCQueue<Int>())
  }

  func testPopFirstKeepsOrderWhenPushesComeBetween() {
    let queue = MPSCQueue<Int>()
    for element in 1...3 { _ = queue.push(element) }
    XCTAssertEqual(queue.popFirst(), 1)
    for element in 4...5 { _ = queue.push(element) }
    assertPops([2, 3, 4, 5], queue)
  }

  func testDrainStopsAtItsLimit() {
    let queue = MPSCQueue<Int>()
    for element in 1...5 { _ = queue.push(element) }
    var drained: [Int] = []
    XCTAssertEqual(queue.drain(limit: 2) { drained.append($0) }, 2)
    XCTAssertEqual(drained, [1, 2])
    XCTAssertEqual(queue.drain(limit: 3) { drained.append($0) }, 3)
    XCTAssertEqual(drained, [1, 2, 3, 4, 5])
    XCTAssertTrue(queue.isEmpty)
  }

  func testDrainTakesNothingWhenItsLimitIsZero() {
    let queue = MPSCQueue<Int>()
    _ = queue.push(1)
    XCTAssertEqual(queue.drain(limit: 0) { _ in XCTFail("took one") }, 0)
    assertPops([1], queue)
  }

  func testDrainAnswersFewerThanItsLimitWhenQueueBecomesEmpty() {
    let queue = MPSCQueue<Int>()
    for element in 1...3 { _ = queue.push(element) }
    XCTAssertEqual(queue.drain(limit: 10) { _ in }, 3)
    XCTAssertEqual(queue.drain(limit: 10) { _ in XCTFail("took one") }, 0)
  }

  func testDrainGoesOnWithWhatItsBodyPushes() {
    let queue = MPSCQueue<Int>()
    _ = queue.push(1)
    var drained: [Int] = []
    let count = queue.drain(limit: 5) { element in
      drained.append(element)
      XCTAssertEqual(answer(queue.push(element + 1)), .queued)
    }
    XCTAssertEqual(count, 5)
    XCTAssertEqual(drained, [1, 2, 3, 4, 5])
    assertPops([6], queue)
  }

  func testIsEmptyLooksAtWhatIsTakenAndAtWhatIsPushed() {
    let queue = MPSCQueue<Int>()
    XCTAssertTrue(queue.isEmpty)
    for element in 1...2 { _ = queue.push(element) }
    XCTAssertFalse(queue.isEmpty)
    XCTAssertEqual(queue.popFirst(), 1)
    XCTAssertFalse(queue.isEmpty, "one is taken and not yet popped")
    XCTAssertEqual(queue.popFirst(), 2)
    XCTAssertTrue(queue.isEmpty)
    _ = queue.close()
    XCTAssertTrue(queue.isEmpty)
  }

  // MARK: Sleeping and turns

  func testSleepAnswersAsleepWhenConsumerSleepsAlready() {
    let queue = MPSCQueue<Int>()
    XCTAssertEqual(queue.sleep(), .asleep)
    XCTAssertEqual(answer(queue.push(1)), .wake, "it sleeps as before")
  }

  func testSleepAnswersNotEmptyWhenSomethingIsQueued() {
    let queue = MPSCQueue<Int>()
    for element in 1...2 { _ = queue.push(element) }
    XCTAssertEqual(queue.sleep(), .notEmpty)
    XCTAssertEqual(queue.popFirst(), 1)
    XCTAssertEqual(queue.sleep(), .notEmpty, "one is taken and not yet popped")
    XCTAssertEqual(queue.popFirst(), 2)
    XCTAssertEqual(queue.sleep(), .asleep)
  }

  func testSleepAnswersNotEmptyWhenClosedWithSomethingQueued() {
    let queue = MPSCQueue<Int>()
    _ = queue.push(1)
    _ = queue.close()
    XCTAssertEqual(queue.sleep(), .notEmpty)
    assertPops([1], queue)
    XCTAssertEqual(queue.sleep(), .closed)
    XCTAssertEqual(queue.sleep(), .closed)
  }

  func testBeginTurnSucceedsOnceWhenConsumerSleeps() {
    let queue = MPSCQueue<Int>()
    XCTAssertTrue(queue.beginTurn())
    XCTAssertFalse(queue.beginTurn(), "somebody is the consumer")
    XCTAssertEqual(answer(queue.push(1)), .queued, "and is awake")
    XCTAssertEqual(queue.sleep(), .notEmpty)
    assertPops([1], queue)
    XCTAssertFalse(queue.beginTurn())
    XCTAssertEqual(queue.sleep(), .asleep)
    XCTAssertTrue(queue.beginTurn())
  }

  func testTurnInWhichNothingIsTakenEndsLikeAnyOther() {
    let queue = MPSCQueue<Int>()
    XCTAssertTrue(queue.beginTurn())
    XCTAssertEqual(queue.endTurn(), .asleep)
    XCTAssertTrue(queue.beginTurn())
    XCTAssertEqual(answer(queue.push(1)), .queued)
    XCTAssertEqual(queue.endTurn(), .notEmpty)
    assertPops([1], queue)
    XCTAssertEqual(queue.sleep(), .asleep)
    XCTAssertTrue(queue.beginTurn())
    XCTAssertFalse(queue.close())
    XCTAssertEqual(queue.endTurn(), .closed)
  }

  func testBeginTurnIsRefusedWhenSomethingIsQueued() {
    let queue = MPSCQueue<Int>()
    _ = queue.push(1)
    XCTAssertFalse(queue.beginTurn())
  }

  func testBeginTurnIsRefusedWhenClosed() {
    let queue = MPSCQueue<Int>()
    _ = queue.close()
    XCTAssertFalse(queue.beginTurn())
  }

  // MARK: Closing

  func testCloseAnswersThatConsumerMustRunOnceWhenItSleeps() {
    let queue = MPSCQueue<Int>()
    XCTAssertFalse(queue.isClosed)
    XCTAssertTrue(queue.close())
    XCTAssertTrue(queue.isClosed)
    XCTAssertFalse(queue.close())
    XCTAssertEqual(queue.sleep(), .closed)
  }

  func testCloseWakesNobodyWhenConsumerIsAwake() {
    let queue = MPSCQueue<Int>()
    XCTAssertTrue(queue.beginTurn())
    XCTAssertFalse(queue.close())
    XCTAssertEqual(queue.sleep(), .closed)
  }

  func testCloseLeavesWhatIsQueuedToTheConsumer() {
    let queue = MPSCQueue<Int>()
    for element in 1...3 { _ = queue.push(element) }
    XCTAssertFalse(queue.close())
    assertPops([1, 2, 3], queue)
  }

  func testCloseHandsBackWhatIsLeftOldestFirst() {
    let queue = MPSCQueue<Int>()
    for element in 1...3 { _ = queue.push(element) }
    XCTAssertEqual(queue.popFirst(), 1)
    for element in 4...5 { _ = queue.push(element) }
    var left: [Int] = []
    queue.close { element in
      if left.isEmpty { XCTAssertEqual(answer(queue.push(9)), .closed(9), "closed before the first is handed back") }
      left.append(element)
    }
    XCTAssertEqual(left, [2, 3, 4, 5])
    XCTAssertTrue(queue.isClosed)
    XCTAssertEqual(queue.sleep(), .closed)
  }

  // MARK: Lifetimes

  func testQueueDropsWhatIsLeftWhenItEnds() {
    let lifetimes = Lifetimes(5)
    do {
      let queue = MPSCQueue<TrackedValue>()
      for index in 0..<3 { _ = queue.push(TrackedValue(index, lifetimes)) }
      _ = queue.popFirst()
      XCTAssertEqual(lifetimes.dropped, 1)
      // Two are taken, two are pushed.
      for index in 3..<5 { _ = queue.push(TrackedValue(index, lifetimes)) }
    }
    lifetimes.assertAllDroppedOnce()
  }

  func testQueueDropsObjectsWhenItEnds() {
    let lifetimes = Lifetimes(4)
    do {
      let queue = MPSCQueue<TrackedObject>()
      for index in 0..<3 { _ = queue.push(TrackedObject(index, lifetimes)) }
      let popped = queue.popFirst()
      XCTAssertEqual(popped?.index, 0)
      XCTAssertEqual(lifetimes.dropped, 0)
      _ = queue.pushLast(TrackedObject(3, lifetimes))
    }
    lifetimes.assertAllDroppedOnce()
  }

  func testRefusedElementIsDroppedOnce() {
    let lifetimes = Lifetimes(3)
    do {
      let queue = MPSCQueue<TrackedValue>()
      _ = queue.close()
      _ = queue.push(TrackedValue(0, lifetimes))
      XCTAssertEqual(lifetimes.dropped, 1)
      _ = queue.pushLast(TrackedValue(1, lifetimes))
      XCTAssertEqual(lifetimes.dropped, 2)
      guard case .closed(let returned) = queue.push(TrackedValue(2, lifetimes)) else { return XCTFail("accepted") }
      XCTAssertEqual(lifetimes.dropped, 2)
      XCTAssertEqual(returned.index, 2)
    }
    lifetimes.assertAllDroppedOnce()
  }

  func testDrainedElementsAreDroppedByTheirTaker() {
    let lifetimes = Lifetimes(4)
    let queue = MPSCQueue<TrackedValue>()
    for index in 0..<4 { _ = queue.push(TrackedValue(index, lifetimes)) }
    var expected = 0
    _ = queue.drain(limit: 3) { value in
      XCTAssertEqual(lifetimes.dropped, expected)
      XCTAssertEqual(value.index, expected)
      expected += 1
    }
    XCTAssertEqual(lifetimes.dropped, 3)
    queue.close { _ in }
    lifetimes.assertAllDroppedOnce()
  }

  func testQueueEndsWithoutRecursionWhenAMillionElementsAreLeft() throws {
    // Half of them taken and half of them not: both lists are long.
    try race(1, "million") { _ in
      let queue = MPSCQueue<Int>()
      for element in 0..<500_000 { _ = queue.push(element) }
      XCTAssertEqual(queue.popFirst(), 0)
      for element in 500_000...1_000_000 { _ = queue.push(element) }
    }
  }

  func testQueueTakesElementsOfAnySizeAndAlignment() {
    let wide = MPSCQueue<SIMD16<Double>>()
    for element in 1...3 { _ = wide.push(SIMD16(repeating: Double(element))) }
    for element in 1...3 { XCTAssertEqual(wide.popFirst(), SIMD16(repeating: Double(element))) }
    let empty = MPSCQueue<Void>()
    for _ in 1...3 { _ = empty.push(()) }
    XCTAssertEqual(empty.drain(limit: 10) { _ in }, 3)
  }
}
