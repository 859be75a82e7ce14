import XCTest

@testable import Mailroom

final class ReconnectBackoffTests: XCTestCase {
  func testPausesDoubleUpToTheMaximum() {
    var backoff = ReconnectBackoff(first: .milliseconds(100), maximum: .milliseconds(350))
    XCTAssertEqual((0..<4).map { _ in backoff.failed(jitter: 1) }, [100, 200, 350, 350].map { .milliseconds($0) })
    backoff.succeeded()
    XCTAssertEqual(backoff.failed(jitter: 1), .milliseconds(100))
  }

  func testFailureIsForgottenOnceAConnectionWasMade() {
    var backoff = ReconnectBackoff(first: .seconds(1), maximum: .seconds(4))
    XCTAssertFalse(backoff.hasFailed)
    _ = backoff.failed(jitter: 1)
    XCTAssertTrue(backoff.hasFailed)
    backoff.succeeded()
    XCTAssertFalse(backoff.hasFailed)
  }

  func testJitterTakesUpToHalfAway() {
    for jitter in [-1, 0, 0.25, 1, 7.0] {
      var backoff = ReconnectBackoff(first: .milliseconds(100), maximum: .seconds(1))
      let pause = backoff.failed(jitter: jitter)
      XCTAssertGreaterThanOrEqual(pause, .milliseconds(50))
      XCTAssertLessThanOrEqual(pause, .milliseconds(100))
    }
  }

  func testZeroSwitchesPausesOffAndManyFailuresDoNotOverflow() {
    var none = ReconnectBackoff(first: .zero, maximum: .seconds(5))
    var long = ReconnectBackoff(first: .nanoseconds(1), maximum: .seconds(1 << 40))
    for _ in 0..<10_000 {
      XCTAssertEqual(none.failed(jitter: 1), .zero)
      XCTAssertLessThanOrEqual(long.failed(jitter: 1), .seconds(1 << 40))
    }
  }

  func testFirstPauseIsNotAboveTheMaximum() {
    var backoff = ReconnectBackoff(first: .seconds(9), maximum: .seconds(2))
    XCTAssertEqual(backoff.failed(jitter: 1), .seconds(2))
  }
}
