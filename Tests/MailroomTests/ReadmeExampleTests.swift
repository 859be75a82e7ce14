import Foundation
// README: import
import Mailroom
// README: end
import XCTest

// README: types
struct SayHi: RPCRequest, Codable { typealias Reply = String; var name: String }
struct Tick: RPCMessage, Codable { var count: Int }

final class Hello: RPCEndpoint {
  private var ticks = 0  // no lock: the inbox owns this object

  static func handlers(_ on: inout RPCHandlers<Hello>) {
    on.receive(Tick.self) { hello, tick in hello.ticks += tick.count }
    on.ask(SayHi.self) { hello, hi in "Hi \(hi.name), \(hello.ticks) ticks" }
  }
}
// README: end

/// The program in the README is this one, and does what the README says.
final class ReadmeExampleTests: XCTestCase {
  private func example() async throws -> String {
    // README: main
    let server = try await RPCEnv.start(name: "server", host: "127.0.0.1", port: 0)
    try server.register("hello", Hello())

    let client = try await RPCEnv.client(name: "client")
    let hello = try await client.endpointRef("rpc://hello@\(server.address!.hostPort)")
    try hello.send(Tick(count: 1))
    let greeting = try await hello.ask(SayHi(name: "Swift"))
    print(greeting)  // Hi Swift, 1 ticks

    await client.shutdown()
    await server.shutdown()
    // README: end
    return greeting
  }

  func testExamplePrintsWhatTheReadmeSays() async throws {
    let greeting = try await example()
    XCTAssertEqual(greeting, "Hi Swift, 1 ticks")
  }

  func testReadmeShowsThisProgramInAtMost25Lines() throws {
    let here = URL(fileURLWithPath: #filePath)
    let readme = here.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("README.md")
    let shown = try section(of: lines(of: readme), from: "```swift", to: "```")
    let source = try lines(of: here)
    let compiled = try ["import", "types", "main"].flatMap { name in
      try section(of: source, from: "// README: \(name)", to: "// README: end")
    }
    XCTAssertEqual(shown.filter { !$0.isEmpty }, compiled.filter { !$0.isEmpty })
    XCTAssertLessThanOrEqual(shown.count, 25)
  }

  private func lines(of file: URL) throws -> [String] {
    try String(contentsOf: file, encoding: .utf8).components(separatedBy: "\n")
      .map { $0.trimmingCharacters(in: .whitespaces) }
  }

  private func section(of lines: [String], from first: String, to last: String) throws -> [String] {
    let start = try XCTUnwrap(lines.firstIndex(of: first), "no line \(first)")
    let end = try XCTUnwrap(lines[(start + 1)...].firstIndex(of: last), "no line \(last) behind \(first)")
    return Array(lines[(start + 1)..<end])
  }
}
