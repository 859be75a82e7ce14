import TestSupport
import XCTest

@testable import Mailroom

/// Asks that are repeated.
final class RPCEndpointRefRetryingTests: EnvironmentTestCase {
  private static let thrice = RPCRetryPolicy(attempts: 3, wait: .zero)

  /// What handlers were asked, with the keys.
  private final class Notes: Sendable {
    private let notes = Box<[String: [RPCRequestKey?]]>([:])

    /// The keys of the requests with a text.
    subscript(_ text: String) -> [RPCRequestKey?] { notes.value[text] ?? [] }

    /// Notes a request; says how many there have been with its text.
    func add(_ text: String, _ key: RPCRequestKey?) -> Int {
      notes.update { $0[text, default: []].append(key) }
      return self[text].count
    }
  }

  /// Notes what it is asked, and deals with each request as it is told, by how many there have been with the text.
  private static func noting(
    _ notes: Notes, _ act: @escaping @Sendable (Int, RPCCallContext<String>) throws -> Void
  ) -> sending Scripted {
    Scripted.answering { say, context in try act(notes.add(say.text, context.requestKey), context) }
  }

  func testAllAttemptsCarryOneKey() async throws {
    try await inEveryWay { way in
      let notes = Notes()
      let kept = Box<[RPCCallContext<String>]>([])
      let ref = try await way.register(
        "flaky",
        Self.noting(notes) { number, context in
          if number >= 3 { try context.reply("third time") } else { kept.append(context) }
        })
      // Some may find their handler, or their answer its asker, too late on a busy machine; how many there are at most is
      // another test's matter.
      let policy = RPCRetryPolicy(attempts: 1000, wait: .zero)
      for round in ["first", "second"] {
        let reply = try await ref.ask(Say(text: round), retrying: policy, timeout: .milliseconds(50))
        XCTAssertEqual(reply, "third time", "\(way)")
        XCTAssertGreaterThanOrEqual(notes[round].count, 3, "\(way)")
        XCTAssertFalse(notes[round].contains(nil), "\(way)")
        XCTAssertEqual(Set(notes[round]).count, 1, "\(way)")
      }
      XCTAssertEqual(Set(notes["first"] + notes["second"]).count, 2, "another ask, another key; \(way)")
      kept.update { $0 = [] }
    }
  }

  func testPlainAsksCarryNoKey() async throws {
    try await inEveryWay { way in
      let notes = Notes()
      let ref = try await way.register("once", Self.noting(notes) { _, context in try context.reply("ok") })
      _ = try await ref.ask(Say(text: ""))
      XCTAssertEqual(notes[""], [nil], "\(way)")
    }
  }

  func testAttemptsAreBounded() async throws {
    try await inEveryWay { way in
      let notes = Notes()
      let kept = Box<[RPCCallContext<String>]>([])
      let ref = try await way.register("mute", Self.noting(notes) { _, context in kept.append(context) })
      for (attempts, expected) in [(3, 3), (1, 1), (0, 1), (-1, 1)] {
        let policy = RPCRetryPolicy(attempts: attempts, wait: .zero)
        await GrowingTimes(from: .milliseconds(50)).tryEach("handlers to have each of \(attempts), \(way)") { time in
          let text = "\(attempts) for \(time)"
          let error = await assertThrows(.timeout, "\(way)") {
            try await ref.ask(Say(text: text), retrying: policy, timeout: time)
          }
          let count = notes[text].count
          XCTAssertLessThanOrEqual(count, expected, "\(attempts), \(way)")
          if count > 0 { XCTAssertEqual(error?.execution, .unknown, "\(attempts), \(way)") }
          return count == expected
        }
      }
      kept.update { $0 = [] }
    }
  }

  func testConfigurationSaysHowOftenByDefault() async throws {
    try await GrowingTimes(from: .milliseconds(50)).tryEach("a handler to have both") { time in
      var configuration = RPCConfiguration()
      configuration.retryAttempts = 2
      configuration.retryWait = .zero
      configuration.askTimeout = time
      let env = try await makeServer(configuration)
      let notes = Notes()
      let kept = Box<[RPCCallContext<String>]>([])
      let ref = try env.register("mute", Self.noting(notes) { _, context in kept.append(context) })
      await assertThrows(.timeout) { try await ref.ask(Say(text: ""), retrying: nil) }
      XCTAssertLessThanOrEqual(notes[""].count, 2)
      kept.update { $0 = [] }
      return notes[""].count == 2
    }
  }

  func testHandlersFailureEndsTheAsk() async throws {
    try await inEveryWay { way in
      // Also when it looks like one that another attempt could help: it is the handler's, perhaps of an ask of its own.
      let failures: [(any Error & Sendable, RPCError.Code)] = [
        (Oops(), .handlerFailed), (RPCError(.timeout, "of its own"), .timeout),
        (RPCError(.connectFailed, "of its own", execution: .notExecuted), .connectFailed),
        (RPCError(.connectionLost, "of its own"), .connectionLost), (RPCError(.full, "of its own"), .full),
      ]
      for (index, (failure, code)) in failures.enumerated() {
        let notes = Notes()
        let ref = try await way.register("failing-\(index)", Self.noting(notes) { _, _ in throw failure })
        await assertThrows(code, execution: .unknown, "\(way)") {
          try await ref.ask(Say(text: ""), retrying: Self.thrice)
        }
        XCTAssertEqual(notes[""].count, 1, "\(code), \(way)")
      }
    }
  }

