import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// Tasks and handlers that run where the network is read.
final class RPCTaskExecutorTests: EnvironmentTestCase {
  private func configuration(loops: Int) -> RPCConfiguration {
    var configuration = RPCConfiguration()
    configuration.eventLoops = loops
    return configuration
  }

  private static func isOn(_ executor: any TaskExecutor) -> Bool { (executor as? EventLoop)?.isCurrent ?? false }

  // MARK: Tasks

  func testATaskThatAsksStaysOnTheLoopOfTheConnection() async throws {
    for loops in [1, 3] {
      let server = try await makeServer(configuration(loops: loops))
      let client = try await makeClient(configuration(loops: loops))
      for dispatch in Way.dispatches {
        let name = "echo-\(dispatch)".filter(\.isLetter)
        let local = try server.register(name, Echo(), on: dispatch)
        let remote = try await client.endpointRef(server.uri(name))
        for ref in [local, remote] {
          try await withTaskExecutorPreference(ref.taskExecutor) { try await Self.askOften(ref) }
        }
      }
      await client.shutdown()
      await server.shutdown()
    }
  }

  private static func askOften(_ ref: RPCEndpointRef) async throws {
    let executor = ref.taskExecutor
    for number in 0..<100 {
      XCTAssertTrue(isOn(executor))
      let reply = try await ref.ask(Say(text: "\(number)"))
      XCTAssertEqual(reply, "\(number)")
      let bytes = try await ref.ask(bytes: [1, 2])
      XCTAssertEqual(bytes, [1, 2])
    }
    XCTAssertTrue(isOn(executor))
  }

  func testSendsAndAsksOfATaskOnTheLoopArriveInOrder() async throws {
    let server = try await makeServer()
    let client = try await makeClient()
    try server.register("counter", Counter())
    let ref = try await client.endpointRef(server.uri("counter"))
    let sum = try await withTaskExecutorPreference(ref.taskExecutor) {
      var expected: Int64 = 0
      for amount in 1...200 {
        try ref.send(Add(Int64(amount)))
        expected += Int64(amount)
        let total = try await ref.ask(Total())
        XCTAssertEqual(total, expected)
      }
      return expected
    }
    XCTAssertEqual(sum, 20_100)
  }

  func testManyTasksShareTheLoop() async throws {
    let server = try await makeServer()
    let client = try await makeClient()
    try server.register("echo", Echo(), on: .eventLoop)
    let ref = try await client.endpointRef(server.uri("echo"))
    let answers = await withTaskExecutorPreference(client.taskExecutor) {
      await withTaskGroup(of: Int.self) { tasks in
        for index in 0..<50 {
          tasks.addTask {
            var count = 0
            for number in 0..<20 where (try? await ref.ask(Say(text: "\(index) \(number)"))) == "\(index) \(number)" {
              count += 1
            }
            return count
          }
        }
        return await tasks.reduce(0, +)
      }
    }
    XCTAssertEqual(answers, 1000)
  }

  func testCancellationAndTimeoutsWorkOnTheLoop() async throws {
    let server = try await makeServer()
    let client = try await makeClient()
    let calls = UnansweredCalls()
    try server.register("silent", calls.endpoint())
    let ref = try await client.endpointRef(server.uri("silent"))
    let error = try await calls.timeout("on the loop") { say, time in
      try await withTaskExecutorPreference(ref.taskExecutor) { try await ref.ask(say, timeout: time) }
    }.error
    XCTAssertEqual(error.execution, .unknown)
    let task = Task(executorPreference: ref.taskExecutor) { try await ref.ask(Say(text: "cancelled")) }
    await eventually("the handler has it") { calls["cancelled"] != nil }
    task.cancel()
    await assertThrows(.cancelled) { try await task.value }
    calls.clear()
  }

  func testABlockingAskIsRefusedOnTheLoop() async throws {
    let client = try await makeServer()
    let ref = try client.register("echo", Echo())
    _ = await withTaskExecutorPreference(client.taskExecutor) {
      await assertThrows(.wouldBlockLoop) { try Self.block(ref) }
    }
  }

