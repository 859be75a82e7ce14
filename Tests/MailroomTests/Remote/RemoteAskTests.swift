import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// Asks of other processes whose tasks decode the reply.
final class RemoteAskTests: EnvironmentTestCase {
  /// Asks for a number, and lets `act` complete the ask; says how it ended, and whether an error was the endpoint's answer.
  private func ask(
    own timeout: Duration? = nil, _ act: (Asked) -> Void
  ) async throws -> (result: Result<Int64, RPCError>, wasAnswered: Bool) {
    let ask = try await makeAsk(own: timeout)
    var wasAnswered = false
    do throws(RPCError) {
      return (.success(try await ask.reply(as: Int64.self, wasAnswered: &wasAnswered) { act(ask) }), wasAnswered)
    } catch {
      return (.failure(error), wasAnswered)
    }
  }

  /// An ask, and what its reply is read with.
  private struct Asked: Sendable {
    let ask: RemoteAsk
    let source: MessageSource

    var isAbandoned: Bool { ask.isAbandoned }

    func receive(_ response: borrowing TransportResponse) { ask.receive(response) }

    func fail(_ error: RPCError) { ask.fail(error) }

    nonisolated(nonsending) func bytes(_ start: () -> Void) async throws(RPCError) -> [UInt8] {
      try await ask.bytes(from: source, start)
    }

    nonisolated(nonsending) func reply<Reply: RPCValue>(
      as type: Reply.Type, wasAnswered: inout Bool, _ start: () -> Void
    ) async throws(RPCError) -> Reply {
      try await ask.reply(as: type, from: source, wasAnswered: &wasAnswered, start)
    }
  }

  private func makeAsk(own timeout: Duration? = nil) async throws -> Asked {
    let client = try await makeClient()
    return Asked(ask: RemoteAsk(until: AskLimit(timeout, client)), source: MessageSource(env: client))
  }

