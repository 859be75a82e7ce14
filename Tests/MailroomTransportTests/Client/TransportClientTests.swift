import Foundation
import MailroomQueue
import TestSupport
import XCTest

@testable import MailroomTransport

final class TransportClientTests: TransportTestCase {
  private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  // MARK: Answers

  func testRH3FailureOfTheConnectionFailsOnlyTheRest() throws {
    let (client, peer) = try makeRawPair()
    let replies = try (0..<4).map { try client.ask("request \($0)") }
    var ids: [Int64] = []
    for _ in replies { ids.append(try peer.receiveRequest().id) }
    try peer.send(.answer(id: ids[1], [1]) + .failure(id: ids[2], "no") + Int64(3).wireBytes)
    XCTAssertEqual(replies[1].outcome(), .success([1]))
    XCTAssertEqual(replies[2].outcome(), .failure(.remoteFailure, "no"))
    for index in [0, 3] { XCTAssertEqual(replies[index].outcome()?.reason, .protocolViolation) }
    XCTAssertTrue(try peer.receiveToEnd().bytes.isEmpty)
    for reply in replies { XCTAssertEqual(reply.outcomes.count, 1) }
  }

  func testRH4AnswerWithAnUnknownIDIsIgnoredAndTheRightOneDeliveredOnce() throws {
    let (client, peer) = try makeRawPair()
    let reply = try client.ask("question")
    let id = try peer.receiveRequest().id
    for other in [id + 1, id - 1, -id - 1, 0, -1, .max, .min, id + 1 << 24] where other != id {
      try peer.send(.answer(id: other, bytes("wrong")))
    }
    XCTAssertEqual(reply.outcomes, [])
    try peer.send(.answer(id: id, bytes("right")) + .answer(id: id, bytes("again")))
    XCTAssertEqual(reply.outcome(), .success(bytes("right")))

    let next = try client.ask("next question")
    try peer.send(.answer(id: try peer.receiveRequest().id, bytes("next")))
    XCTAssertEqual(next.outcome(), .success(bytes("next")))
    XCTAssertEqual(reply.outcomes.count, 1)
    XCTAssertEqual(client.unknownReplies, 9)
    XCTAssertTrue(client.isActive)
  }

  func testRH5FailureWithAnUnknownIDIsIgnoredAndTheRightOneDeliveredOnce() throws {
    let (client, peer) = try makeRawPair()
    let reply = try client.ask("question")
    let id = try peer.receiveRequest().id
    try peer.send(.failure(id: id + 1, "wrong") + .failure(id: id, "right") + .failure(id: id, "again"))
    XCTAssertEqual(reply.outcome(), .failure(.remoteFailure, "right"))
    let next = try client.ask("next question")
    try peer.send(.failure(id: try peer.receiveRequest().id, "next"))
    XCTAssertEqual(next.outcome(), .failure(.remoteFailure, "next"))
    XCTAssertEqual(reply.outcomes.count, 1)
    XCTAssertEqual(client.unknownReplies, 2)
  }

  func testAnswersOfKindsThatNobodyAskedForAreCounted() throws {
    let (client, peer) = try makeRawPair()
    let strays: [ReadMessage] = [
      .chunkFetchSuccess(streamID: 1, chunkIndex: 2, body: [3]),
      .chunkFetchFailure(streamID: 1, chunkIndex: 2, error: []),
      .streamFailure(streamID: [1], error: [2]),
    ]
    for stray in strays { try peer.send(try stray.frame()) }
    let reply = try client.ask("question")
    try peer.send(.answer(id: try peer.receiveRequest().id, []))
    XCTAssertEqual(reply.outcome(), .success([]))
    XCTAssertEqual(client.unknownReplies, 3)
  }

  func testAnswersMayComeInAnyOrder() throws {
    let (client, peer) = try makeRawPair()
    let replies = try (0..<500).map { try client.ask("request \($0)") }
    var requests: [(id: Int64, body: [UInt8])] = []
    for _ in replies { requests.append(try peer.receiveRequest()) }
    XCTAssertEqual(Set(requests.map(\.id)).count, 500)
    XCTAssertEqual(requests.map(\.body), (0..<500).map { bytes("request \($0)") })
    var random = SeededRandom(seed: 4)
    try peer.send(requests.shuffled(using: &random).flatMap { [UInt8].answer(id: $0.id, $0.body + [0]) })
    for (index, reply) in replies.enumerated() {
      XCTAssertEqual(reply.outcome(), .success(bytes("request \(index)") + [0]))
      XCTAssertEqual(reply.outcomes.count, 1)
    }
  }

