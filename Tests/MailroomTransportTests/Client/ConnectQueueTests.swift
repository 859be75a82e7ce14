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
