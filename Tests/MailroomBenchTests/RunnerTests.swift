import Foundation
import Mailroom
import TestSupport
import XCTest

/// The runner as its users have it: processes, options, a table, JSON.
final class RunnerTests: XCTestCase {
  private func resultFile() -> URL {
    FileManager.default.temporaryDirectory.appendingPathComponent("mailroom-bench-\(UUID().uuidString).json")
  }

  func testRunPrintsATableAndWritesTheDocumentedJSON() throws {
    for scenario in ["ask", "one-way"] {
      let file = resultFile()
      defer { try? FileManager.default.removeItem(at: file) }
      let run = try Program([
        "--scenario", scenario, "--payload", "16", "--window", "8", "--dispatch", "event-loop", "--api", "callback",
        "--senders", "2", "--messages", "500", "--rounds", "2", "--warmup", "0", "--json", file.path,
      ]).finish()
      XCTAssertEqual(run.status, 0)
      XCTAssertTrue(run.output.contains("messages/s"), run.output)
      let json = try XCTUnwrap(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
      XCTAssertEqual(json["schema"] as? Int, 2)
      XCTAssertEqual(json["environment"] as? [String: Int], ["eventLoops": 1, "busyPollMicroseconds": 0])
      let machine = try XCTUnwrap(json["machine"] as? [String: Any])
      XCTAssertEqual(
        Set(machine.keys), ["cpu", "cores", "kernel", "otherWork", "swift", "libuv", "congestionControl", "commit"])
      let result = try XCTUnwrap((json["results"] as? [[String: Any]])?.first)
      XCTAssertEqual(
        Set(result.keys),
        [
          "name", "payload", "window", "dispatch", "api", "senders", "connections", "endpoints", "messages", "seconds",
          "throughput", "latencyMicroseconds", "rounds", "limits", "perMessage", "isCounted", "residentBytes",
        ])
      XCTAssertEqual(result["name"] as? String, scenario)
      XCTAssertEqual(result["senders"] as? Int, 2)
      XCTAssertGreaterThanOrEqual(try XCTUnwrap(result["messages"] as? Int), 500)
      let latency = try XCTUnwrap(result["latencyMicroseconds"] as? [String: Double])
      XCTAssertEqual(Set(latency.keys), ["p50", "p90", "p99", "p999", "max"])
      XCTAssertGreaterThan(try XCTUnwrap(latency["p50"]), 0)

      let rounds = try XCTUnwrap(result["rounds"] as? [[String: Any]])
      XCTAssertEqual(rounds.count, 2)
      XCTAssertEqual(
        rounds.compactMap { $0["messages"] as? Int }.reduce(0, +), result["messages"] as? Int)
      let limit = try XCTUnwrap((result["limits"] as? [[String: Any]])?.first)
      XCTAssertEqual(Set(limit.keys), ["name", "quantity", "values", "ratio"])
      XCTAssertEqual(limit["name"] as? String, scenario == "ask" ? "libuv" : "stream")
      XCTAssertEqual((limit["values"] as? [Double])?.count, 2)
      for side in ["client", "server"] {
        let counts = try XCTUnwrap((result["perMessage"] as? [String: [String: Double]])?[side])
        XCTAssertEqual(
          Set(counts.keys),
          [
            "allocations", "allocatedBytes", "reads", "writes", "polls", "otherCalls", "wakeUps", "contextSwitches",
            "cpuMicroseconds",
          ])
        XCTAssertGreaterThan(try XCTUnwrap(counts["cpuMicroseconds"]), 0)
        XCTAssertGreaterThan(try XCTUnwrap((result["residentBytes"] as? [String: Int])?[side]), 0)
      }
    }
  }

  func testSendersWhoseWindowsAreAboveTheBoundOfAnOutboxLoseNothing() throws {
    // Four windows of 65 536 are twice what waits for one endpoint by default.
    let run = try Program([
      "--scenario", "one-way", "--payload", "16", "--window", "65536", "--dispatch", "shared", "--api", "async",
      "--senders", "4", "--messages", "300000", "--rounds", "1", "--warmup", "0",
    ]).finish()
    XCTAssertEqual(run.status, 0)
    XCTAssertTrue(run.output.contains("messages/s"), run.output)
  }

  func testRunSpreadsItsMessagesOverConnectionsAndEndpoints() throws {
    let file = resultFile()
    defer { try? FileManager.default.removeItem(at: file) }
    let run = try Program([
      "--connections", "3", "--endpoints", "5", "--window", "2", "--dispatch", "event-loop", "--messages", "300",
      "--rounds", "1", "--warmup", "0", "--event-loops", "2", "--busy-poll", "20", "--json", file.path,
    ]).finish()
    XCTAssertEqual(run.status, 0, run.output)
    let json = try XCTUnwrap(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
    let result = try XCTUnwrap((json["results"] as? [[String: Any]])?.first)
    XCTAssertEqual(result["connections"] as? Int, 3)
    XCTAssertEqual(result["endpoints"] as? Int, 5)
    XCTAssertGreaterThanOrEqual(try XCTUnwrap(result["messages"] as? Int), 300)
    XCTAssertEqual((result["limits"] as? [Any])?.count, 0, "the limits have one connection")
  }

  func testLocalRunIsComparedWithTheSameOverLoopback() throws {
    for options in [["ask", "async", "shared"], ["ask", "callback", "event-loop"], ["one-way", "async", "shared"]] {
      let file = resultFile()
      defer { try? FileManager.default.removeItem(at: file) }
      let run = try Program([
        "--local", "--scenario", options[0], "--api", options[1], "--dispatch", options[2], "--window", "8",
        "--messages", "500", "--rounds", "2", "--warmup", "0", "--json", file.path,
      ]).finish()
      XCTAssertEqual(run.status, 0, run.output)
      XCTAssertTrue(run.output.contains("loopback, messages/s"), run.output)
      let json = try XCTUnwrap(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
      let result = try XCTUnwrap((json["results"] as? [[String: Any]])?.first)
      XCTAssertEqual(result["local"] as? Bool, true)
      XCTAssertGreaterThanOrEqual(try XCTUnwrap(result["messages"] as? Int), 500)
      let limits = try XCTUnwrap(result["limits"] as? [[String: Any]])
      XCTAssertEqual(limits.map { $0["name"] as? String }, ["loopback"])
      XCTAssertEqual((limits.first?["values"] as? [Double])?.count, 2)
      XCTAssertGreaterThan(try XCTUnwrap((limits.first?["ratio"] as? [String: Double])?["median"]), 0)
      let counts = try XCTUnwrap(result["perMessage"] as? [String: [String: Double]])
      XCTAssertGreaterThan(try XCTUnwrap(counts["client"]?["cpuMicroseconds"]), 0)
      XCTAssertEqual(counts["server"]?["cpuMicroseconds"], 0)
    }
  }

  func testLatencyMeasuresBothLoops() throws {
    let run = try Program(["latency", "--seconds", "0.1"]).finish()
    XCTAssertEqual(run.status, 0, run.output)
    XCTAssertTrue(run.output.contains("Closed loop"), run.output)
    XCTAssertTrue(run.output.contains("95 %"), run.output)
    let rated = try Program(["latency", "--seconds", "0.1", "--rate", "500"]).finish()
    XCTAssertEqual(rated.status, 0, rated.output)
    XCTAssertFalse(rated.output.contains("Closed loop"), rated.output)
  }

  func testScalingDrawsAChart() throws {
    let chart = resultFile()
    defer { try? FileManager.default.removeItem(at: chart) }
    let run = try Program([
      "scaling", "--filter", "event loops", "--rounds", "1", "--seconds", "0.1", "--chart", chart.path,
    ]).finish()
    XCTAssertEqual(run.status, 0, run.output)
    XCTAssertTrue(run.output.contains("event loops, 8 connections"), run.output)
    let svg = try String(contentsOf: chart, encoding: .utf8)
    XCTAssertTrue(svg.hasPrefix("<svg") && svg.hasSuffix("</svg>\n"), svg)
    XCTAssertTrue(svg.contains("event loops, 8 connections: memory"), svg)
  }

  func testCompareSeesNoDifferenceInCountersOfTheSameProgram() throws {
    let own = Program.path()
    let run = try Program([
      "compare", own, "--rounds", "2", "--seconds", "0.1", "--filter", "ask 16 B, window 128, event-loop, callback",
    ]).finish()
    XCTAssertEqual(run.status, 0, run.output)
    XCTAssertTrue(run.output.contains("verdict"), run.output)
    XCTAssertFalse(run.output.contains("allocations worse"), run.output)
  }

  func testRunRefusesOptionsOutOfRange() throws {
    let refused = [
      ["--window", "0"], ["--payload", "-1"], ["--scenario", "shout"], ["--messages", "1", "--seconds", "1"],
      ["--rounds", "0"], ["--endpoints", "2", "--scenario", "one-way"], ["--event-loops", "0"], ["--busy-poll", "-1"],
      ["latency", "--rate", "0"], ["--local", "--connect", "127.0.0.1:9"], ["--local", "--connections", "2"],
      ["--local", "--api", "callback", "--endpoints", "2"],
    ]
    for options in refused {
      XCTAssertNotEqual(try Program(options).finish().status, 0, "\(options)")
    }
  }

  func testRunFailsWhenThereIsNoServer() throws {
    XCTAssertNotEqual(
      try Program(["--connect", "127.0.0.1:9", "--messages", "1", "--warmup", "0"]).finish().status, 0)
  }

  func testEveryAskFailsOnceAndTheNextReconnectsWhenTheServerIsKilled() async throws {
    let server = try Program(["serve", "--until-input-ends"])
    let address = try XCTUnwrap(try server.line().split(separator: " ").last.map(String.init))
    var configuration = RPCConfiguration()
    configuration.reconnectDelay = .zero
    let client = try await RPCEnv.client(name: "client", configuration: configuration)
    let ref = try await client.endpointRef("rpc://bench-shared@\(address)")
    _ = try await ref.ask(bytes: [1])

    let ends = Signal("the end of an ask")
    let errors = Box<[RPCError]>([])
    let (kill, killed) = (server.killer, Box(false))
    for _ in 0..<200 {
      ref.ask(bytes: [UInt8](repeating: 7, count: 100_000)) { reply in
        do throws(RPCError) {
          _ = try reply.bytes
          // Where answers are taken, so that most of the others, more than sockets hold, are not when it ends.
          killed.update { isKilled in
            if !isKilled { kill() }
            isKilled = true
          }
        } catch {
          errors.append(error)
        }
        ends.fire()
      }
    }
    ends.wait(200)
    server.waitForEnd()
    XCTAssertFalse(errors.value.isEmpty, "the server answered everything before it was killed")
    let codes = Set(errors.value.map(\.code))
    XCTAssertTrue(codes.isSubset(of: [.connectionLost, .connectFailed]), "\(codes)")

    // The port is still the client's idea of the server: one that listens there again is found by the next ask.
    let port = try XCTUnwrap(address.split(separator: ":").last.map(String.init))
    let second = try Program(["serve", "--until-input-ends", "--port", port])
    XCTAssertEqual(try second.line(), "listening on \(address)")
    let reply = try await ref.ask(bytes: [1, 2, 3])
    XCTAssertEqual(reply, [1, 2, 3])
    await client.shutdown()
    second.endInput()
    XCTAssertEqual(second.finish().status, 0)
  }
}
