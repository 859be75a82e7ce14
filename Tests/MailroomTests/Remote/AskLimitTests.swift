import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// What errors of asks that have timed out say about the setting that governs (rows RE6 and RE33).
final class AskLimitTests: EnvironmentTestCase {
  /// Asks in every form, with the form's name, and returns the errors with it.
  private func askInEveryForm(_ ref: RPCEndpointRef, _ timeout: Duration?) async -> [(String, RPCError?)] {
    var errors: [(String, RPCError?)] = []
    errors.append(
      ("async", await assertThrows(.timeout) { try await ref.ask(Say(text: "async"), timeout: timeout) }))
    let bytes = await assertThrows(.timeout) { try await ref.ask(bytes: Array("async bytes".utf8), timeout: timeout) }
    errors.append(("async bytes", bytes))
    let typed = Results<RPCError?>("the end of an ask")
    ref.ask(Say(text: "typed function"), timeout: timeout) { typed.add($0.error) }
    errors.append(("typed function", await typed.next()[0]))
    let raw = Results<RPCError?>("the end of an ask")
    ref.ask(bytes: Array("bytes function".utf8), timeout: timeout) { reply in
      do throws(RPCError) {
        _ = try reply.bytes
        raw.add(nil)
      } catch {
        raw.add(error)
      }
    }
    errors.append(("bytes function", await raw.next()[0]))
    let blocked = await assertThrows(.timeout) {
      try await offPool { try ref.askBlocking(Say(text: "blocking"), timeout: timeout) }
    }
    errors.append(("blocking", blocked))
    return errors
  }

  /// Asks an endpoint that does not answer, of the same environment and of another one, until all asks were handled in time.
  ///
  /// - Parameter configuration: of both environments, whose asks have a timeout or none that matters.
  private func assertSource(
    _ source: String, isOwn: Bool = false, file: StaticString = #filePath, line: UInt = #line,
    _ configuration: (Duration) throws -> RPCConfiguration
  ) async throws {
    try await GrowingTimes().tryEach("a handler to have each ask", file: file, line: line) { time in
      var configuration = try configuration(time)
      // Connecting has as long as it takes.
      configuration.lookupTimeout = .seconds(60)
      configuration.transport.connectTimeout = .seconds(60)
      let (server, client) = (try await makeServer(configuration), try await makeClient(configuration))
      var areHandled = true
      for place in ["local", "remote"] {
        let kept = Box<[String: any Sendable]>([:])
        let endpoint = Scripted()
        endpoint.asked = { say, context in kept.update { $0[say.text] = context } }
        endpoint.askedBytes = { bytes, context in
          kept.update { $0[String(decoding: bytes, as: UTF8.self)] = context }
        }
        let local = try server.register("mute-\(place)", endpoint)
        let ref = place == "local" ? local : try await client.endpointRef(server.uri(local.name))
        for (form, error) in await askInEveryForm(ref, isOwn ? time : nil) {
          let message = error?.message ?? ""
          XCTAssertTrue(
            message.hasSuffix("This timeout is controlled by \(source)"), "\(message); \(form), \(place)", file: file,
            line: line)
          XCTAssertEqual(message.components(separatedBy: "controlled by").count, 2, message, file: file, line: line)
          // One that no handler has had in time may say so.
          let isHandled = kept.value[form] != nil
          assertIs(
            error, .timeout, execution: isHandled ? .unknown : nil, "\(form), \(place)", file: file, line: line)
          areHandled = areHandled && isHandled
        }
        kept.update { $0 = [:] }
      }
      return areHandled
    }
  }

  /// A duration as settings have it.
  private static func text(_ time: Duration) -> String { "\(Int(time / .milliseconds(1)))ms" }

  func testRE33DefaultIsNamed() async throws {
    // The default's source, without its 120 s.
    XCTAssertEqual(RPCConfiguration().askTimeoutSource, "spark.rpc.askTimeout")
    try await assertSource("spark.rpc.askTimeout") {
      try RPCConfiguration(settings: ["spark.rpc.askTimeout": Self.text($0)])
    }
  }

  func testRE33FallbackIsNamed() async throws {
    try await assertSource("spark.network.timeout") {
      try RPCConfiguration(settings: ["spark.network.timeout": Self.text($0)])
    }
  }

  func testRE33PropertyIsNamed() async throws {
    try await assertSource("RPCConfiguration.askTimeout") { time in
      var configuration = RPCConfiguration()
      configuration.askTimeout = time
      return configuration
    }
  }

  func testRE6AsksOwnTimeoutIsNamed() async throws {
    try await assertSource("the timeout that the ask was given", isOwn: true) { _ in
      try RPCConfiguration(settings: ["spark.network.timeout": "600s"])
    }
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