  private static func block(_ ref: RPCEndpointRef) throws -> String { try ref.askBlocking(Say(text: "")) }

  func testTasksOnTheLoopSurviveTheEnvironment() async throws {
    // The peer, which has not answered, keeps its side open.
    var configuration = RPCConfiguration()
    configuration.transport.closeTimeout = .milliseconds(20)
    for _ in 0..<5 {
      let server = try await makeServer()
      let client = try await makeClient(configuration)
      let calls = Results<RPCCallContext<String>>("a call")
      try server.register("silent", Scripted.answering { _, call in calls.add(call) })
      let ref = try await client.endpointRef(server.uri("silent"))
      let tasks = (0..<4).map { _ in
        Task(executorPreference: ref.taskExecutor) {
          await assertThrows(.stopped) { try await ref.ask(Say(text: "")) }
          await assertThrows(.stopped) { try await ref.ask(Say(text: "")) }
        }
      }
      _ = await calls.next(4)
      // From the loop that is to end.
      await Task(executorPreference: ref.taskExecutor) { await client.shutdown() }.value
      for task in tasks { await task.value }
      calls.clear()
      await server.shutdown()
    }
  }

  // MARK: Handlers

  /// Asks another endpoint on behalf of its caller, and says whether it is on a loop then.
  private final class Relay: RPCEndpoint {
    let next: RPCEndpointRef
    let executor: any TaskExecutor
    let wasOnLoop = Box<[Bool]>([])

    init(_ next: RPCEndpointRef, _ executor: any TaskExecutor) {
      self.next = next
      self.executor = executor
    }

    static func handlers(_ on: inout RPCHandlers<Relay>) {
      on.ask(Say.self) { relay, say in
        let reply = try await relay.next.ask(say)
        await Task.yield()
        relay.wasOnLoop.append(isOn(relay.executor))
        return reply
      }
    }
  }

  func testHandlersOfEventLoopOnlyStayThereAfterTheySuspended() async throws {
    let far = try await makeServer()
    try far.register("echo", Echo())
    let server = try await makeServer()
    let echo = try await server.endpointRef(far.uri("echo"))
    let relay = Relay(echo, server.taskExecutor)
    let log = relay.wasOnLoop
    let local = try server.register("relay", relay, on: .eventLoopOnly)
    let client = try await makeClient()
    let remote = try await client.endpointRef(server.uri("relay"))
    for ref in [local, remote] {
      for number in 0..<50 {
        let reply = try await ref.ask(Say(text: "\(number)"))
        XCTAssertEqual(reply, "\(number)")
      }
    }
    XCTAssertEqual(log.value, Array(repeating: true, count: 100))
  }

  func testShutdownOfAHandlerThatIsSuspendedThere() async throws {
    final class Waiting: RPCEndpoint {
      let suspension = Suspension()
      static func handlers(_ on: inout RPCHandlers<Waiting>) {
        on.ask(Say.self) { waiting, say in
          await waiting.suspension.wait()
          return say.text
        }
      }
    }
    // The handler has as long again, a second at most, to heed that it was cancelled.
    try await GrowingTimes().tryEach("a cancelled handler to answer") { time in
      var configuration = RPCConfiguration()
      configuration.shutdownTimeout = time
      let log = LogLines()
      configuration.logger = log.logger
      let server = try await makeServer(configuration)
      let client = try await makeClient()
      let waiting = Waiting()
      let suspension = waiting.suspension
      try server.register("waiting", waiting, on: .eventLoopOnly)
      let ref = try await client.endpointRef(server.uri("waiting"))
      let replies = Results<String?>("a reply")
      ref.ask(Say(text: "waited")) { replies.add($0.value) }
      await eventually("the handler is suspended") { suspension.isAwaited }
      await server.shutdown()
      let values = await replies.next()
      // Who had no time to answer is named in the log.
      guard log.lines.value.isEmpty else { return false }
      // Its task was cancelled, so it went on, and its answer left before the connection was closed.
      XCTAssertEqual(values, ["waited"])
      return true
    }
  }
}
