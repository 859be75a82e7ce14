import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// Peers that are connected to, and what they make of the introduction.
final class PeerConnectorTests: EnvironmentTestCase {
  // MARK: Peers that answer

  func testPeerThatAnswersIsKnownAndGetsDeadlines() async throws {
    let (listener, ref) = try await makeAsker()
    let reply = Task { try await ref.ask(Say(text: "hello"), timeout: .seconds(60)) }
    let peer = try await listener.acceptKnown()
    let request = try await peer.next()
    XCTAssertEqual(request.kind, 64)
    XCTAssertTrue((1...60_000_000_000).contains(request.nanosecondsLeft), "\(request.nanosecondsLeft)")
    try peer.send(Self.ok(request))
    let value = try await reply.value
    XCTAssertEqual(value, "ok")
    peer.reset()
  }

  func testPeersThatAnswerSomethingElseAreServedWithoutExtensions() async throws {
    let answers: [(Int64) -> [UInt8]] = [
      { RawFrame.failure($0, "java.io.StreamCorruptedException") }, { RawFrame.failure($0, "") },
      { RawFrame.response($0, [1, 2, 3]) }, { RawFrame.response($0, []) },
      // Introductions that cannot be read.
      { RawFrame.response($0, [0x0E]) }, { RawFrame.response($0, [0x0E, 0, 1]) },
      { RawFrame.response($0, [0x0E, 1] + [UInt8](repeating: 7, count: 16) + [1, 0xFF]) },
    ]
    for (index, answer) in answers.enumerated() {
      let (listener, ref) = try await makeAsker()
      let reply = Task { try await ref.ask(Say(text: "hello"), timeout: .seconds(60)) }
      let (peer, id) = try await listener.acceptAsker()
      try peer.send(answer(id))
      let request = try await peer.next()
      XCTAssertEqual(request.kind, 3, "answer \(index)")
      try peer.send(Self.ok(request))
      let value = try await reply.value
      XCTAssertEqual(value, "ok", "answer \(index)")
      peer.reset()
    }
  }

  func testNothingIsSentBeforeTheAnswer() async throws {
    let (listener, ref) = try await makeAsker()
    for number in 0..<3 { try ref.send(bytes: [UInt8(number)]) }
    let (peer, id) = try await listener.acceptAsker()
    // Its requests are served meanwhile, so what comes next is the answer to this one and no message.
    try peer.send(RawFrame.request(7, to: "missing", [1]))
    let answer = try await peer.next()
    XCTAssertEqual(answer.kind, 4)
    XCTAssertEqual(answer.id, 7)
    try peer.send(RawFrame.failure(id, "no"))
    let messages = try await peer.next(3)
    XCTAssertEqual(messages.map(\.content), [[1, 0], [1, 1], [1, 2]])
    peer.reset()
  }

  // MARK: Peers that do not

  func testPeerThatHangsUpFailsTheAttemptOnly() async throws {
    for isReset in [true, false] {
      let (listener, ref) = try await makeAsker()
      let failed = Task { try await ref.ask(Say(text: "never sent")) }
      let (peer, _) = try await listener.acceptAsker()
      if isReset { peer.reset() } else { peer.finish() }
      await assertThrows(.connectFailed, execution: .notExecuted) { try await failed.value }
      let reply = Task { try await ref.ask(Say(text: "again")) }
      let next = try await listener.acceptKnown()
      try next.send(Self.ok(try await next.next()))
      let value = try await reply.value
      XCTAssertEqual(value, "ok")
      next.reset()
    }
  }

