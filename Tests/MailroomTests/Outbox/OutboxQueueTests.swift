import MailroomQueue
import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// Messages that several threads post, put together or alone, without any connection.
final class OutboxQueueTests: EnvironmentTestCase {
  /// A queue where closures can hold it.
  private final class Shared: Sendable {
    let queue = OutboxQueue()
  }

  private enum Answer: Equatable { case queued, wake, closed([UInt8]) }

  private func answer(_ pushed: consuming OutboxQueue.Pushed) -> Answer {
    switch consume pushed {
    case .queued: .queued
    case .wake: .wake
    case .closed(let message): .closed(message.content.array())
    }
  }

  private func message(
    _ content: [UInt8], _ route: RemoteRoute, of home: RemoteRoute? = nil, _ sink: ReplySink? = nil,
    deadline: MonotonicTime = .distantFuture
  ) -> OutboxMessage {
    var writer = ByteWriter()
    writer.append(content)
    return OutboxMessage(writer, to: route, of: home, sink, deadline: deadline)
  }

  private func popAll(_ queue: borrowing OutboxQueue) -> [[UInt8]] {
    var contents: [[UInt8]] = []
    while let message = queue.popFirst() { contents.append(message.content.array()) }
    return contents
  }

  func testSmallMessagesWakeOnceAndComeInOrder() throws {
    let route = try makeRoutes("a")[0]
    let queue = OutboxQueue()
    XCTAssertTrue(queue.isEmpty)
    XCTAssertEqual(answer(queue.push(message([1], route))), .wake)
    for number: UInt8 in 2...9 { XCTAssertEqual(answer(queue.push(message([number], route))), .queued) }
    XCTAssertFalse(queue.isEmpty)
    XCTAssertEqual(popAll(queue), (1...9).map { [$0] })
    XCTAssertTrue(queue.isEmpty)
    XCTAssertEqual(answer(queue.push(message([10], route))), .queued, "the consumer is awake")
    XCTAssertEqual(queue.sleep(), .notEmpty)
    XCTAssertEqual(popAll(queue), [[10]])
    XCTAssertEqual(queue.sleep(), .asleep)
    XCTAssertEqual(answer(queue.push(message([11], route))), .wake)
  }

  func testHeadsComeWithTheirMessages() throws {
    let route = try makeRoutes("a")[0]
    let heads = [nil, MessageHead.of(Note.self), MessageHead.of(Note.self), MessageHead.of(Say.self), nil]
    for size in [0, 3, OutboxBatch.longestContent + 1] {
      let queue = OutboxQueue()
      for head in heads {
        var content = ByteWriter()
        content.append([UInt8](repeating: 7, count: size))
        _ = queue.push(OutboxMessage(content, behind: head, to: route))
      }
      for head in heads {
        guard let message = queue.popFirst() else { return XCTFail("a message is missing") }
        XCTAssertTrue(message.head === head)
        XCTAssertEqual(message.content.count, size)
        XCTAssertEqual(message.size, size + (head?.bytes.count ?? 0), "its route counts it whole")
      }
      XCTAssertTrue(queue.isEmpty)
    }
  }

  func testLargeMessagesKeepTheirPlaceAmongSmallOnes() throws {
    let route = try makeRoutes("a")[0]
    let queue = OutboxQueue()
    let sizes = [1, 2, OutboxBatch.longestContent + 1, 3, OutboxBatch.longestContent, 4, 100_000, 100_000, 5]
    for (number, size) in sizes.enumerated() {
      _ = queue.push(message([UInt8](repeating: UInt8(number), count: size), route))
    }
    XCTAssertEqual(
      popAll(queue), sizes.enumerated().map { number, size in [UInt8](repeating: UInt8(number), count: size) })
  }

  func testManyMessagesFillSeveralBatches() throws {
    let route = try makeRoutes("a")[0]
    let queue = OutboxQueue()
    for round in 0..<3 {
      let contents = (0..<5000).map { [UInt8](repeating: UInt8($0 % 251), count: 1 + $0 % 90 + round) }
      for content in contents { _ = queue.push(message(content, route)) }
      XCTAssertEqual(popAll(queue), contents, "round \(round)")
    }
  }

