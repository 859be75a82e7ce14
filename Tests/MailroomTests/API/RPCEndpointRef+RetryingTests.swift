import TestSupport
import XCTest

@testable import Mailroom

/// Asks that are repeated.
final class RPCEndpointRefRetryingTests: EnvironmentTestCase {
  private static let thrice = RPCRetryPolicy(attempts: 3, wait: .zero)

  /// Notes the keys of what it is asked, and deals with each as it is told.
  private static func noting(
    _ keys: Box<[RPCRequestKey?]>, _ act: @escaping @Sendable (Int, RPCCallContext<String>) throws -> Void
  ) -> sending Scripted {
    Scripted.answering { _, context in
      keys.append(context.requestKey)
      try act(keys.value.count, context)
    }
  }

  func testAllAttemptsCarryOneKey() async throws {
    try await inEveryWay { way in
      let keys = Box<[RPCRequestKey?]>([])
      let kept = Box<[RPCCallContext<String>]>([])
      let ref = try await way.register(
        "flaky",
        Self.noting(keys) { number, context in
          if number % 3 == 0 { try context.reply("third time") } else { kept.append(context) }
        })
      for round in 1...2 {
        let reply = try await ref.ask(Say(text: ""), retrying: Self.thrice, timeout: .milliseconds(50))
        XCTAssertEqual(reply, "third time", "\(way)")
        XCTAssertEqual(keys.value.count, 3 * round, "\(way)")
      }
      XCTAssertNotNil(keys.value[0], "\(way)")
      XCTAssertEqual(Set(keys.value.prefix(3)).count, 1, "\(way)")
      XCTAssertEqual(Set(keys.value).count, 2, "another ask, another key; \(way)")
      kept.update { $0 = [] }
    }
  }

  func testPlainAsksCarryNoKey() async throws {
    try await inEveryWay { way in
      let keys = Box<[RPCRequestKey?]>([])
      let ref = try await way.register("once", Self.noting(keys) { _, context in try context.reply("ok") })
      _ = try await ref.ask(Say(text: ""))
      XCTAssertEqual(keys.value, [nil], "\(way)")
    }
  }

  func testAttemptsAreBounded() async throws {
    try await inEveryWay { way in
      let keys = Box<[RPCRequestKey?]>([])
      let kept = Box<[RPCCallContext<String>]>([])
      let ref = try await way.register("mute", Self.noting(keys) { _, context in kept.append(context) })
      for (attempts, expected) in [(3, 3), (1, 1), (0, 1), (-1, 1)] {
        keys.update { $0 = [] }
        let policy = RPCRetryPolicy(attempts: attempts, wait: .zero)
        await assertThrows(.timeout, execution: .unknown, "\(way)") {
          try await ref.ask(Say(text: ""), retrying: policy, timeout: .milliseconds(50))
        }
        XCTAssertEqual(keys.value.count, expected, "\(attempts), \(way)")
      }
      kept.update { $0 = [] }
    }
  }

  func testConfigurationSaysHowOftenByDefault() async throws {
    var configuration = RPCConfiguration()
    configuration.retryAttempts = 2
    configuration.retryWait = .zero
    configuration.askTimeout = .milliseconds(50)
    let env = try await makeServer(configuration)
    let keys = Box<[RPCRequestKey?]>([])
    let kept = Box<[RPCCallContext<String>]>([])
    let ref = try env.register("mute", Self.noting(keys) { _, context in kept.append(context) })
    await assertThrows(.timeout) { try await ref.ask(Say(text: ""), retrying: nil) }
    XCTAssertEqual(keys.value.count, 2)
    kept.update { $0 = [] }
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
        let keys = Box<[RPCRequestKey?]>([])
        let ref = try await way.register("failing-\(index)", Self.noting(keys) { _, _ in throw failure })
        await assertThrows(code, execution: .unknown, "\(way)") {
          try await ref.ask(Say(text: ""), retrying: Self.thrice)
        }
        XCTAssertEqual(keys.value.count, 1, "\(code), \(way)")
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
      let keys = Box<[RPCRequestKey?]>([])
      let stopped = try way.server.register("stopped", Self.noting(keys) { _, context in try context.reply("") })
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
    let env = try await makeServer()
    let calls = Results<RPCCallContext<String>>("a call")
    let ref = try env.register("mute", Scripted.answering { _, context in calls.add(context) })
    let asking = Task {
      try await ref.ask(
        Say(text: ""), retrying: RPCRetryPolicy(attempts: 3, wait: .seconds(3600)), timeout: .milliseconds(20))
    }
    let call = await calls.next()[0]
    await eventually("the attempt has timed out") { call.isCancelled }
    asking.cancel()
    await assertThrows(.cancelled, execution: .unknown) { try await asking.value }
    calls.clear()
  }

  func testEndOfTheEnvironmentInAPauseKeepsWhatIsKnownOfTheAttempts() async throws {
    var configuration = RPCConfiguration()
    configuration.transport.closeTimeout = .milliseconds(100)
    let (server, client) = (try await makeServer(configuration), try await makeClient(configuration))
    let calls = Results<RPCCallContext<String>>("a call")
    try server.register("mute", Scripted.answering { _, context in calls.add(context) })
    let ref = try await client.endpointRef(server.uri("mute"))
    let asking = Task {
      try await ref.ask(
        Say(text: ""), retrying: RPCRetryPolicy(attempts: 3, wait: .milliseconds(200)), timeout: .milliseconds(20))
    }
    let call = await calls.next()[0]
    let timedOut = Signal("the word that the attempt has timed out")
    if case .remote(let remote) = call.call { remote.onAbandon { timedOut.fire() } }
    await timedOut.comes()
    await client.shutdown()
    await assertThrows(.stopped, execution: .unknown) { try await asking.value }
    calls.clear()
  }
}
