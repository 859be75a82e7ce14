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
    let source = try DocumentedCode(file: #filePath)
    let shown = try DocumentedCode(document: "README.md").blocks()[0]
    let compiled = try ["import", "types", "main"].flatMap { try source.section("README: \($0)") }
    XCTAssertEqual(shown.filter { !$0.isEmpty }, compiled.filter { !$0.isEmpty })
    XCTAssertLessThanOrEqual(shown.count, 25)
  }
}