  func testFailureTextThatIsNoUTF8IsReportedAsSuch() throws {
    let (client, peer) = try makeRawPair()
    let reply = try client.ask("question")
    let id = try peer.receiveRequest().id
    try peer.send(.frame([5] + id.wireBytes + Int32(2).wireBytes + [0xFF, 0xFE]))
    XCTAssertEqual(reply.outcome()?.reason, .remoteFailure)
  }

  func testLongFailureTextIsCutBetweenCharacters() throws {
    // Each character takes four bytes, and the first byte of the text shifts them against any power of two.
    for prefix in ["", "a", "ab", "abc"] {
      let service = ServiceLog { service in
        service.onRequest = { _, responder in responder.fail(prefix + String(repeating: "😀", count: 20_000)) }
      }
      let client = try makePair(service)
      guard case .failure(.remoteFailure, let text) = try client.ask("question").outcome() else {
        return XCTFail("no failure")
      }
      XCTAssertTrue((prefix + String(repeating: "😀", count: 20_000)).hasPrefix(text), String(text.prefix(60)))
      XCTAssertGreaterThan(text.utf8.count, 64 * 1024 - 4)
      XCTAssertLessThanOrEqual(text.utf8.count, 64 * 1024)
    }
  }

  // MARK: Many

  func testManyRequestsOfManyThreadsAreMultiplexed() throws {
    let client = try makePair()
    let failures = Box<[String]>([])
    let ended = Signal("a thread's end")
    for thread in 0..<8 {
      Thread.detachNewThread {
        do {
          let replies = try (0..<250).map { try client.ask("request \(thread) \($0)") }
          for (number, reply) in replies.enumerated() {
            let outcome = reply.outcome()
            if outcome != .success(Array("request \(thread) \(number)".utf8)) || reply.outcomes.count != 1 {
              failures.append("\(thread) \(number): \(String(describing: outcome))")
            }
          }
        } catch {
          failures.append("\(error)")
        }
        ended.fire()
      }
    }
    ended.wait(8, seconds: 60)
    XCTAssertEqual(failures.value, [])
  }

  func testMessagesOfEachThreadArriveInOrder() throws {
    let service = ServiceLog()
    let client = try makePair(service)
    let perThread = 1000
    let ended = Signal("a thread's end")
    for thread in 0..<8 {
      Thread.detachNewThread {
        for number in 0..<perThread {
          // Requests and one-way messages go the same way.
          let body = [UInt8(thread)] + Int32(number).wireBytes
          if number % 5 == 0 { _ = try? client.ask(body) } else { try? client.tell(body) }
        }
        ended.fire()
      }
    }
    ended.wait(8)
    let log = try XCTUnwrap(service.connection())
    log.noted.wait(8 * perThread / 5 * 4)
    var last = [Int](repeating: -1, count: 8)
    for body in log.oneWays.value {
      let thread = Int(body[0])
      let number = body.dropFirst().reduce(0) { $0 << 8 | Int($1) }
      XCTAssertGreaterThan(number, last[thread])
      last[thread] = number
    }
    XCTAssertEqual(last, Array(repeating: perThread - 1, count: 8))
  }

  func testRequestsThatWaitAreEachFailedOnceWhenThePeerCloses() throws {
    let service = ServiceLog()
    let client = try makePair(service)
    let replies = try (0..<1000).map { _ in try client.ask("hold") }
    let log = try XCTUnwrap(service.connection())
    log.holding.wait(1000)
    log.client.close()
    for reply in replies {
      XCTAssertEqual(reply.outcome()?.reason, .connectionClosed)
      XCTAssertEqual(reply.error?.isNotSent, false, "they were sent, and may have been served")
    }
    waitUntil("the client to be inactive") { !client.isActive }
    for responder in log.held.value { try? responder.succeed([UInt8]([1]).rawSpan) }
    for reply in replies { XCTAssertEqual(reply.outcomes.count, 1) }
  }

  // MARK: Sizes

  func testBodiesOfAllSizesArriveWholeBothWays() throws {
    let client = try makePair()
    var random = SeededRandom(seed: 6)
    for size in [0, 1, 64 * 1024, 1 << 20, 16 << 20] {
      let body = random.bytes(size)
      let outcome = try client.ask(body, name: "the answer of \(size) bytes").outcome(seconds: 60)
      XCTAssertTrue(outcome == .success(body), "\(size) bytes")
    }
  }