  func testPeerThatSendsGarbageFailsTheAttempt() async throws {
    let garbage = [
      Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), bytes(hex: "0000000000000000"),
      // Frames of the extensions, which nobody has agreed upon yet.
      RawFrame.pause("echo"), RawFrame.cancel(1),
    ]
    for bytes in garbage {
      let (listener, ref) = try await makeAsker()
      let failed = Task { try await ref.ask(Say(text: "never sent")) }
      let (peer, _) = try await listener.acceptAsker()
      try peer.send(bytes)
      await assertThrows(.connectFailed, execution: .notExecuted, "\(bytes)") { try await failed.value }
      let hasEnded = try await peer.receivesNothingMore()
      XCTAssertTrue(hasEnded)
    }
  }

  func testPeerThatDoesNotAnswerFailsTheAttemptInTimeAndTheNextWorks() async throws {
    try await GrowingTimes(from: .milliseconds(100)).tryEach("an introduction") { time in
      try await self.assertNextWorksAfterSilence(time)
    }
  }

  /// Connects to a peer that does not answer, then to one that does; says whether the first was asked within the time.
  private func assertNextWorksAfterSilence(_ time: Duration) async throws -> Bool {
    guard let (listener, ref, mute, _, error) = try await makeUnanswered(time) else { return false }
    XCTAssertTrue(error?.message.contains("did not answer the introduction") ?? false, "\(error?.message ?? "")")
    let hasEnded = try await mute.receivesNothingMore()
    XCTAssertTrue(hasEnded, "the connection is not kept")

    let server = Task { try await PeerConnectorTests.answerOnce(at: listener) }
    var reply: String?
    for _ in 0..<50 where reply == nil {
      do {
        reply = try await ref.ask(Say(text: "again"))
      } catch {
        assertIs(error, .connectFailed, execution: .notExecuted)
      }
    }
    XCTAssertEqual(reply, "ok")
    try await server.value
    return true
  }

  func testAnswerThatComesTooLateDisturbsNobody() async throws {
    try await GrowingTimes(from: .milliseconds(50)).tryEach("an introduction") { time in
      guard let (_, _, mute, id, _) = try await self.makeUnanswered(time) else { return false }
      try? mute.send(RawFrame.failure(id, "late"))
      let hasEnded = try await mute.receivesNothingMore()
      XCTAssertTrue(hasEnded)
      return true
    }
  }

  /// A peer that was connected to and did not answer the introduction within the time, and how the ask failed that wanted it.
  ///
  /// Nil when the time was not even enough for the introduction to come.
  private func makeUnanswered(
    _ time: Duration
  ) async throws -> (listener: RawListener, ref: RPCEndpointRef, mute: RawSocket, id: Int64, error: RPCError?)? {
    var configuration = Self.impatient
    configuration.transport.connectTimeout = time
    let (listener, ref) = try await makeAsker(configuration)
    let failed = Task { try await ref.ask(Say(text: "never sent")) }
    let asker = try? await listener.acceptAsker()
    let error = await assertThrows(.connectFailed, execution: .notExecuted) { try await failed.value }
    return asker.map { (listener, ref, $0.peer, $0.id, error) }
  }

  // MARK: The end

  func testEnvironmentEndsDuringTheIntroduction() async throws {
    let listener = try RawListener()
    let client = try await makeClient(Self.impatient)
    let ref = try client.remoteRef(name: "echo", address: RPCAddress(host: "127.0.0.1", port: listener.port))
    try ref.send(Note(text: "never sent"))
    let asks = Results<RPCError?>("the end of an ask")
    for _ in 0..<3 { ref.ask(Say(text: "never sent")) { asks.add($0.error) } }
    let (peer, _) = try await listener.acceptAsker()
    await client.shutdown()
    for error in await asks.next(3) { assertIs(error, .stopped, execution: .notExecuted) }
    let isSilent = try await peer.receivesNothingMore()
    XCTAssertTrue(isSilent)
    XCTAssertEqual(client.undeliverableMessages, 1)
    XCTAssertEqual(asks.values.count, 3)
  }

  func testIntroductionThatFitsNoFrameFailsTheAttempt() async throws {
    var configuration = Self.impatient
    configuration.transport.maximumFrameLength = 64
    let (_, ref) = try await makeAsker(configuration)
    await assertThrows(.connectFailed, execution: .notExecuted) { try await ref.ask(bytes: [1]) }
  }

  // MARK: Helpers

  /// Answers the first request that comes; of a slow machine's connections some may be given up before.
  private static func answerOnce(at listener: RawListener) async throws {
    for _ in 0..<50 {
      let peer = try await listener.acceptKnown()
      guard let request = try? await peer.next() else { continue }
      return try peer.send(ok(request))
    }
  }

  private static var impatient: RPCConfiguration {
    var configuration = RPCConfiguration()
    configuration.reconnectDelay = .zero
    configuration.transport.closeTimeout = .milliseconds(100)
    return configuration
  }

  /// A listener, and a reference to its endpoint `echo`.
  private func makeAsker(_ configuration: RPCConfiguration = impatient) async throws -> (RawListener, RPCEndpointRef) {
    let listener = try RawListener()
    let client = try await makeClient(configuration)
    return (listener, try client.remoteRef(name: "echo", address: RPCAddress(host: "127.0.0.1", port: listener.port)))
  }

  /// The answer "ok" to a request.
  private static func ok(_ request: RawFrame) -> [UInt8] { RawFrame.response(request.id, bytes(hex: "02 02 6f6b")) }
}
