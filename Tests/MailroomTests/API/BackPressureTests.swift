import TestSupport
import XCTest

@testable import Mailroom
@testable import MailroomQueue

/// Row X9: a sender that is faster than its receiver, end to end.
final class BackPressureTests: EnvironmentTestCase {
  private static let inboxMark = 500
  private static let outboxMark = 200
  /// Large enough for the sockets' buffers, of some 40 MiB, to hold fewer messages than three times the inbox's mark: with
  /// more on the way than that the connection is held as a whole, and others wait with it.
  private static let messageSize = 64 * 1024

  /// A slow endpoint and a fast one in one environment, and references to both in another one.
  private struct Route {
    let server: RPCEnv
    let slow: RPCEndpointRef
    let fast: RPCEndpointRef
    let steps: Signal
    let handled: Signal
    let numbers: Box<[Int]>
    /// The highest levels that were seen.
    let highest: Box<(inbox: Int, route: Int)>
    let inbox: Inbox
    let gauge: FlowGauge

    func look() {
      let (queued, waiting) = (inbox.level.messages, gauge.level.messages)
      highest.update { $0 = (max($0.inbox, queued), max($0.route, waiting)) }
    }

    /// Lets everything be handled, with a look now and then, and one before anything is.
    func letGo(_ count: Int) async throws {
      look()
      var left = count
      while left > 0 {
        let step = min(50, left)
        Stepped.allow(step, steps)
        await handled.comes(step)
        left -= step
        look()
        // Answered over the same connection all the while.
        let reply = try await fast.ask(Say(text: "\(left)"))
        XCTAssertEqual(reply, "\(left)")
      }
    }
  }

  private func makeRoute() async throws -> Route {
    var configuration = RPCConfiguration()
    configuration.maximumInboxMessages = Self.inboxMark
    configuration.maximumInboxBytes = 1 << 30
    let server = try await makeServer(configuration)
    configuration = RPCConfiguration()
    configuration.maximumOutboxMessages = Self.outboxMark
    configuration.transport.writeHighWaterMark = 256 * 1024
    configuration.transport.writeLowWaterMark = 64 * 1024
    let client = try await makeClient(configuration)
    let stepped = Stepped()
    let (steps, handled, numbers) = (stepped.steps, stepped.handled, stepped.numbers)
    let local = try server.register("slow", stepped, on: .dedicated())
    try server.register("fast", Echo())
    let slow = try await client.endpointRef(server.uri("slow"))
    let fast = try await client.endpointRef(server.uri("fast"))
    guard case .local(let inbox) = local.target, case .remote(let route) = slow.target else {
      throw RawSocket.Failure("one is local, and one is remote")
    }
    return Route(
      server: server, slow: slow, fast: fast, steps: steps, handled: handled, numbers: numbers,
      highest: Box((0, 0)), inbox: inbox, gauge: route.gauge)
  }

  private func assertBounded(_ route: Route, file: StaticString = #filePath, line: UInt = #line) {
    let highest = route.highest.value
    XCTAssertGreaterThanOrEqual(highest.inbox, Self.inboxMark, "it was full", file: file, line: line)
    XCTAssertLessThanOrEqual(highest.inbox, 4 * Self.inboxMark, file: file, line: line)
    XCTAssertLessThanOrEqual(highest.route, Self.outboxMark + 1, file: file, line: line)
  }

  func testX9SenderThatWaitsLosesNothing() async throws {
    let route = try await makeRoute()
    let count = 2500
    let sent = Box(0)
    let (slow, size) = (route.slow, Self.messageSize)
    let sender = Task {
      for number in 0..<count {
        try await slow.send(
          bytes: RPCEndpointRef.bytes(of: number, size: size), waitingAtMost: .seconds(120))
        sent.update { $0 = number + 1 }
      }
    }
    // It stands still once everything on the way is full.
    await eventually("the sender waits", seconds: 60) {
      route.look()
      return route.gauge.level.isAwaited && route.inbox.level.messages >= Self.inboxMark
    }
    XCTAssertLessThan(sent.value, count)
    for index in 0..<20 {
      let reply = try await route.fast.ask(Say(text: "meanwhile \(index)"))
      XCTAssertEqual(reply, "meanwhile \(index)")
    }
    XCTAssertEqual(route.numbers.value, [])
    try await route.letGo(count)
    try await sender.value
    XCTAssertTrue(route.numbers.value == Array(0..<count), "every message, once, in order")
    assertBounded(route)
    await eventually("nothing is counted") { route.gauge.level.messages == 0 && route.inbox.level.messages == 0 }
  }

