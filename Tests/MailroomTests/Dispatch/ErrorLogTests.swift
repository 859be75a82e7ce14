import Logging
import MailroomQueue
import TestSupport
import XCTest

@testable import Mailroom

/// What an endpoint without an `onError` of its own leaves in the log.
final class ErrorLogTests: EnvironmentTestCase {
  private let log = LogLines()

  private var configuration: RPCConfiguration {
    var configuration = RPCConfiguration()
    configuration.logger = log.logger
    return configuration
  }

  /// Has `send` send something to an endpoint in every way; returns what is logged of it by when the next ask is answered.
  private func linesInEveryWay(
    _ ways: [Bool] = [false, true], _ send: (RPCEndpointRef) async throws -> Void
  ) async throws -> [String] {
    var lines: [String] = []
    for dispatch in Way.dispatches {
      for isRemote in ways {
        let server = try await makeServer(configuration)
        let way = Way(dispatch: dispatch, server: server, client: isRemote ? try await makeClient() : nil)
        let ref = try await way.register("careless", Careless())
        try await send(ref)
        _ = try await ref.ask(Total())
        lines += log.lines.value
        log.lines.update { $0 = [] }
      }
    }
    return lines
  }

  func testErrorOfAOneWayHandlerIsLogged() async throws {
    let lines = try await linesInEveryWay { try $0.send(Note(text: "spilt")) }
    let line = "warning: The endpoint careless, which has no onError of its own, has failed: spilt"
    XCTAssertEqual(lines, Array(repeating: line, count: 6))
  }

  func testErrorOfAOneWayHandlerThatMaySuspendIsLogged() async throws {
    let lines = try await linesInEveryWay { try $0.send(Add(3)) }
    let line = "warning: The endpoint careless, which has no onError of its own, has failed: 3"
    XCTAssertEqual(lines, Array(repeating: line, count: 6))
  }

  func testMessageWithoutAHandlerIsLogged() async throws {
    for send in [{ try $0.send(Unheard()) }, { try $0.send(bytes: [1]) }] as [(RPCEndpointRef) throws -> Void] {
      let lines = try await linesInEveryWay { try send($0) }
      XCTAssertEqual(lines.count, 6, "\(lines)")
      for line in lines { XCTAssertTrue(line.contains("unsupportedMessage: Careless has no handler for"), line) }
    }
  }

  func testMessageThatCannotBeDecodedIsLogged() async throws {
    let lines = try await linesInEveryWay([true]) { try $0.send(Falsified()) }
    XCTAssertEqual(lines.count, 3, "\(lines)")
    for line in lines { XCTAssertTrue(line.contains("undecodable: Note cannot be decoded"), line) }
  }

  func testErrorsThatAnAskerIsToldAreNotLogged() async throws {
    let lines = try await linesInEveryWay { ref in
      await assertThrows(.handlerFailed) { try await ref.ask(Say(text: "x")) }
      await assertThrows(.unsupportedMessage) { try await ref.ask(UnheardRequest()) }
      await assertThrows(.unsupportedMessage) { try await ref.ask(bytes: [1]) }
    }
    XCTAssertEqual(lines, [])
  }

  func testErrorsOfTheBeginningAndTheEndAreLogged() async throws {
    for dispatch in Way.dispatches {
      let env = try await makeServer(configuration)
      for name in ["first", "second"] { try env.register(name, Clumsy(), on: dispatch) }
      await env.shutdown()
      let lines = log.lines.value.sorted()
      let expected = ["first", "second"].flatMap {
        [
          "warning: The endpoint \($0) has ended; its last errors that are not logged: 1",
          "warning: The endpoint \($0), which has no onError of its own, has failed: no start",
        ]
      }
      XCTAssertEqual(lines, expected.sorted(), "\(dispatch)")
      log.lines.update { $0 = [] }
    }
  }

  func testErrorsThatComeOftenAreCountedAndNotLogged() {
    let errors = ErrorLog(of: "busy", in: log.logger)
    let (start, pause) = (MonotonicTime.now, MonotonicTime.nanoseconds(in: ErrorLog.pause))
    for index in 0..<1000 {
      errors.report(Oops(description: "error \(index)"), at: start.advanced(byNanoseconds: UInt64(index) * pause / 500))
    }
    errors.end()
    errors.end()
    let line = "warning: The endpoint busy, which has no onError of its own, has failed: error"
    XCTAssertEqual(
      log.lines.value,
      [
        "\(line) 0", "\(line) 500; errors before it that are not logged: 499",
        "warning: The endpoint busy has ended; its last errors that are not logged: 499",
      ])
  }

  func testTextOfAnErrorIsCut() {
    ErrorLog(of: "x", in: log.logger).report(Oops(description: String(repeating: "a", count: 1_000_000)))
    XCTAssertTrue(log.lines.value.allSatisfy { $0.count < ErrorLog.textLimit + 100 }, "\(log.lines.value)")
    XCTAssertEqual(log.lines.value.count, 1)
  }

  func testEndpointWithAnOnErrorLogsNothing() async throws {
    let env = try await makeServer(configuration)
    let errors = Results<any Error>("an error")
    let endpoint = Scripted()
    endpoint.failed = { errors.add($0) }
    endpoint.noted = { _, _ in throw Oops() }
    let ref = try env.register("careful", endpoint)
    try ref.send(Note(text: ""))
    _ = await errors.next()
    await env.shutdown()
    XCTAssertEqual(log.lines.value, [])
  }
}

private struct Unheard: RPCMessage, Codable {}

private struct UnheardRequest: RPCRequest, Codable { typealias Reply = Int }

/// Goes by another message's name.
private struct Falsified: RPCMessage, Codable {
  static var messageName: String { Note.messageName }
}

/// Fails at everything but a ``Total``, and has no `onError`.
private final class Careless: RPCEndpoint {
  static func handlers(_ on: inout RPCHandlers<Careless>) {
    on.receive(Note.self) { _, note in throw Oops(description: note.text) }
    on.receive(Add.self) { _, add async throws in throw Oops(description: "\(add.amount)") }
    on.ask(Say.self) { _, _ -> String in throw Oops() }
    on.ask(Total.self) { _, _ in 1 }
  }
}

/// Does not even begin, and has no `onError`.
private final class Clumsy: RPCEndpoint {
  func onStart(_ me: RPCEndpointRef) throws { throw Oops(description: "no start") }
  func onStop() throws { throw Oops(description: "no end") }

  static func handlers(_ on: inout RPCHandlers<Clumsy>) {}
}
