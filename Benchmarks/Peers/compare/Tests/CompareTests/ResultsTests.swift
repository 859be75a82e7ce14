import XCTest

@testable import compare

final class ResultsTests: XCTestCase {
  private let pingPong = Scenario(name: "ping-pong", kind: .pingPong, payload: 16, window: 1)
  private let ask = Scenario(name: "ask-16", kind: .ask, payload: 16, window: 128)
  private let mailroom = Contestant.mailroom[0]
  private let zeromq = Contestant.peers[0]

  private func sample(perSecond: Int, p50: Double) -> Sample {
    Sample(messages: perSecond, seconds: 1, p50: p50, p99: 2 * p50)
  }

  private func results() -> Results {
    let machine = Machine(
      cpu: "CPU", cores: 2, kernel: "6", congestionControl: "cubic", libuv: "1", date: "2026-01-01", otherWork: 0)
    let version = Version(number: "4.3.4", toolchain: "g++")
    return Results(
      machine: machine, rounds: 3, seconds: 1, scenarios: [pingPong, ask],
      versions: [mailroom.name: version, zeromq.name: version])
  }

  func testSpreadIsTheMiddleAndTheEnds() {
    XCTAssertNil(Spread([]))
    XCTAssertEqual(Spread([3, 1, 2])?.median, 2)
    XCTAssertEqual(Spread([4, 1, 3, 2])?.median, 2.5)
    XCTAssertEqual(Spread([3, 1, 2])?.least, 1)
    XCTAssertEqual(Spread([3, 1, 2])?.most, 3)
  }

  func testRatioIsTakenWithinRoundsAndAboveOneWhenBetter() {
    var results = results()
    // In each round twice as many, although the machine was ten times as slow in the second one.
    for rate in [1000, 100, 2000] {
      results.add(sample(perSecond: 2 * rate, p50: 1), of: mailroom, in: ask)
      results.add(sample(perSecond: rate, p50: 1), of: zeromq, in: ask)
    }
    XCTAssertEqual(results.ratio(mailroom, to: zeromq, ask)?.median, 2)
    results.add(sample(perSecond: 1, p50: 50), of: mailroom, in: pingPong)
    results.add(sample(perSecond: 1, p50: 100), of: zeromq, in: pingPong)
    XCTAssertEqual(results.ratio(mailroom, to: zeromq, pingPong)?.median, 2)
  }

  func testRoundsThatFailedAreLeftOut() {
    var results = results()
    results.add(sample(perSecond: 10, p50: 1), of: mailroom, in: ask)
    results.add(nil, of: zeromq, in: ask)
    XCTAssertNil(results.ratio(mailroom, to: zeromq, ask))
    XCTAssertTrue(Tables(results: results).overview.contains("failed"))
    results.add(sample(perSecond: 10, p50: 1), of: mailroom, in: ask)
    results.add(sample(perSecond: 40, p50: 1), of: zeromq, in: ask)
    XCTAssertEqual(results.ratio(mailroom, to: zeromq, ask)?.median, 0.25)
    XCTAssertTrue(Tables(results: results).overview.contains("40.0 /s (0.25x)"), Tables(results: results).overview)
  }
}