  func testX9SenderThatDoesNotWaitIsToldOfEachMessageThatIsRefused() async throws {
    let route = try await makeRoute()
    var (attempts, taken, refused) = (0, 0, 0)
    let deadline = ContinuousClock.now + .seconds(60)
    while route.inbox.level.messages < Self.inboxMark || refused == 0, ContinuousClock.now < deadline {
      attempts += 1
      do throws(RPCError) {
        try route.slow.send(bytes: RPCEndpointRef.bytes(of: taken, size: Self.messageSize))
        taken += 1
      } catch {
        assertIs(error, .full, execution: .notExecuted)
        refused += 1
        await Task.yield()
      }
      route.look()
    }
    XCTAssertEqual(taken + refused, attempts)
    XCTAssertGreaterThan(refused, 0)
    let reply = try await route.fast.ask(Say(text: "meanwhile"))
    XCTAssertEqual(reply, "meanwhile")
    try await route.letGo(taken)
    XCTAssertTrue(route.numbers.value == Array(0..<taken), "what was taken, once, in order")
    assertBounded(route)
    XCTAssertEqual(route.server.undeliverableMessages, 0)
    await eventually("nothing is counted") { route.gauge.level.messages == 0 && route.inbox.level.messages == 0 }
  }

  func testX9ManySendersShareOneFullEndpoint() async throws {
    let route = try await makeRoute()
    let (senders, each) = (4, 400)
    let (slow, size) = (route.slow, Self.messageSize)
    let tasks = (0..<senders).map { sender in
      Task {
        for index in 0..<each {
          let bytes = RPCEndpointRef.bytes(of: sender * 1000 + index, size: size)
          try await slow.send(bytes: bytes, waitingAtMost: .seconds(120))
        }
      }
    }
    await eventually("the inbox is full", seconds: 60) { route.inbox.level.messages >= Self.inboxMark }
    try await route.letGo(senders * each)
    for task in tasks { try await task.value }
    for sender in 0..<senders {
      let own = route.numbers.value.filter { $0 / 1000 == sender }
      XCTAssertTrue(own == (0..<each).map { sender * 1000 + $0 }, "in the order of sender \(sender)")
    }
    assertBounded(route)
  }

  func testX9SenderOfTheSameEnvironmentWaitsToo() async throws {
    var configuration = RPCConfiguration()
    configuration.maximumInboxMessages = 10
    let env = try await makeServer(configuration)
    let stepped = Stepped()
    let (steps, handled, numbers, onMessage) = (stepped.steps, stepped.handled, stepped.numbers, stepped.onMessage)
    let ref = try env.register("slow", stepped, on: .dedicated())
    guard case .local(let inbox) = ref.target else { return XCTFail("it is local") }
    let highest = Box(0)
    onMessage.update { $0 = { highest.update { $0 = max($0, inbox.level.messages) } } }
    let sender = Task {
      for number in 0..<200 { try await ref.send(Add(Int64(number)), waitingAtMost: .seconds(60)) }
    }
    await eventually("the sender waits") { inbox.level.isAwaited }
    highest.update { $0 = max($0, inbox.level.messages) }
    for _ in 0..<20 {
      Stepped.allow(10, steps)
      await handled.comes(10)
    }
    try await sender.value
    XCTAssertEqual(numbers.value, Array(0..<200))
    XCTAssertLessThanOrEqual(highest.value, 11)
    XCTAssertGreaterThanOrEqual(highest.value, 10)
  }
}
