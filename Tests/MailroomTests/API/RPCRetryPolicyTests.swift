import XCTest

@testable import Mailroom

/// How often and how far apart, without anything that is asked.
final class RPCRetryPolicyTests: XCTestCase {
  func testDefaultsAreThoseOfTheConfiguration() {
    let policy = RPCRetryPolicy()
    XCTAssertEqual(policy, RPCRetryPolicy(RPCConfiguration()))
    // The reference's number and pause; that pauses grow and differ is Mailroom's own.
    XCTAssertEqual(policy, RPCRetryPolicy(attempts: 3, wait: .seconds(3), factor: 2, jitter: 0.5))
    XCTAssertEqual([0, 1].map { policy.pause(afterAttempt: 1, chance: $0) }, [.seconds(3), .milliseconds(1500)])
  }

  func testFactorOfOneMakesAllPausesOneLength() {
    let policy = RPCRetryPolicy(factor: 1, jitter: 0)
    for number in 1..<10 { XCTAssertEqual(policy.pause(afterAttempt: number, chance: 0.7), .seconds(3)) }
  }

  func testConfigurationSaysAttemptsAndWait() {
    var configuration = RPCConfiguration()
    configuration.retryAttempts = 7
    configuration.retryWait = .milliseconds(20)
    let policy = RPCRetryPolicy(configuration)
    XCTAssertEqual(policy, RPCRetryPolicy(attempts: 7, wait: .milliseconds(20), factor: 2, jitter: 0.5))
  }

  func testPausesGrowByTheFactor() {
    let policy = RPCRetryPolicy(wait: .seconds(1), factor: 2, jitter: 0)
    XCTAssertEqual((1...5).map { policy.pause(afterAttempt: $0, chance: 1) }, [1, 2, 4, 8, 16].map { .seconds($0) })
    XCTAssertEqual(policy.pause(afterAttempt: 0, chance: 1), .seconds(1))
    XCTAssertEqual(policy.pause(afterAttempt: -3, chance: 1), .seconds(1))
  }

  func testFactorBelowOneDoesNotShortenPauses() {
    for factor in [0.5, 0, -2, .nan] {
      let policy = RPCRetryPolicy(wait: .seconds(1), factor: factor)
      XCTAssertEqual(policy.pause(afterAttempt: 4, chance: 0), .seconds(1), "\(factor)")
    }
  }

  func testChanceCutsTheJittersPartOfAPause() {
    let policy = RPCRetryPolicy(wait: .seconds(8), jitter: 0.5)
    XCTAssertEqual([0, 0.5, 1].map { policy.pause(afterAttempt: 1, chance: $0) }, [8, 6, 4].map { .seconds($0) })
    XCTAssertEqual([-1, 2].map { policy.pause(afterAttempt: 1, chance: $0) }, [8, 4].map { .seconds($0) })
    let wild = RPCRetryPolicy(wait: .seconds(8), jitter: 5)
    XCTAssertEqual(wild.pause(afterAttempt: 1, chance: 1), .zero)
    let none = RPCRetryPolicy(wait: .seconds(8), jitter: -5)
    XCTAssertEqual(none.pause(afterAttempt: 1, chance: 1), .seconds(8))
  }

  func testPausesOfManyAttemptsStayFinite() {
    let policy = RPCRetryPolicy(wait: .seconds(1), factor: 1000)
    for number in [10, 100, 1_000_000] {
      XCTAssertLessThanOrEqual(policy.pause(afterAttempt: number, chance: 0), .seconds(86_400_000))
    }
    let zero = RPCRetryPolicy(wait: .zero, factor: 2)
    XCTAssertEqual(zero.pause(afterAttempt: 100, chance: 0), .zero)
  }

  func testOnlyWhatMayChangeIsTriedAgain() {
    let helped: [RPCError.Code] = [
      .connectFailed, .connectionLost, .timeout, .full, .unresolvableHost, .endpointNotFound, .endpointStopped,
    ]
    let final: [RPCError.Code] = [
      .handlerFailed, .noReply, .cancelled, .stopped, .unsupportedMessage, .undecodable, .unencodable, .tooLarge,
      .invalidAddress, .invalidArgument, .wouldBlockLoop, .protocolViolation, .remoteFailure, .alreadyReplied,
      .init(name: "a code of a later version"),
    ]
    for code in helped { XCTAssertTrue(RPCRetryPolicy.mayHelp(after: RPCError(code, "")), "\(code)") }
    for code in final { XCTAssertFalse(RPCRetryPolicy.mayHelp(after: RPCError(code, "")), "\(code)") }
  }

  func testPausesStayNumbersWhateverThePolicySays() {
    for factor in [Double.nan, .infinity, 1e300, -1, 0] {
      for jitter in [Double.nan, .infinity, -1, 0.5] {
        let policy = RPCRetryPolicy(attempts: 100, wait: .seconds(Int64.max), factor: factor, jitter: jitter)
        for attempt in [Int.min, 0, 1, 100] {
          let pause = policy.pause(afterAttempt: attempt, chance: 1)
          XCTAssertGreaterThanOrEqual(pause, .zero)
          XCTAssertLessThanOrEqual(pause, .seconds(86_400))
        }
      }
    }
  }
}
