import Foundation
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
      // The queues of both processes hold 80 MiB, which are full before the time is up.
      let (result, output) = try overload([
        "--rate", "500", "--payload", "262144", "--seconds", "1", "--unloaded", "0.2", "--when-full", whenFull,
        "--dispatch", dispatch,
      ])
      XCTAssertTrue(output.contains("out of order"), output)
      XCTAssertEqual(result["whenFull"] as? String, whenFull)
      XCTAssertEqual(result["dispatch"] as? String, dispatch)
      let accepted = try XCTUnwrap(result["accepted"] as? Int)
      XCTAssertGreaterThan(accepted, 0)
      XCTAssertEqual(result["received"] as? Int, accepted)
      XCTAssertLessThan(try XCTUnwrap(result["receivedUnderLoad"] as? Int), accepted)
      XCTAssertGreaterThan(try XCTUnwrap(result["refused"] as? Int), 0)
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
    }
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