  func testMissingEndpointIsAskedForAgain() async throws {
    let (server, client) = (try await makeServer(), try await makeClient())
    let ref = try client.remoteRef(name: "late", address: try XCTUnwrap(server.address))
    await assertThrows(.endpointNotFound, execution: .notExecuted) {
      try await ref.ask(Say(text: ""), retrying: Self.thrice)
    }
    let asking = Task {
      try await ref.ask(Say(text: "found"), retrying: RPCRetryPolicy(attempts: 1_000_000, wait: .milliseconds(1)))
    }
    try server.register("late", Echo())
    let reply = try await asking.value
    XCTAssertEqual(reply, "found")
  }

  func testEveryAttemptConnects() async throws {
    var configuration = RPCConfiguration()
    configuration.reconnectDelay = .zero
    let client = try await makeClient(configuration)
    let listener = try RawListener()
    let ref = try client.remoteRef(name: "a", address: RPCAddress(host: "127.0.0.1", port: listener.port))
    let policy = Self.thrice
    let asking = Task { try await ref.ask(Say(text: ""), retrying: policy) }
    for _ in 0..<3 { try await listener.acceptAsker().peer.reset() }
    await assertThrows(.connectFailed, execution: .notExecuted) { try await asking.value }
  }

  func testExecutionIsUnknownWhenThatOfAnyAttemptIs() async throws {
    var configuration = RPCConfiguration()
    configuration.reconnectDelay = .zero
    let client = try await makeClient(configuration)
    let listener = try RawListener()
    let ref = try client.remoteRef(name: "a", address: RPCAddress(host: "127.0.0.1", port: listener.port))
    let policy = Self.thrice
    let asking = Task { try await ref.ask(Say(text: ""), retrying: policy) }
    try await listener.acceptAsker().peer.reset()
    let second = try await listener.acceptKnown()
    let request = try await second.next()
    XCTAssertEqual(request.content.first, 3, "the key stands in front")
    second.reset()
    try await listener.acceptAsker().peer.reset()
    await assertThrows(.connectFailed, execution: .unknown) { try await asking.value }
  }

  func testFullInboxIsTriedAgain() async throws {
    var configuration = RPCConfiguration()
    configuration.maximumInboxMessages = 1
    let env = try await makeServer(configuration)
    let stepped = Stepped()
    let (steps, numbers) = (stepped.steps, stepped.numbers)
    let ref = try env.register("slow", stepped, on: .dedicated())
    try ref.send(Add(0))
    let began = ContinuousClock.now
    await assertThrows(.full, execution: .notExecuted) {
      try await ref.ask(Say(text: "1"), retrying: Self.thrice, timeout: .milliseconds(20))
    }
    XCTAssertGreaterThanOrEqual(ContinuousClock.now - began, .milliseconds(60), "each attempt waits for room")
    Stepped.allow(2, steps)
    let reply = try await ref.ask(Say(text: "2"), retrying: Self.thrice)
    XCTAssertEqual(reply, "2")
    XCTAssertEqual(numbers.value, [0, 2])
  }

  // MARK: Giving up

  func testCancellationEndsAPause() async throws {
    try await inEveryWay { way in
      let stopped = try way.server.register("stopped", Echo())
      way.server.stop(stopped)
      let address = try XCTUnwrap(way.server.address)
      let ref = try way.client?.remoteRef(name: "stopped", address: address) ?? stopped
      let asking = Task {
        try await ref.ask(Say(text: ""), retrying: RPCRetryPolicy(attempts: 3, wait: .seconds(3600)))
      }
      asking.cancel()
      await assertThrows(.cancelled, "\(way)") { try await asking.value }
    }
  }

  func testCancellationInAPauseSaysWhatIsKnownOfTheAttempts() async throws {
    let lost = try await makeLostAttempt(pause: .seconds(3600))
    lost.asking.cancel()
    await assertThrows(.cancelled, execution: .unknown) { try await lost.asking.value }
  }

  func testEndOfTheEnvironmentInAPauseKeepsWhatIsKnownOfTheAttempts() async throws {
    // Also when the pause is over before the end.
    for pause in [Duration.milliseconds(200), .zero] {
      let lost = try await makeLostAttempt(pause: pause)
      await lost.client.shutdown()
      await assertThrows(.stopped, execution: .unknown) { try await lost.asking.value }
      withExtendedLifetime(lost.listener) {}
    }
  }

  /// An ask whose first attempt was sent, and has ended with its connection; it connects again after the pause, and then
  /// waits for the peer's introduction.
  private func makeLostAttempt(
    pause: Duration
  ) async throws -> (asking: Task<String, any Error>, client: RPCEnv, listener: RawListener) {
    var configuration = RPCConfiguration()
    configuration.transport.closeTimeout = .milliseconds(100)
    let client = try await makeClient(configuration)
    let listener = try RawListener()
    let ref = try client.remoteRef(name: "a", address: RPCAddress(host: "127.0.0.1", port: listener.port))
    let asking = Task {
      try await ref.ask(Say(text: ""), retrying: RPCRetryPolicy(attempts: 3, wait: pause))
    }
    let peer = try await listener.acceptKnown()
    _ = try await peer.next()
    // One that is sent behind it ends behind it.
    let ends = Results<RPCError?>("the end of an ask")
    ref.ask(Say(text: "")) { ends.add($0.error) }
    _ = try await peer.next()
    peer.reset()
    for error in await ends.next() { assertIs(error, .connectionLost, execution: .unknown) }
    return (asking, client, listener)
  }
}