  private func number(_ number: Int64) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(Content.typed)
    writer.append(integer: number)
    return writer.array()
  }

  private func failure(_ error: RPCError) -> [UInt8] {
    var writer = ByteWriter()
    Content.append(error, to: &writer)
    return writer.array()
  }

  private static let governs = "This timeout is controlled by "

  // MARK: Replies

  func testReplyIsDecodedByTheTask() async throws {
    let body = number(7)
    let (result, wasAnswered) = try await ask { ask in
      XCTAssertFalse(ask.isAbandoned)
      ask.receive(.success(body.rawSpan))
      XCTAssertTrue(ask.isAbandoned)
    }
    XCTAssertEqual(result.value, 7)
    XCTAssertFalse(wasAnswered)
  }

  func testReplyThatCannotBeDecodedIsAnAnswerAllTheSame() async throws {
    let whole = number(7)
    let bodies = (0..<whole.count).map { Array(whole.prefix($0)) } + [whole + [0], [Content.raw, 7], [0x77]]
    for body in bodies {
      let (result, wasAnswered) = try await ask { $0.receive(.success(body.rawSpan)) }
      assertIs(result.error, .undecodable, "\(body)")
      XCTAssertTrue(wasAnswered, "\(body)")
    }
  }

  func testRawBytesAreAskedForOrNot() async throws {
    for content: [UInt8] in [[], [7], [7, 8, 9]] {
      let raw = try await makeAsk()
      let bytes = try await raw.bytes { raw.receive(.success(([Content.raw] + content).rawSpan)) }
      XCTAssertEqual(bytes, content)
      let typed = try await makeAsk()
      var wasAnswered = false
      let reply = try await typed.reply(as: RPCBytes.self, wasAnswered: &wasAnswered) {
        typed.receive(.success(([Content.raw] + content).rawSpan))
      }
      XCTAssertEqual(reply.bytes, content)
    }
    let body: [UInt8] = [0x77]
    let ask = try await makeAsk()
    await assertThrows(.undecodable) { try await ask.bytes { ask.receive(.success(body.rawSpan)) } }
    let failed = failure(RPCError(.noReply, "nothing"))
    let other = try await makeAsk()
    await assertThrows(.noReply) { try await other.bytes { other.receive(.success(failed.rawSpan)) } }
  }

  func testFailureOfTheHandlerIsAnAnswerAndThatOfTheWayIsNone() async throws {
    let body = failure(RPCError(.init(name: "c"), "why", execution: .notExecuted))
    let answered = try await ask { $0.receive(.success(body.rawSpan)) }
    assertIs(answered.result.error, .init(name: "c"), execution: .notExecuted)
    XCTAssertTrue(answered.wasAnswered)
    let lost = try await ask { $0.receive(.failure(TransportError(.connectionClosed, "gone"))) }
    assertIs(lost.result.error, .connectionLost)
    XCTAssertFalse(lost.wasAnswered)
  }

  // MARK: Timeouts

  func testTimeoutNamesWhatGoverns() async throws {
    let client = try await makeClient()
    let sources = [
      (nil, client.configuration.askTimeoutSource), (Duration.seconds(600), "the timeout that the ask was given"),
    ]
    let answer = failure(RPCError(.timeout, "late", execution: .notExecuted))
    for (own, source) in sources {
      let expired = try await ask(own: own) { $0.receive(.failure(TransportError(.timeout, "late"))) }
      let refused = try await ask(own: own) { $0.fail(RPCError(.timeout, "late")) }
      let answered = try await ask(own: own) { $0.receive(.success(answer.rawSpan)) }
      for (result, _) in [expired, refused, answered] {
        assertIs(result.error, .timeout, source)
        XCTAssertEqual(result.error?.message, "late. " + Self.governs + source)
      }
    }
  }

  func testTimeoutOfTheHandlersOwnIsNotNamed() async throws {
    let body = failure(RPCError(.timeout, "another ask's", execution: .unknown))
    let (result, wasAnswered) = try await ask(own: .seconds(600)) { $0.receive(.success(body.rawSpan)) }
    XCTAssertEqual(result.error?.message, "another ask's")
    XCTAssertTrue(wasAnswered)
  }

  // MARK: Giving up

  func testAskOfACancelledTaskDoesNotStart() async throws {
    let ask = try await makeAsk()
    let task = Task {
      await eventually("the task is cancelled") { Task.isCancelled }
      return try await ask.bytes { XCTFail("nothing may be sent") }
    }
    task.cancel()
    await assertThrows(.cancelled) { try await task.value }
    XCTAssertTrue(ask.isAbandoned)
  }

  func testAskThatIsCancelledStopsWaitingAndDropsTheReply() async throws {
    let ask = try await makeAsk()
    let started = Signal("the start")
    let task = Task { try await ask.bytes { started.fire() } }
    await started.comes()
    task.cancel()
    await assertThrows(.cancelled) { try await task.value }
    ask.receive(.success([Content.raw, 7].rawSpan))
    ask.fail(RPCError(.timeout, "late"))
  }

  func testCancellationFollowsARequestThatWasSent() async throws {
    let listener = try RawListener()
    let client = try await makeClient()
    let ref = try client.remoteRef(name: "a", address: RPCAddress(host: "127.0.0.1", port: listener.port))
    let typed = Task { try await ref.ask(Say(text: "")) }
    let peer = try await listener.acceptKnown()
    let first = try await peer.next()
    typed.cancel()
    await assertThrows(.cancelled) { try await typed.value }
    let cancellation = try await peer.next()
    XCTAssertEqual(cancellation.kind, 65)
    XCTAssertEqual(cancellation.id, first.id)
    let raw = Task { try await ref.ask(bytes: [1]) }
    let second = try await peer.next()
    // The first one's answer finds nobody.
    try peer.send(RawFrame.response(first.id, [Content.raw]) + RawFrame.response(second.id, [Content.raw, 5]))
    let bytes = try await raw.value
    XCTAssertEqual(bytes, [5])
    peer.reset()
  }

  func testAskIsCompletedOnceByManyThreads() async throws {
    for _ in 0..<50 {
      let ask = try await makeAsk()
      let started = Signal("the start")
      let task = Task { try await ask.bytes { started.fire() } }
      await started.comes()
      try await fromThreads(4) { thread in
        switch thread {
        case 0: ask.receive(.success([Content.raw, 7].rawSpan))
        case 1: ask.fail(RPCError(.timeout, "late"))
        case 2: ask.receive(.failure(TransportError(.connectionClosed, "gone")))
        default: task.cancel()
        }
      }
      // A second completion would go on with the task a second time, which ends the process.
      _ = await task.result
      XCTAssertTrue(ask.isAbandoned)
    }
  }
}