  func testLargeBodiesAmongSmallOnesArriveWhole() throws {
    let client = try makePair()
    var random = SeededRandom(seed: 7)
    let sizes = (0..<60).map { [0, 10, 1000, 40_000, 300_000, 2_000_000][$0 % 6] }
    let bodies = sizes.shuffled(using: &random).map { random.bytes($0) }
    let replies = try bodies.map { try client.ask($0) }
    for (body, reply) in zip(bodies, replies) {
      XCTAssertTrue(reply.outcome(seconds: 60) == .success(body), "\(body.count) bytes")
    }
  }

  func testMessageAboveTheLimitIsRefusedAtTheSender() throws {
    var configuration = TransportConfiguration()
    configuration.maximumFrameLength = 1000
    let service = ServiceLog()
    let client = try makePair(service, configuration: configuration)
    let before = try client.ask("hold")

    let largest = [UInt8](repeating: 1, count: 1000 - FrameFormat.rpcOverhead)
    let largestOneWay = [UInt8](repeating: 2, count: 1000 - FrameFormat.oneWayOverhead)
    /// Sends what fits and what does not.
    let send: @Sendable () throws -> [Reply] = {
      let reply = try client.ask(largest)
      for body in [largest + [1], [UInt8](repeating: 1, count: 100_000)] {
        let refused = Reply()
        XCTAssertThrowsError(try client.sendRPC(.receiver(refused), deadline: .distantFuture) { $0.append(body) }) {
          XCTAssertEqual(($0 as? TransportError)?.reason, .tooLarge)
          XCTAssertEqual(($0 as? TransportError)?.isNotSent, true)
        }
        XCTAssertEqual(refused.outcomes, [])
      }
      try client.tell(largestOneWay)
      XCTAssertThrowsError(try client.tell(largestOneWay + [1])) {
        XCTAssertEqual(($0 as? TransportError)?.reason, .tooLarge)
        XCTAssertEqual(($0 as? TransportError)?.isNotSent, true)
      }
      return [reply, try client.ask("hello/you")]
    }
    for replies in [try send(), try onLoop(client.loop, send)] {
      XCTAssertEqual(replies[0].outcome(), .success(largest))
      XCTAssertEqual(replies[1].outcome(), .success(bytes("Hello, you!")))
    }
    let log = try XCTUnwrap(service.connection())
    XCTAssertEqual(log.oneWays.value, [largestOneWay, largestOneWay])
    XCTAssertEqual(before.outcomes, [], "nothing else is harmed")
    try XCTUnwrap(log.held.value.first).succeed([UInt8]([9]).rawSpan)
    XCTAssertEqual(before.outcome(), .success([9]))
  }

  func testAnswerAboveTheLimitIsRefusedAndAnotherOneMayBeGiven() throws {
    var configuration = TransportConfiguration()
    configuration.maximumFrameLength = 1000
    let service = ServiceLog()
    let client = try makePair(service, serverConfiguration: configuration)
    // Answered on the loop: the service says what it was refused.
    let refused = try client.ask("size/980")
    XCTAssertEqual(refused.outcome()?.reason, .remoteFailure)
    XCTAssertEqual(try client.ask("size/979").outcome()?.body?.count, 979)
    // And by another thread.
    let held = try client.ask("hold")
    let log = try XCTUnwrap(service.connection())
    log.holding.wait()
    let responder = try XCTUnwrap(log.held.value.first)
    let error = transportError { try responder.succeed([UInt8](repeating: 1, count: 980).rawSpan) }
    XCTAssertEqual(error?.reason, .tooLarge)
    XCTAssertEqual(error?.isNotSent, false, "the request was sent")
    try responder.succeed([UInt8]([1]).rawSpan)
    XCTAssertEqual(held.outcome(), .success([1]))
  }

