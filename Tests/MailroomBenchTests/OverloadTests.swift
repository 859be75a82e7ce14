import Foundation
import TestSupport
import XCTest

/// A run that overloads its receiver, as its users have it.
final class OverloadTests: XCTestCase {
  private func overload(_ options: [String]) throws -> (result: [String: Any], output: String) {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("mailroom-bench-\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: file) }
    let run = try Program(["overload", "--json", file.path] + options).finish()
    XCTAssertEqual(run.status, 0, run.output)
    let json = try XCTUnwrap(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
    return (try XCTUnwrap((json["results"] as? [[String: Any]])?.first), run.output)
  }

  func testOverloadLosesNothingAndKeepsTheOrder() throws {
    for (whenFull, dispatch) in [("refuse", "shared"), ("wait", "event-loop")] {
      try GrowingTimes(from: .seconds(1)).tryEach("an overload") { time in
        try assertOverload(whenFull, dispatch, time)
      }
    }
  }

  /// Sends for a time; says whether that was enough for the queues of both processes, which hold 80 MiB, to be full before it was up.
  private func assertOverload(_ whenFull: String, _ dispatch: String, _ time: Duration) throws -> Bool {
    let (result, output) = try overload([
      "--rate", "20", "--payload", "262144", "--seconds", "\(time / .seconds(1))", "--unloaded", "0.2",
      "--when-full", whenFull, "--dispatch", dispatch,
    ])
    XCTAssertTrue(output.contains("out of order"), output)
    XCTAssertEqual(result["whenFull"] as? String, whenFull)
    XCTAssertEqual(result["dispatch"] as? String, dispatch)
    let accepted = try XCTUnwrap(result["accepted"] as? Int)
    XCTAssertGreaterThan(accepted, 0)
    XCTAssertEqual(result["received"] as? Int, accepted)
    let isOverloaded = try XCTUnwrap(result["refused"] as? Int) > 0
    if isOverloaded { XCTAssertLessThan(try XCTUnwrap(result["receivedUnderLoad"] as? Int), accepted) }
    XCTAssertEqual(result["lost"] as? Int, 0)
    XCTAssertEqual(result["outOfOrder"] as? Int, 0)
    XCTAssertEqual(result["undeliverable"] as? Int, 0)
    let samples = try XCTUnwrap(result["residentBytes"] as? [[String: Double]])
    XCTAssertGreaterThanOrEqual(samples.count, 2)
    for sample in samples {
      XCTAssertEqual(Set(sample.keys), ["second", "sender", "receiver"])
      XCTAssertGreaterThan(try XCTUnwrap(sample["sender"]), 0)
      XCTAssertGreaterThan(try XCTUnwrap(sample["receiver"]), 0)
    }
    for side in ["unloadedLatencyMicroseconds", "loadedLatencyMicroseconds"] {
      let latency = try XCTUnwrap(result[side] as? [String: Double])
      XCTAssertEqual(Set(latency.keys), ["p50", "p90", "p99", "p999", "max"])
    }
    return isOverloaded
  }

  func testOverloadRefusesOptionsOutOfRange() throws {
    let refused = [
      ["--rate", "0"], ["--payload", "7"], ["--seconds", "0"], ["--when-full", "drop"], ["--asks", "0"],
      ["--unloaded", "0"],
    ]
    for options in refused {
      XCTAssertNotEqual(try Program(["overload"] + options).finish().status, 0, "\(options)")
    }
  }
}
