import Foundation
import XCTest

@testable import mailroom_bench

final class ThresholdTests: XCTestCase {
  private func side(allocations: Double = 0, systemCalls: Double = 0) -> Threshold.Side {
    Threshold.Side(allocations: allocations, allocatedBytes: 0, systemCalls: systemCalls, wakeUps: 0)
  }

  private func outcomes(
    _ measured: Threshold.Side, _ threshold: Threshold.Side, _ steadiness: ThresholdCounter.Steadiness = .exact
  ) -> [String: ThresholdVerdict.Outcome] {
    let other = side()
    let verdicts = ThresholdVerdict.verdicts(
      scenario: "s", steadiness, measured: Threshold(client: other, server: measured),
      threshold: Threshold(client: other, server: threshold))
    for verdict in verdicts where verdict.process == "client" { XCTAssertEqual(verdict.outcome, .holds) }
    let server = verdicts.filter { $0.process == "server" }.map { ($0.counter, $0.outcome) }
    return Dictionary(uniqueKeysWithValues: server)
  }

  func testAnAllocationMoreExceedsAnExactThreshold() {
    XCTAssertEqual(outcomes(side(allocations: 1.05), side(allocations: 1))["allocations"], .holds)
    XCTAssertEqual(outcomes(side(allocations: 2), side(allocations: 1))["allocations"], .exceeded)
    XCTAssertEqual(outcomes(side(allocations: 0.2), side())["allocations"], .exceeded)
    XCTAssertEqual(outcomes(side(allocations: 0), side(allocations: 1))["allocations"], .better)
    XCTAssertEqual(outcomes(side(allocations: 4), side(allocations: 2), .pieces)["allocations"], .holds)
  }

  func testACallPerMessageExceedsAThresholdOfOnePerBatch() {
    XCTAssertEqual(outcomes(side(systemCalls: 0.05), side(systemCalls: 0.02))["system calls"], .holds)
    XCTAssertEqual(outcomes(side(systemCalls: 1), side(systemCalls: 0.02))["system calls"], .exceeded)
    XCTAssertEqual(outcomes(side(systemCalls: 3.1), side(systemCalls: 3))["system calls"], .holds)
  }

  func testTheLeastOfAllRoundsCounts() {
    func counts(_ allocations: Double, _ polls: Double) -> CountsPerMessage {
      CountsPerMessage(
        allocations: allocations, allocatedBytes: 0, reads: 1, writes: 0, polls: polls, otherCalls: 0, wakeUps: 0,
        contextSwitches: 0, cpuMicroseconds: 0)
    }
    let rounds = [
      BothSides(client: counts(2, 3), server: counts(1, 1)), BothSides(client: counts(3, 1), server: counts(1, 2)),
    ]
    let threshold = Threshold(leastOf: rounds)
    XCTAssertEqual(threshold.client.allocations, 2)
    XCTAssertEqual(threshold.client.systemCalls, 2)
    XCTAssertEqual(threshold.server.systemCalls, 2)
  }

  func testFilesKeepThresholds() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("thresholds-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let files = ThresholdFiles(folder: folder.path)
    XCTAssertNil(try files.read("ask"))
    let threshold = Threshold(client: side(allocations: 1.0004), server: side(systemCalls: 2.25))
    try files.write(threshold, for: "ask")
    XCTAssertEqual(try files.read("ask"), Threshold(client: side(allocations: 1), server: side(systemCalls: 2.25)))
  }

  func testEveryCheckedScenarioHasItsOwnName() {
    let names = CheckSuite.entries.map(\.name)
    XCTAssertEqual(Set(names).count, names.count)
  }
}
