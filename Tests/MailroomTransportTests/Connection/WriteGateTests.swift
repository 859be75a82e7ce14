import XCTest

@testable import MailroomTransport

final class WriteGateTests: XCTestCase {
  func testClosesAtTheHighMarkAndOpensAtTheLowOne() {
    var gate = WriteGate(high: 100, low: 40)
    XCTAssertTrue(gate.isWritable)
    for pending in [0, 99, 0, 41, 99] { XCTAssertEqual(gate.note(pendingBytes: pending), .none) }
    XCTAssertEqual(gate.note(pendingBytes: 100), .filled)
    XCTAssertFalse(gate.isWritable)
    for pending in [500, 99, 41, 100, 41] {
      XCTAssertEqual(gate.note(pendingBytes: pending), .none)
      XCTAssertFalse(gate.isWritable)
    }
    XCTAssertEqual(gate.note(pendingBytes: 40), .drained)
    XCTAssertTrue(gate.isWritable)
    XCTAssertEqual(gate.note(pendingBytes: 99), .none)
    XCTAssertEqual(gate.note(pendingBytes: 1000), .filled)
    XCTAssertEqual(gate.note(pendingBytes: 0), .drained)
  }

  func testRoomIsWhatMayComeUnnoticed() {
    var gate = WriteGate(high: 100, low: 40)
    for pending in 0..<150 {
      let room = gate.room(beside: pending)
      XCTAssertGreaterThan(room, 0)
      var before = gate
      XCTAssertEqual(before.note(pendingBytes: pending + room), .filled)
      if room > 1 {
        var other = gate
        XCTAssertEqual(other.note(pendingBytes: pending + room - 1), .none)
      }
    }
    _ = gate.note(pendingBytes: 100)
    XCTAssertEqual(gate.room(beside: 100), .max, "there is nothing to be noticed but that it drains")
  }

  func testOverrunIsSixteenTimesTheMark() {
    XCTAssertEqual(WriteGate(high: 100, low: 40).overrun, 1600)
  }

  func testMarksOfNoSenseAreMadeSome() {
    for (high, low) in [(0, 0), (-5, -5), (1, 1), (10, 10), (10, 20), (Int.max, Int.max), (.min, .min)] {
      var gate = WriteGate(high: high, low: low)
      XCTAssertEqual(gate.note(pendingBytes: 0), .none)
      XCTAssertEqual(gate.note(pendingBytes: .max), .filled, "\(high), \(low)")
      XCTAssertEqual(gate.note(pendingBytes: 0), .drained, "\(high), \(low)")
      XCTAssertGreaterThan(gate.overrun, 0)
    }
  }
}
