import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// What errors of asks that have timed out say about the setting that governs (rows RE6 and RE33).
final class AskLimitTests: EnvironmentTestCase {
  /// Asks in every form, and returns the errors with the form's name.
  private func askInEveryForm(_ ref: RPCEndpointRef, _ timeout: Duration?) async -> [(String, RPCError?)] {
    var errors: [(String, RPCError?)] = []
    errors.append(("async", await assertThrows(.timeout) { try await ref.ask(Say(text: ""), timeout: timeout) }))
    errors.append(("async bytes", await assertThrows(.timeout) { try await ref.ask(bytes: [1], timeout: timeout) }))
    let typed = Results<RPCError?>("the end of an ask")
    ref.ask(Say(text: ""), timeout: timeout) { typed.add($0.error) }
    errors.append(("typed function", await typed.next()[0]))
    let raw = Results<RPCError?>("the end of an ask")
    ref.ask(bytes: [1], timeout: timeout) { reply in
      do throws(RPCError) {
        _ = try reply.bytes
        raw.add(nil)
      } catch {
        raw.add(error)
      }
    }
    errors.append(("bytes function", await raw.next()[0]))
    let blocked = await assertThrows(.timeout) {
      try await offPool { try ref.askBlocking(Say(text: ""), timeout: timeout) }
    }
    errors.append(("blocking", blocked))
    return errors
  }

  /// Asks an endpoint that does not answer, of the same environment and of another one.
  private func assertSource(
    _ source: String, _ configuration: RPCConfiguration, timeout: Duration? = nil, file: StaticString = #filePath,
    line: UInt = #line
  ) async throws {
    let kept = Box<[any Sendable]>([])
    let (server, client) = (try await makeServer(configuration), try await makeClient(configuration))
    let endpoint = Scripted()
    endpoint.asked = { _, context in kept.append(context) }
    endpoint.askedBytes = { _, context in kept.append(context) }
    let local = try server.register("mute", endpoint)
    let remote = try await client.endpointRef(server.uri("mute"))
    for (place, ref) in [("local", local), ("remote", remote)] {
      for (form, error) in await askInEveryForm(ref, timeout) {
        assertIs(error, .timeout, execution: .unknown, "\(form), \(place)", file: file, line: line)
        let message = error?.message ?? ""
        XCTAssertTrue(
          message.hasSuffix("This timeout is controlled by \(source)"), "\(message); \(form), \(place)", file: file,
          line: line)
        XCTAssertEqual(message.components(separatedBy: "controlled by").count, 2, message, file: file, line: line)
      }
    }
    kept.update { $0 = [] }
  }

  func testRE33DefaultIsNamed() async throws {
    // The default's source, without its 120 s.
    let configuration = try RPCConfiguration(settings: ["spark.rpc.askTimeout": "20ms"])
    XCTAssertEqual(RPCConfiguration().askTimeoutSource, "spark.rpc.askTimeout")
    try await assertSource("spark.rpc.askTimeout", configuration)
  }

  func testRE33FallbackIsNamed() async throws {
    try await assertSource(
      "spark.network.timeout", try RPCConfiguration(settings: ["spark.network.timeout": "20ms"]))
  }

  func testRE33PropertyIsNamed() async throws {
    var configuration = RPCConfiguration()
    configuration.askTimeout = .milliseconds(20)
    try await assertSource("RPCConfiguration.askTimeout", configuration)
  }

  func testRE6AsksOwnTimeoutIsNamed() async throws {
    try await assertSource(
      "the timeout that the ask was given", try RPCConfiguration(settings: ["spark.network.timeout": "600s"]),
      timeout: .milliseconds(20))
  }

  func testTimeoutBeforeTheConnectionNamesItsSettingToo() async throws {
    let listener = try RawListener()
    let client = try await makeClient(try RPCConfiguration(settings: ["spark.rpc.askTimeout": "20ms"]))
    let ref = try client.remoteRef(name: "a", address: RPCAddress(host: "127.0.0.1", port: listener.port))
    for (form, error) in await askInEveryForm(ref, nil) {
      assertIs(error, .timeout, execution: .notExecuted, form)
      XCTAssertTrue(error?.message.hasSuffix("controlled by spark.rpc.askTimeout") ?? false, error?.message ?? "")
    }
  }

  func testPeerThatIsFirstToSeeTheTimeoutDoesNotHideTheSetting() async throws {
    let listener = try RawListener()
    let client = try await makeClient()
    let ref = try client.remoteRef(name: "a", address: RPCAddress(host: "127.0.0.1", port: listener.port))
    let ends = Results<RPCError?>("the end of an ask")
    for _ in 0..<2 { ref.ask(Say(text: ""), timeout: .seconds(600)) { ends.add($0.error) } }
    let peer = try await listener.acceptKnown()
    let requests = try await peer.next(2)
    for (request, execution) in zip(requests, [RPCError.Execution.notExecuted, .unknown]) {
      var body = ByteWriter()
      Content.append(RPCError(.timeout, "too late", execution: execution), to: &body)
      try peer.send(RawFrame.response(request.id, body.array()))
    }
    let errors = await ends.next(2)
    XCTAssertEqual(
      errors[0]?.message, "too late. This timeout is controlled by the timeout that the ask was given")
    XCTAssertEqual(errors[1]?.message, "too late", "a timeout of the handler's own is not this ask's")
    peer.reset()
  }
}
