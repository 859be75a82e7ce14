import XCTest

@testable import MailroomTransport

final class ReadGateTests: XCTestCase {
  func testEachReasonClosesIt() {
    var gate = ReadGate()
    XCTAssertTrue(gate.isOpen)
    for reason in [ReadGate.Reasons.unwritable, .unanswered] {
      gate.set(reason, true)
      gate.set(reason, true)
      XCTAssertFalse(gate.isOpen)
      gate.set(reason, false)
      XCTAssertTrue(gate.isOpen)
    }
  }

  func testPausesAreCounted() {
    var gate = ReadGate()
    for _ in 0..<3 { gate.pause() }
    for _ in 0..<3 {
      XCTAssertFalse(gate.isOpen)
      gate.resume()
    }
    XCTAssertTrue(gate.isOpen)
    gate.resume()
    gate.pause()
    XCTAssertFalse(gate.isOpen, "a resumption of nothing is not kept for later")
  }

  func testItIsOpenWhenTheLastReasonHasGone() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]] {
      var gate = ReadGate()
      gate.pause()
      gate.set(.unwritable, true)
      gate.set(.unanswered, true)
      for step in order {
        XCTAssertFalse(gate.isOpen)
        switch step {
        case 0: gate.resume()
        case 1: gate.set(.unwritable, false)
        default: gate.set(.unanswered, false)
        }
      }
      XCTAssertTrue(gate.isOpen)
    }
  }

  func testReleasedIsOpenForGood() {
    var gate = ReadGate()
    gate.pause()
    gate.set(.unanswered, true)
    gate.release()
    XCTAssertTrue(gate.isOpen)
    gate.pause()
    gate.resume()
    gate.set(.unwritable, true)
    XCTAssertTrue(gate.isOpen)
  }
}
