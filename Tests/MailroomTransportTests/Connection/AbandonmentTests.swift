import Foundation
import TestSupport
import XCTest

@testable import MailroomTransport

final class AbandonmentTests: XCTestCase {
  private let calls = Box<[String]>([])

  private func watch(_ abandonment: borrowing Abandonment, _ id: Int64, _ name: String) {
    abandonment.watch(id) { [calls] in calls.append(name) }
  }

  func testWatchersOfACancelledRequestAreCalledOnce() {
    let abandonment = Abandonment()
    watch(abandonment, 1, "1 first")
    watch(abandonment, 1, "1 second")
    watch(abandonment, 2, "2")
    XCTAssertFalse(abandonment.isAbandoned(1))
    abandonment.cancel(1)
    abandonment.cancel(1)
    XCTAssertEqual(calls.value, ["1 first", "1 second"])
    XCTAssertTrue(abandonment.isAbandoned(1))
    XCTAssertFalse(abandonment.isAbandoned(2))
    watch(abandonment, 1, "1 late")
    XCTAssertEqual(calls.value, ["1 first", "1 second", "1 late"])
  }

  func testAnsweredRequestsAreForgotten() {
    let abandonment = Abandonment()
    watch(abandonment, 1, "1")
    abandonment.forgetWatchers(1)
    abandonment.cancel(1)
    XCTAssertEqual(calls.value, [])
    XCTAssertTrue(abandonment.takeCancelled(1))
    XCTAssertFalse(abandonment.takeCancelled(1))
    XCTAssertFalse(abandonment.isAbandoned(1))
    watch(abandonment, 2, "2")
    abandonment.cancel(3)
    abandonment.clear()
    abandonment.cancel(2)
    XCTAssertEqual(calls.value, [])
    XCTAssertFalse(abandonment.isAbandoned(3))
  }

  func testEndAbandonsAll() {
    let abandonment = Abandonment()
    watch(abandonment, 1, "1")
    watch(abandonment, 2, "2")
    abandonment.cancel(1)
    abandonment.end()
    abandonment.end()
    XCTAssertEqual(calls.value, ["1", "2"])
    XCTAssertTrue(abandonment.isAbandoned(77))
    watch(abandonment, 3, "3")
    XCTAssertEqual(calls.value, ["1", "2", "3"])
    abandonment.clear()
    abandonment.cancel(4)
    XCTAssertTrue(abandonment.isAbandoned(5))
    XCTAssertFalse(abandonment.takeCancelled(4))
  }

  func testOnlyTheLatestCancellationsAreRemembered() {
    let abandonment = Abandonment()
    let limit = Int64(Abandonment.limit)
    for id in 0..<limit + 100 { abandonment.cancel(id) }
    for id in 0..<Int64(100) { XCTAssertFalse(abandonment.isAbandoned(id)) }
    for id in limit..<limit + 100 { XCTAssertTrue(abandonment.isAbandoned(id)) }
    // Those that are answered leave room, and nothing behind.
    for id in 1000..<6 * limit {
      abandonment.cancel(id)
      XCTAssertTrue(abandonment.takeCancelled(id))
    }
    XCTAssertTrue(abandonment.isAbandoned(100))
  }

  func testWatcherIsCalledOnceWhenThreadsRace() {
    for round in Int64(0)..<200 {
      let abandonment = Abandonment()
      let calls = Box(0)
      let done = Signal("a thread's end")
      for action in 0..<3 {
        Thread.detachNewThread {
          switch action {
          case 0: abandonment.watch(round) { calls.update { $0 += 1 } }
          case 1: abandonment.cancel(round)
          default: abandonment.end()
          }
          done.fire()
        }
      }
      done.wait(3)
      XCTAssertEqual(calls.value, 1)
    }
  }
}