  func testFailureTextIsCutToFitTheLimit() throws {
    var configuration = TransportConfiguration()
    configuration.maximumFrameLength = 100
    let client = try makePair(configuration: configuration)
    let expected = "Returned: " + String(repeating: "x", count: 100 - 21 - 10)
    let reply = try client.ask("return error/" + String(repeating: "x", count: 66))
    XCTAssertEqual(reply.outcome(), .failure(.remoteFailure, String(expected.prefix(76))))
    let service = ServiceLog { service in
      service.onRequest = { _, responder in responder.fail(String(repeating: "y", count: 1000)) }
    }
    let other = try makePair(service, configuration: configuration)
    XCTAssertEqual(
      try other.ask("question").outcome(), .failure(.remoteFailure, String(repeating: "y", count: 100 - 21)))
  }

  // MARK: Deadlines

  func testRequestWithoutAnswerTimesOut() throws {
    let (client, peer) = try makeRawPair()
    let began = MonotonicTime.now
    let slow = try client.ask("slow", timeout: .milliseconds(60))
    let patient = try client.ask("patient")
    let id = try peer.receiveRequest().id
    let patientID = try peer.receiveRequest().id
    XCTAssertEqual(slow.outcome()?.reason, .timeout)
    XCTAssertGreaterThanOrEqual(MonotonicTime.now.since(began), .milliseconds(60))
    XCTAssertEqual(slow.error?.isNotSent, false)
    XCTAssertEqual(client.unknownReplies, 0)

    try peer.send(.answer(id: id, [1]) + .answer(id: patientID, [2]))
    XCTAssertEqual(patient.outcome(), .success([2]))
    XCTAssertEqual(client.unknownReplies, 1, "the late answer")
    XCTAssertEqual(slow.outcomes.count, 1)
    XCTAssertTrue(client.isActive)
  }

  func testRequestsTimeOutInTheOrderOfTheirDeadlines() throws {
    let (client, peer) = try makeRawPair()
    let order = Box<[Int]>([])
    let done = Signal("a timeout")
    let waits = [50, 10, 40, 0, 30, 20, -5]
    let now = MonotonicTime.now
    // On the loop, so that no deadline comes up before all are known.
    client.loop.execute {
      for wait in waits {
        try? client.sendRPC(
          .function { response in
            XCTAssertEqual(Outcome(response).reason, .timeout)
            order.append(wait)
            done.fire()
          }, deadline: now.advanced(by: .milliseconds(wait))
        ) { $0.append(UInt8(1)) }
      }
    }
    done.wait(waits.count)
    // The two whose deadline has passed when they are sent come up together.
    XCTAssertEqual(Set(order.value.prefix(2)), [0, -5])
    XCTAssertEqual(Array(order.value.dropFirst(2)), [10, 20, 30, 40, 50])
    withExtendedLifetime(peer) {}
  }

  func testDeadlineOfAnAnsweredRequestDoesNotDisturbOthers() throws {
    let (client, peer) = try makeRawPair()
    try GrowingTimes().tryEach("an answer") { time in
      let answered = try client.ask("answered", timeout: time)
      try peer.send(.answer(id: try peer.receiveRequest().id, [1]))
      let outcome = answered.outcome()
      if outcome?.reason == .timeout { return false }
      XCTAssertEqual(outcome, .success([1]))
      // Its deadline is behind that of the answered one.
      let last = try client.ask("last", timeout: time + .milliseconds(30))
      let patient = try client.ask("patient", timeout: .seconds(600))
      XCTAssertEqual(last.outcome()?.reason, .timeout)
      XCTAssertEqual(patient.outcomes, [])
      XCTAssertEqual(answered.outcomes.count, 1)
      return true
    }
  }

  func testRequestsAboveTheNumberThatMayWaitAreRefused() throws {
    var configuration = TransportConfiguration()
    configuration.maximumPendingReplies = 3
    let (client, peer) = try makeRawPair(configuration: configuration)
    let taken = try (0..<3).map { try client.ask("taken \($0)") }
    let refused = try client.ask("refused")
    XCTAssertEqual(refused.outcome()?.reason, .full)
    XCTAssertEqual(refused.error?.isNotSent, true)
    try peer.send(.answer(id: try peer.receiveRequest().id, []))
    XCTAssertEqual(taken[0].outcome(), .success([]))
    let next = try client.ask("next")
    var bodies: [[UInt8]] = []
    for _ in 0..<3 {
      let (id, body) = try peer.receiveRequest()
      bodies.append(body)
      try peer.send(.answer(id: id, []))
    }
    XCTAssertEqual(bodies, [bytes("taken 1"), bytes("taken 2"), bytes("next")], "nothing of the refused one was sent")
    XCTAssertEqual(next.outcome(), .success([]))
  }
}
