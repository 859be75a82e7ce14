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
        "--senders", "2", "--messages", "500", "--warmup", "0", "--json", file.path,
      ]).finish()
      XCTAssertEqual(run.status, 0)
      XCTAssertTrue(run.output.contains("messages/s"), run.output)
      let json = try XCTUnwrap(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
      XCTAssertEqual(json["schema"] as? Int, 1)
      let machine = try XCTUnwrap(json["machine"] as? [String: Any])
      XCTAssertEqual(
        Set(machine.keys), ["cpu", "cores", "kernel", "swift", "libuv", "congestionControl", "commit"])
      let result = try XCTUnwrap((json["results"] as? [[String: Any]])?.first)
      XCTAssertEqual(
        Set(result.keys),
        [
          "name", "payload", "window", "dispatch", "api", "senders", "messages", "seconds", "throughput",
          "latencyMicroseconds",
        ])
      XCTAssertEqual(result["name"] as? String, scenario)
      XCTAssertEqual(result["senders"] as? Int, 2)
      XCTAssertGreaterThanOrEqual(try XCTUnwrap(result["messages"] as? Int), 500)
      let latency = try XCTUnwrap(result["latencyMicroseconds"] as? [String: Double])
      XCTAssertEqual(Set(latency.keys), ["p50", "p90", "p99", "p999", "max"])
      XCTAssertGreaterThan(try XCTUnwrap(latency["p50"]), 0)
    }
  }

  func testSendersWhoseWindowsAreAboveTheBoundOfAnOutboxLoseNothing() throws {
    // Four windows of 65 536 are twice what waits for one endpoint by default.
    let run = try Program([
      "--scenario", "one-way", "--payload", "16", "--window", "65536", "--dispatch", "shared", "--api", "async",
      "--senders", "4", "--messages", "300000", "--warmup", "0",
    ]).finish()
    XCTAssertEqual(run.status, 0)
    XCTAssertTrue(run.output.contains("messages/s"), run.output)
  }

  func testRunRefusesOptionsOutOfRange() throws {
    let refused = [
      ["--window", "0"], ["--payload", "-1"], ["--scenario", "shout"], ["--messages", "1", "--seconds", "1"],
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

    let replies = Signal("a reply")
    let ends = Signal("the end of an ask")
    let errors = Box<[RPCError]>([])
    for _ in 0..<200 {
      ref.ask(bytes: [UInt8](repeating: 7, count: 100_000)) { reply in
        do throws(RPCError) {
          _ = try reply.bytes
          replies.fire()
        } catch {
          errors.append(error)
        }
        ends.fire()
      }
    }
    replies.wait()
    server.kill()
    ends.wait(200)
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
