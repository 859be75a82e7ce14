import XCTest

@testable import MailroomQueue

final class SpinBudgetTests: XCTestCase {
  private let maximum: UInt64 = 160_000
  private var budget = SpinBudget(maximum: .microseconds(160))
  private var now = MonotonicTime(nanoseconds: 1_000_000)

  override func setUp() {
    budget = SpinBudget(maximum: .microseconds(160))
    now = MonotonicTime(nanoseconds: 1_000_000)
  }

  private func step(after nanoseconds: UInt64 = 0) -> SpinBudget.Step {
    now = now.advanced(byNanoseconds: nanoseconds)
    return budget.step(at: now)
  }

  /// Has nothing to do for so long, and looks but once, as a thread does that sleeps.
  private func beIdle(for nanoseconds: UInt64) {
    _ = budget.step(at: now)
    now = now.advanced(byNanoseconds: nanoseconds)
    budget.didFindWork(at: now)
  }

  /// For how long a thread spins that looks every microsecond, and how often it lets others run.
  private func spin() -> (nanoseconds: UInt64, yields: Int) {
    let begin = now
    var yields = 0
    var step = step()
    while step != .sleep {
      if step == .yield { yields += 1 }
      step = self.step(after: 1000)
    }
    return (now.nanoseconds - begin.nanoseconds, yields)
  }

  func testNothingIsSpunWithoutAMaximum() {
    for maximum in [Duration.zero, .seconds(-1)] {
      budget = SpinBudget(maximum: maximum)
      XCTAssertFalse(budget.isOn)
      XCTAssertEqual(step(), .sleep)
      XCTAssertEqual(step(after: 1), .sleep)
      budget.didFindWork(at: now)
      XCTAssertEqual(step(), .sleep)
    }
    XCTAssertFalse(SpinBudget().isOn)
  }

  func testSpinsForTheBudgetThenSleeps() {
    XCTAssertEqual(spin().nanoseconds, maximum)
    // Until something is found, it stays with that.
    XCTAssertEqual(step(after: 1), .sleep)
  }

  func testLetsOthersRunNowAndThen() {
    XCTAssertEqual(spin().yields, Int(maximum / SpinBudget.pace) - 1)
  }

  func testEachTimeWithoutWorkHasItsOwnBudget() {
    for _ in 0..<100 {
      XCTAssertEqual(step(after: 10), .look)
      XCTAssertEqual(step(after: 1000), .look)
      budget.didFindWork(at: now)
    }
  }

  func testLongTimesWithoutWorkHalveTheBudgetDownToNothing() {
    var seen: [UInt64] = []
    for _ in 0..<7 {
      seen.append(budget.nanoseconds)
      beIdle(for: maximum + 1)
    }
    XCTAssertEqual(seen, [maximum, maximum / 2, maximum / 4, maximum / 8, 0, 0, 0])
    XCTAssertEqual(step(), .sleep)
  }

  func testShortTimesWithoutWorkDoubleItUpToTheMaximum() {
    for _ in 0..<9 { beIdle(for: .max / 1000) }
    var seen: [UInt64] = []
    for _ in 0..<7 {
      seen.append(budget.nanoseconds)
      // As long as the maximum, though the thread slept through most of it.
      beIdle(for: maximum)
    }
    XCTAssertEqual(seen, [0, maximum / 8, maximum / 4, maximum / 2, maximum, maximum, maximum])
  }

  func testABudgetOfAnEighthIsSpun() {
    for _ in 0..<3 { beIdle(for: maximum + 1) }
    XCTAssertEqual(spin().nanoseconds, maximum / 8)
  }

  func testWorkThatNobodyWaitedForChangesNothing() {
    let before = budget
    budget.didFindWork(at: now)
    XCTAssertEqual(budget, before)
  }

  func testTheSmallestMaximumIsSpunToo() {
    budget = SpinBudget(maximum: .nanoseconds(1))
    XCTAssertEqual(step(), .look)
    XCTAssertEqual(step(after: 1), .sleep)
  }

  func testTheLongestMaximumNeverEnds() {
    budget = SpinBudget(maximum: .seconds(Int64.max), rests: false)
    XCTAssertEqual(step(), .look)
    XCTAssertNotEqual(step(after: .max / 2), .sleep)
    budget.didFindWork(at: now)
    XCTAssertEqual(step(), .look)
  }

  // MARK: Resting

  func testRestsWhenTheCoreWasLostBetweenLooks() {
    XCTAssertEqual(step(), .look)
    XCTAssertEqual(step(after: SpinBudget.absence), .sleep)
    budget.didFindWork(at: now)
    let rest = SpinBudget.absence * SpinBudget.restFactor
    XCTAssertEqual(step(after: rest - 1), .sleep)
    budget.didFindWork(at: now)
    XCTAssertEqual(step(after: 1), .look)
  }

  func testRestsWhenSomebodyRanThatWasLet() {
    XCTAssertEqual(step(), .look)
    XCTAssertEqual(step(after: SpinBudget.pace), .yield)
    XCTAssertEqual(step(after: SpinBudget.yieldedAbsence), .sleep)
    budget.didFindWork(at: now)
    XCTAssertEqual(step(after: 1), .sleep)
  }

  func testRestsWhenWorkCameWhileSomebodyRanThatWasLet() {
    XCTAssertEqual(step(), .look)
    XCTAssertEqual(step(after: SpinBudget.pace), .yield)
    now = now.advanced(byNanoseconds: SpinBudget.yieldedAbsence)
    budget.didFindWork(at: now)
    XCTAssertEqual(step(after: 1), .sleep)
  }

  func testDoesNotRestWhenNobodyWantedTheCore() {
    XCTAssertEqual(step(), .look)
    XCTAssertEqual(step(after: SpinBudget.pace), .yield)
    XCTAssertEqual(step(after: SpinBudget.yieldedAbsence - 1), .yield)
    XCTAssertEqual(step(after: 1), .look)
    XCTAssertEqual(step(after: SpinBudget.absence - 1), .yield)
  }

  func testSleepingIsNoLossOfTheCore() {
    XCTAssertEqual(step(), .look)
    beIdle(for: maximum)
    XCTAssertEqual(step(), .look)
  }

  func testRestingDoesNotChangeTheBudget() {
    XCTAssertEqual(step(), .look)
    XCTAssertEqual(step(after: SpinBudget.absence), .sleep)
    budget.didFindWork(at: now)
    XCTAssertEqual(budget.nanoseconds, maximum)
  }

  func testTimeThatGoesBackIsNoTime() {
    XCTAssertEqual(step(), .look)
    XCTAssertEqual(budget.step(at: MonotonicTime(nanoseconds: 0)), .look)
  }
}