  func testWhatBelongsToAMessageStaysWithIt() throws {
    let routes = try makeRoutes("a", "b")
    let queue = OutboxQueue()
    let asked = Box<[Int]>([])
    let soon = MonotonicTime(nanoseconds: 5)
    let sinks = (0..<3).map { number in ReplySink.function { _ in asked.append(number) } }
    _ = queue.push(message([0], routes[0]))
    _ = queue.push(message([1], routes[0], sinks[0], deadline: soon))
    _ = queue.push(message([2], routes[1], of: routes[0], sinks[1]))
    _ = queue.push(tag: 3, [9].rawSpan, sinks[2], deadline: soon, to: routes[1], of: nil)
    _ = queue.push(message([4], routes[1]))
    var seen: [String] = []
    while let message = queue.popFirst() {
      let deadline = message.deadline == soon ? " soon" : ""
      seen.append("\(message.content.array()) \(message.route.name) \(message.home?.name ?? "-")\(deadline)")
      message.sink?.fail(TransportError(.stopped, "a test"))
    }
    XCTAssertEqual(seen, ["[0] a -", "[1] a - soon", "[2] b a", "[3, 9] b - soon", "[4] b -"])
    XCTAssertEqual(asked.value, [0, 1, 2])
  }

  func testClosedQueueHandsMessagesBack() throws {
    let route = try makeRoutes("a")[0]
    let queue = OutboxQueue()
    _ = queue.push(message([1], route))
    XCTAssertFalse(queue.close())
    XCTAssertTrue(queue.isClosed)
    // The open batch stands before the end of the queue, so what is written into it is still delivered.
    XCTAssertEqual(answer(queue.push(message([2], route))), .queued)
    let large = [UInt8](repeating: 3, count: OutboxBatch.longestContent + 1)
    XCTAssertEqual(answer(queue.push(message(large, route))), .closed(large))
    XCTAssertEqual(answer(queue.push(message([4], route))), .closed([4]))
    XCTAssertEqual(popAll(queue), [[1], [2]])
    XCTAssertEqual(answer(queue.push(tag: 5, [6].rawSpan, nil, deadline: .now, to: route, of: nil)), .closed([5, 6]))
    XCTAssertEqual(popAll(queue), [])
  }

  func testRestOfABatchComesFirst() throws {
    let routes = try makeRoutes("a", "b")
    let queue = OutboxQueue()
    for number: UInt8 in 0..<4 { _ = queue.push(message([number], routes[Int(number) / 2])) }
    guard var rest = queue.takeRest() else { return XCTFail("there is a batch") }
    XCTAssertEqual(rest.currentRun?.route.name, "a")
    XCTAssertEqual(rest.left, 2)
    guard let first = rest.next() else { return XCTFail("there are two messages") }
    XCTAssertEqual(rest.bytes.bytes.extracting(first.content).array(), [0])
    XCTAssertNil(first.sink)
    XCTAssertEqual(rest.left, 1)
    // Behind the batch, which has been taken out of the queue and takes no more.
    _ = queue.push(message([4], routes[0]))
    queue.putBack(rest)
    XCTAssertFalse(queue.isEmpty)
    XCTAssertEqual(queue.sleep(), .notEmpty)
    XCTAssertEqual(popAll(queue), [[1], [2], [3], [4]])
  }

  func testMessagesOfEachThreadComeInOrderBesideTheConsumer() async throws {
    let route = try makeRoutes("a")[0]
    let shared = Shared()
    let (threads, each) = (6, 12_000)
    let wakes = Box(0)
    async let pushing: Void = fromThreads(threads) { thread in
      for index in 0..<each {
        // Now and then one that is queued alone.
        var content = [UInt8(thread), UInt8(index & 0xFF), UInt8(index >> 8)]
        if index % 7 == 0 { content += [UInt8](repeating: 0, count: OutboxBatch.longestContent) }
        var writer = ByteWriter()
        writer.append(content)
        if case .wake = shared.queue.push(OutboxMessage(writer, to: route)) { wakes.update { $0 += 1 } }
      }
    }
    var next = [Int](repeating: 0, count: threads)
    await eventually("all messages to come") {
      while let message = shared.queue.popFirst() {
        let content = message.content.array()
        let thread = Int(content[0])
        XCTAssertEqual(Int(content[1]) | Int(content[2]) << 8, next[thread])
        next[thread] += 1
      }
      return next.allSatisfy { $0 == each }
    }
    try await pushing
    XCTAssertEqual(wakes.value, 1, "the consumer never slept after the first message")
    XCTAssertEqual(shared.queue.sleep(), .asleep)
  }

  func testMessagesThatAreLeftEndWithTheQueue() throws {
    let route = try makeRoutes("a")[0]
    let ended = Box(0)
    do {
      let queue = OutboxQueue()
      for _ in 0..<3 {
        let tracked = Ended { ended.update { $0 += 1 } }
        _ = queue.push(message([1], route, .function { _ in _ = tracked }))
      }
      _ = queue.popFirst()
    }
    XCTAssertEqual(ended.value, 3)
  }

  private final class Ended: Sendable {
    private let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    deinit { body() }
  }
}
