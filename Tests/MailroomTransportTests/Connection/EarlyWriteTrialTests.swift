import MailroomQueue
import XCTest

@testable import MailroomTransport

final class EarlyWriteTrialTests: XCTestCase {
  private let window = 128
  /// Requests of a measurement, with those before it.
  private var round: Int { EarlyWriteTrial.requests(ofRound: window) }
  /// Requests of a trial.
  private var length: Int { EarlyWriteTrial.rounds * round }

  /// A machine on which a tick's requests take so long, all at once or in parts.
  private struct Machine {
    var trial = EarlyWriteTrial()
    var time = MonotonicTime(nanoseconds: 1_000_000)
    var made = 0
    var ticksOn = 0
    var ticks = 0
    /// The measurement of the first trial that the current tick is a part of.
    var round: Int { (made - 1 - EarlyWriteTrial.firstRest) / EarlyWriteTrial.requests(ofRound: 128) }

    /// Makes at least `count` requests, a window in each tick; `cost` says how many nanoseconds one takes.
    mutating func run(_ count: Int, window: Int = 128, _ cost: (Machine) -> Int) {
      let end = made + count
      while made < end {
        made += window
        ticks += 1
        if trial.isOn { ticksOn += 1 }
        time = time.advanced(byNanoseconds: UInt64(window * cost(self)))
        trial.didMake(window, window: window, by: time)
      }
    }
  }

  func testNothingIsTriedAtFirst() {
    var machine = Machine()
    machine.run(EarlyWriteTrial.firstRest) { _ in 600 }
    XCTAssertEqual(machine.ticksOn, 0)
  }

  func testFasterWayIsChosen() {
    for (on, off, isOn) in [(400, 600, true), (600, 400, false), (93, 100, true), (94, 100, false), (100, 100, false)] {
      var machine = Machine()
      machine.run(EarlyWriteTrial.firstRest + length) { $0.trial.isOn ? on : off }
      XCTAssertEqual(machine.trial.isOn, isOn, "\(on) and \(off) ns")
      // And stays until the next trial.
      let before = machine
      machine.run(length * EarlyWriteTrial.restFactor - window) { $0.trial.isOn ? on : off }
      XCTAssertEqual(machine.ticksOn - before.ticksOn, isOn ? machine.ticks - before.ticks : 0)
    }
  }

  func testBothWaysAreTriedInTurns() {
    var machine = Machine()
    machine.run(EarlyWriteTrial.firstRest) { _ in 600 }
    var ways: [Bool] = []
    for _ in 0..<EarlyWriteTrial.rounds {
      ways.append(machine.trial.isOn)
      machine.run(round) { _ in 600 }
    }
    XCTAssertEqual(ways, [false, true, false, true, false, true, false, true])
  }

  func testOneInterruptionOfEachWayMakesNoDifference() {
    for (first, second) in [(0, 1), (2, 5), (6, 7)] {
      var machine = Machine()
      machine.run(EarlyWriteTrial.firstRest + length) { machine in
        (machine.trial.isOn ? 400 : 600) * ([first, second].contains(machine.round) ? 10 : 1)
      }
      XCTAssertTrue(machine.trial.isOn)
    }
  }

  func testOneLuckyTimeMakesNoDifference() {
    var machine = Machine()
    machine.run(EarlyWriteTrial.firstRest + length) { machine in
      machine.trial.isOn ? 400 : machine.round == 4 ? 100 : 600
    }
    XCTAssertTrue(machine.trial.isOn)
  }

  func testChangedMachineChangesTheWay() {
    var machine = Machine()
    machine.run(EarlyWriteTrial.firstRest + length) { $0.trial.isOn ? 400 : 600 }
    XCTAssertTrue(machine.trial.isOn)
    machine.run(length * (EarlyWriteTrial.restFactor + 1)) { $0.trial.isOn ? 600 : 400 }
    XCTAssertFalse(machine.trial.isOn)
    machine.run(length * (EarlyWriteTrial.restFactor + 1)) { $0.trial.isOn ? 400 : 600 }
    XCTAssertTrue(machine.trial.isOn)
  }

  func testTrialsCostAHundredth() {
    var machine = Machine()
    machine.run(EarlyWriteTrial.firstRest + 100 * length * EarlyWriteTrial.restFactor) { _ in 600 }
    XCTAssertLessThan(Double(machine.ticksOn) / Double(machine.ticks), 0.02)
    XCTAssertGreaterThan(machine.ticksOn, 0)
  }

  func testClockThatStandsStillChoosesNothing() {
    var machine = Machine()
    machine.run(EarlyWriteTrial.firstRest + length) { _ in 0 }
    XCTAssertFalse(machine.trial.isOn)
  }

  func testTicksThatTheClockDoesNotTellApartAreMeasuredTogether() {
    // Two ends in each tick, the second one at the time of the first.
    var machine = Machine()
    var isSecond = false
    machine.run(EarlyWriteTrial.firstRest + 2 * length) { machine in
      isSecond.toggle()
      return isSecond ? 0 : machine.trial.isOn ? 800 : 1200
    }
    XCTAssertTrue(machine.trial.isOn)
  }

  func testRequestsAtAPaceOfTheirOwnEndATrial() {
    var machine = Machine()
    // In the middle of the fourth measurement.
    machine.run(EarlyWriteTrial.firstRest + length * 4 / EarlyWriteTrial.rounds - 2 * window) { _ in 600 }
    XCTAssertTrue(machine.trial.isOn)
    machine.time = MonotonicTime(nanoseconds: .max - 1_000_000_000)
    machine.run(2 * window) { _ in 1 }
    XCTAssertFalse(machine.trial.isOn)
    let before = machine.ticksOn
    machine.run(EarlyWriteTrial.firstRest - 2 * window) { _ in 600 }
    XCTAssertEqual(machine.ticksOn, before, "no trial")
  }

  func testChoiceEndsWithAWindowThatIsMuchLarger() {
    let window = 4096
    var machine = Machine()
    machine.run(
      EarlyWriteTrial.firstRest + EarlyWriteTrial.rounds * EarlyWriteTrial.requests(ofRound: window), window: window
    ) {
      $0.trial.isOn ? 400 : 600
    }
    XCTAssertTrue(machine.trial.isOn)
    machine.run(EarlyWriteTrial.longestRest + length + window) { $0.trial.isOn ? 600 : 400 }
    XCTAssertFalse(machine.trial.isOn)
  }

  func testStopEndsATrialAndWhatItHasFound() {
    for count in [0, 1, 4] {
      var machine = Machine()
      machine.run(EarlyWriteTrial.firstRest + length * count / 4) { $0.trial.isOn ? 400 : 600 }
      machine.trial.stop()
      XCTAssertFalse(machine.trial.isOn)
      let before = machine.ticksOn
      machine.run(EarlyWriteTrial.firstRest) { _ in 600 }
      XCTAssertEqual(machine.ticksOn, before)
    }
  }

  func testLargeWindowIsMeasuredForLonger() {
    var machine = Machine()
    machine.run(EarlyWriteTrial.firstRest, window: 1024) { _ in 600 }
    machine.run(EarlyWriteTrial.rounds * EarlyWriteTrial.requests(ofRound: 1024), window: 1024) {
      $0.trial.isOn ? 400 : 600
    }
    XCTAssertTrue(machine.trial.isOn)
  }
}

extension EarlyWriteTrial {
  /// Requests of a measurement in a window, with those before it.
  static func requests(ofRound window: Int) -> Int { settledWindows * window + max(fewest, measuredWindows * window) }
}
