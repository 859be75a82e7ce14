import XCTest

@testable import MailroomTransport

final class ConnectQueueTests: XCTestCase {
  private final class Attempt {}

  func testAttemptsAboveTheLimitWaitTheirTurn() {
    var queue = ConnectQueue<Attempt>(limit: 2)
    let attempts = (0..<6).map { _ in Attempt() }
    XCTAssertEqual(attempts.map { queue.add($0) }, [.begin, .begin, .wait, .wait, .wait, .wait])
    XCTAssertTrue(queue.end(attempts[1]) === attempts[2])
    XCTAssertTrue(queue.end(attempts[2]) === attempts[3])
    XCTAssertNil(queue.end(attempts[2]), "it has ended")
    XCTAssertNil(queue.end(attempts[5]), "it has not begun")
    XCTAssertTrue(queue.end(attempts[0]) === attempts[4])
    XCTAssertTrue(queue.end(attempts[3]) === attempts[5])
    XCTAssertNil(queue.end(attempts[4]))
    XCTAssertEqual(queue.add(attempts[0]), .begin)
    XCTAssertEqual(queue.add(attempts[1]), .wait)
  }

  func testDoubtfulAttemptsLeaveHalfOfThePlacesToOthers() {
    var queue = ConnectQueue<Attempt>(limit: 4)
    let doubtful = (0..<5).map { _ in Attempt() }
    let others = (0..<5).map { _ in Attempt() }
    XCTAssertEqual(doubtful.map { queue.add($0, isDoubtful: true) }, [.begin, .begin, .wait, .wait, .wait])
    XCTAssertEqual(others.map { queue.add($0) }, [.begin, .begin, .wait, .wait, .wait])
    // While doubtful ones have their half, they are passed.
    XCTAssertTrue(queue.end(others[0]) === others[2])
    // When both may begin, they take turns.
    XCTAssertTrue(queue.end(doubtful[0]) === doubtful[2])
    XCTAssertTrue(queue.end(doubtful[1]) === others[3])
    XCTAssertTrue(queue.end(others[1]) === doubtful[3])
    XCTAssertTrue(queue.end(doubtful[2]) === others[4])
    // And each begins in the end.
    XCTAssertTrue(queue.end(others[2]) === doubtful[4])
    for attempt in [others[3], others[4], doubtful[3], doubtful[4]] { XCTAssertNil(queue.end(attempt)) }
    XCTAssertTrue(queue.close().underWay.isEmpty)
  }

  func testOnlyPlaceIsForDoubtfulAttemptsToo() {
    var queue = ConnectQueue<Attempt>(limit: 1)
    let attempts = (0..<3).map { _ in Attempt() }
    XCTAssertEqual(queue.add(attempts[0], isDoubtful: true), .begin)
    XCTAssertEqual(queue.add(attempts[1], isDoubtful: true), .wait)
    XCTAssertEqual(queue.add(attempts[2]), .wait)
    XCTAssertTrue(queue.end(attempts[0]) === attempts[1])
    let (underWay, waiting) = queue.close()
    XCTAssertEqual([underWay.count, waiting.count], [1, 1])
  }

  func testClosingHandsBackAllAndTakesNoMore() {
    var queue = ConnectQueue<Attempt>(limit: 1)
    let attempts = (0..<3).map { _ in Attempt() }
    for attempt in attempts { _ = queue.add(attempt) }
    let (underWay, waiting) = queue.close()
    XCTAssertTrue(underWay.count == 1 && underWay[0] === attempts[0])
    XCTAssertTrue(waiting.count == 2 && waiting[0] === attempts[1] && waiting[1] === attempts[2])
    XCTAssertEqual(queue.add(Attempt()), .refuse)
    XCTAssertNil(queue.end(attempts[0]))
    XCTAssertTrue(queue.close().waiting.isEmpty)
  }

  func testLimitIsAtLeastOne() {
    for limit in [0, -1, Int.min] {
      var queue = ConnectQueue<Attempt>(limit: limit)
      let attempts = (0..<2).map { _ in Attempt() }
      XCTAssertEqual(attempts.map { queue.add($0) }, [.begin, .wait])
      XCTAssertTrue(queue.end(attempts[0]) === attempts[1])
    }
  }
}
