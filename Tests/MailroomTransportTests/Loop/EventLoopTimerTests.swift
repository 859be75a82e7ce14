import MailroomQueue
import TestSupport
import XCTest

@testable import MailroomTransport

final class EventLoopTimerTests: TransportTestCase {
  private func makeLoop() throws -> EventLoop { try makeGroup().loops[0] }

  func testTimersAreNotEarlyAndComeUpInOrder() throws {
    let loop = try makeLoop()
    let early = Box<[Duration]>([])
    let order = Box<[Int]>([])
    let done = Signal("a timer")
    loop.execute {
      let now = MonotonicTime.now
      for index in (0..<40).reversed() {
        // A good deal of them between whole milliseconds.
        let deadline = now.advanced(by: .microseconds(index * 730))
        _ = loop.schedule(at: deadline) {
          let time = MonotonicTime.now
          if time < deadline { early.append(deadline.since(time)) }
          order.append(index)
          done.fire()
        }
      }
    }
    done.wait(40)
    XCTAssertEqual(early.value, [])
    XCTAssertEqual(order.value, Array(0..<40))
  }

  func testTimerOfThePastComesUpOnce() throws {
    let loop = try makeLoop()
    let count = Box(0)
    let done = Signal("a timer")
    loop.execute {
      _ = loop.schedule(at: MonotonicTime(nanoseconds: 0)) { count.update { $0 += 1 } }
      _ = loop.schedule(at: .now) { done.fire() }
    }
    done.wait()
    XCTAssertEqual(count.value, 1)
  }

  func testCancelledTimerDoesNotComeUp() throws {
    let loop = try makeLoop()
    let events = Box<[String]>([])
    let done = Signal("the last timer")
    loop.execute {
      let now = MonotonicTime.now
      let cancel = loop.schedule(at: now.advanced(by: .milliseconds(1))) { events.append("cancelled") }
      // Cancelled by another one that is due together with it.
      let cancelLater = loop.schedule(at: now.advanced(by: .milliseconds(3))) { events.append("cancelled later") }
      _ = loop.schedule(at: now.advanced(by: .milliseconds(2))) {
        events.append("first")
        cancelLater()
      }
      _ = loop.schedule(at: now.advanced(by: .milliseconds(4))) { done.fire() }
      cancel()
      cancel()
    }
    done.wait()
    XCTAssertEqual(events.value, ["first"])
  }

  func testTimerMaySetTimers() throws {
    let loop = try makeLoop()
    let done = Signal("a chain of timers")
    let count = Box(0)
    @Sendable func again() {
      count.update { $0 += 1 }
      if count.value == 20 { return done.fire() }
      // Now and in a while, in turns.
      let wait = Duration.microseconds(count.value % 2 == 0 ? 0 : 300)
      _ = loop.schedule(at: MonotonicTime.now.advanced(by: wait), again)
    }
    loop.execute { again() }
    done.wait()
    XCTAssertEqual(count.value, 20)
  }

  func testEarlierTimerOvertakesOneThatIsSet() throws {
    let loop = try makeLoop()
    let events = Box<[String]>([])
    let done = Signal("the later timer")
    loop.execute {
      let now = MonotonicTime.now
      _ = loop.schedule(at: .distantFuture) { events.append("never") }
      _ = loop.schedule(at: MonotonicTime(nanoseconds: .max - 1)) { events.append("in 500 years") }
      _ = loop.schedule(at: now.advanced(by: .milliseconds(30))) {
        events.append("later")
        done.fire()
      }
      _ = loop.schedule(at: now.advanced(by: .milliseconds(2))) { events.append("sooner") }
    }
    done.wait()
    XCTAssertEqual(events.value, ["sooner", "later"])
  }
}
