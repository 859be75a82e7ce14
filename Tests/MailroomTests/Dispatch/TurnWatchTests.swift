import MailroomQueue
import XCTest

@testable import Mailroom

final class TurnWatchTests: XCTestCase {
  private func seconds(_ count: Double) -> MonotonicTime { MonotonicTime(nanoseconds: UInt64(count * 1e9) + 1000) }

  func testTurnIsReportedOnceWhenTheThresholdIsSpanned() {
    var watch = TurnWatch<String>(threshold: .seconds(5))
    XCTAssertEqual(watch.look(["a": 1], at: seconds(0)), [:])
    XCTAssertEqual(watch.look(["a": 1], at: seconds(2.5)), [:])
    XCTAssertEqual(watch.look(["a": 1], at: seconds(4.9)), [:])
    XCTAssertEqual(watch.look(["a": 1], at: seconds(7.5)), ["a": .milliseconds(7500)])
    XCTAssertEqual(watch.look(["a": 1], at: seconds(20)), [:], "once")
  }

  func testAnotherTurnBeginsAnew() {
    var watch = TurnWatch<String>(threshold: .seconds(5))
    _ = watch.look(["a": 1], at: seconds(0))
    XCTAssertEqual(watch.look(["a": 3], at: seconds(10)), [:], "the same endpoint at work is not stuck")
    XCTAssertEqual(watch.look([:], at: seconds(14)), [:])
    XCTAssertEqual(watch.look(["a": 3], at: seconds(16)), [:], "what was gone is forgotten")
    XCTAssertEqual(watch.look(["a": 3], at: seconds(21)), ["a": .seconds(5)])
    _ = watch.look(["a": 5], at: seconds(22))
    XCTAssertEqual(watch.look(["a": 5], at: seconds(27)), ["a": .seconds(5)], "the next turn is reported again")
  }

  func testTurnsAreWatchedByThemselves() {
    var watch = TurnWatch<String>(threshold: .seconds(2))
    _ = watch.look(["a": 1, "b": 7], at: seconds(0))
    _ = watch.look(["a": 1, "b": 9, "c": 1], at: seconds(1))
    XCTAssertEqual(watch.look(["a": 1, "b": 9, "c": 1], at: seconds(2)), ["a": .seconds(2)])
    XCTAssertEqual(watch.look(["a": 1, "b": 9, "c": 3], at: seconds(3)), ["b": .seconds(2)])
  }

  /// Looks at turns that change at random, beside a plain account of when each was first seen.
  func testReportsAreThoseOfAPlainAccount() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<200 {
      var watch = TurnWatch<Int>(threshold: .seconds(3))
      var turns: [Int: UInt] = [:]
      var firstSeen: [Int: Int] = [:]
      for time in 0..<30 {
        for key in 0..<4 where Int.random(in: 0..<4, using: &random) == 0 {
          turns[key] = Bool.random(using: &random) ? nil : UInt(2 * time + 1)
          firstSeen[key] = nil
        }
        var expected: [Int: Duration] = [:]
        for key in turns.keys {
          let first = firstSeen[key, default: time]
          firstSeen[key] = first
          if time - first == 3 { expected[key] = .seconds(3) }
        }
        XCTAssertEqual(watch.look(turns, at: seconds(Double(time))), expected)
      }
    }
  }
}
