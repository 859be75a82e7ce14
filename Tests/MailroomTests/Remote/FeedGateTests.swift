import XCTest

@testable import Mailroom

final class FeedGateTests: XCTestCase {
  func testPeerThatKnowsNoPausesIsHeldAtOnce() {
    var gate = FeedGate(allowance: 1 << 20)
    XCTAssertEqual(gate.messageCame(bytes: 1, canPause: false, isBeyondLimit: false), .hold)
    XCTAssertEqual(gate.state, .held)
    XCTAssertEqual(gate.messageCame(bytes: 1, canPause: false, isBeyondLimit: true), .none)
  }

  func testPeerIsPausedOnceAndHeldWhenItSendsMoreThanWasOnItsWay() {
    var gate = FeedGate(allowance: 10 * (100 + FeedGate.messageCost))
    XCTAssertEqual(gate.messageCame(bytes: 1 << 20, canPause: true, isBeyondLimit: false), .pause)
    XCTAssertEqual(gate.state, .paused(overrun: 0), "what filled the inbox came before the pause")
    for _ in 0..<10 { XCTAssertEqual(gate.messageCame(bytes: 100, canPause: true, isBeyondLimit: false), .none) }
    XCTAssertEqual(gate.state, .paused(overrun: gate.allowance))
    XCTAssertEqual(gate.messageCame(bytes: 0, canPause: true, isBeyondLimit: false), .hold)
    XCTAssertEqual(gate.messageCame(bytes: 0, canPause: true, isBeyondLimit: false), .none, "held once")
    XCTAssertEqual(gate.state, .held)
  }

  func testPeerIsHeldWhenTheInboxCanTakeNothingMore() {
    var gate = FeedGate(allowance: 1 << 20)
    XCTAssertEqual(gate.messageCame(bytes: 1, canPause: true, isBeyondLimit: true), .pause, "it may do")
    XCTAssertEqual(gate.messageCame(bytes: 1, canPause: true, isBeyondLimit: true), .hold)
  }
}
