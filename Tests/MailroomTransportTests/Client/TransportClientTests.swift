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
    let answered = try client.ask("answered", timeout: .milliseconds(20))
    try peer.send(.answer(id: try peer.receiveRequest().id, [1]))
    XCTAssertEqual(answered.outcome(), .success([1]))
    let last = try client.ask("last", timeout: .milliseconds(50))
    let patient = try client.ask("patient", timeout: .seconds(60))
    XCTAssertEqual(last.outcome()?.reason, .timeout)
    XCTAssertEqual(patient.outcomes, [])
    XCTAssertEqual(answered.outcomes.count, 1)
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

  // MARK: From within

  func testRequestMayBeSentFromTheCallbackOfAnother() throws {
    let client = try makePair()
    let done = Signal("the last answer")
    let count = Box(0)
    @Sendable func again() {
      do {
        try client.sendRPC([UInt8]("\(count.value)".utf8).rawSpan, timeout: .seconds(30)) { response in
          XCTAssertTrue(client.loop.isCurrent)
          XCTAssertEqual(Outcome(response), .success([UInt8]("\(count.value)".utf8)))
          count.update { $0 += 1 }
          if count.value == 1000 { return done.fire() }
          again()
        }
      } catch {
        XCTFail("\(error)")
      }
    }
    again()
    done.wait()
    XCTAssertEqual(count.value, 1000)
  }

  func testHandlerMaySendOnItsConnection() throws {
    let service = ServiceLog { service in
      let client = service.log.client
      service.onOpen = { try? client.tell(Array("welcome".utf8)) }
      service.onOneWay = { body in try? client.tell(Array("heard ".utf8) + body.array()) }
    }
    let clientSide = ServiceLog()
    let client = try makePair(service, clientSide)
    try client.tell(bytes("you"))
    let log = try XCTUnwrap(clientSide.connection())
    log.noted.wait(2)
    XCTAssertEqual(log.oneWays.value, [bytes("welcome"), bytes("heard you")])
  }

  func testBothSidesMayAskOnOneConnection() throws {
    let service = ServiceLog()
    let client = try makePair(service)
    let log = try XCTUnwrap(service.connection())
    let there = try (0..<100).map { try client.ask("there \($0)") }
    let back = try (0..<100).map { try log.client.ask("back \($0)") }
    for index in 0..<100 {
      XCTAssertEqual(there[index].outcome(), .success(bytes("there \(index)")))
      XCTAssertEqual(back[index].outcome(), .success(bytes("back \(index)")))
    }
    XCTAssertTrue(client.isOutgoing)
    XCTAssertFalse(log.client.isOutgoing)
  }

  func testOrderIsKeptWhenEncodingSendsOnTheSameConnection() throws {
    for size in [10, 300 * 1024] {
      let (client, peer) = try makeRawPair()
      let large = [UInt8](repeating: 2, count: size)
      try onLoop(client.loop) {
        try client.tell([1])
        try client.send { (writer) throws(TransportError) in
          writer.append(UInt8(3))
          try client.tell(large)
          writer.append(UInt8(3))
        }
        try client.tell([4])
      }
      // What was sent before leaves before; what was sent while encoding leaves behind the message that was begun.
      XCTAssertEqual(try peer.receiveMessage(), .oneWay(body: [1]))
      XCTAssertEqual(try peer.receiveMessage(), .oneWay(body: [3, 3]))
      XCTAssertTrue(try peer.receiveMessage() == .oneWay(body: large))
      XCTAssertEqual(try peer.receiveMessage(), .oneWay(body: [4]))
    }
  }

  func testNothingIsLostWhenEncodingClosesTheConnection() throws {
    for isThrowing in [false, true] {
      let (client, peer) = try makeRawPair()
      try onLoop(client.loop) {
        try client.tell([1])
        try? client.send { (writer) throws(TransportError) in
          writer.append(UInt8(2))
          client.close()
          if isThrowing { throw TransportError(.unencodable, "changed its mind") }
        }
      }
      let sent = [UInt8].oneWay([1]) + (isThrowing ? [] : .oneWay([2]))
      let (bytes, isReset) = try peer.receiveToEnd()
      XCTAssertEqual(bytes, sent)
      XCTAssertFalse(isReset)
    }
  }

  func testRequestIsToldOnceWhenEncodingClosesTheConnectionAndThrows() throws {
    let (client, peer) = try makeRawPair()
    let reply = Reply()
    let error = try onLoop(client.loop) { () -> TransportError? in
      do throws(TransportError) {
        try client.sendRPC(.receiver(reply), deadline: .distantFuture) { (_) throws(TransportError) in
          client.close()
          throw TransportError(.unencodable, "changed its mind")
        }
        return nil
      } catch {
        return error
      }
    }
    XCTAssertEqual(reply.outcomes.map(\.reason), [.connectionClosed])
    XCTAssertNil(error, "the request was told already")
    XCTAssertTrue(try peer.receiveToEnd().bytes.isEmpty)
  }

  func testNothingIsSentOfAMessageThatCannotBeEncoded() throws {
    let (client, peer) = try makeRawPair()
    let refused = Reply()
    let send: @Sendable () throws -> Void = {
      try client.tell([1])
      let fail = { (writer: inout ByteWriter) throws(TransportError) in
        writer.append([UInt8](repeating: 0xEE, count: 100))
        throw TransportError(.unencodable, "no such thing")
      }
      XCTAssertThrowsError(try client.send(fail)) { XCTAssertEqual(($0 as? TransportError)?.reason, .unencodable) }
      XCTAssertThrowsError(try client.sendRPC(.receiver(refused), deadline: .distantFuture, fail)) {
        XCTAssertEqual(($0 as? TransportError)?.reason, .unencodable)
      }
      try client.tell([2])
    }
    try send()
    try onLoop(client.loop, send)
    for body in [[1], [2], [1], [2]] as [[UInt8]] { XCTAssertEqual(try peer.receiveMessage(), .oneWay(body: body)) }
    client.close()
    XCTAssertTrue(try peer.receiveToEnd().bytes.isEmpty)
    XCTAssertEqual(refused.outcomes, [])
  }

  func testConnectionMayBeClosedFromACallback() throws {
    let service = ServiceLog()
    let client = try makePair(service, configuration: .quickClose)
    let done = Signal("the answer")
    let others = try (0..<3).map { _ in try client.ask("hold") }
    try client.sendRPC(bytes("question").rawSpan, timeout: .seconds(30)) { _ in
      client.close()
      XCTAssertFalse(client.isActive)
      done.fire()
    }
    done.wait()
    for other in others {
      XCTAssertEqual(other.outcome()?.reason, .connectionClosed)
      XCTAssertEqual(other.outcomes.count, 1)
    }
    _ = try XCTUnwrap(service.connection()).end()
  }

  func testCallbackOfAFailedRequestMayCloseAndSend() throws {
    let (client, peer) = try makeRawPair()
    let second = Reply("the second request's end")
    let first = Signal("the first request's end")
    try client.sendRPC(bytes("first").rawSpan, timeout: .seconds(30)) { response in
      XCTAssertEqual(Outcome(response).reason, .connectionClosed)
      client.close()
      try? client.tell([1])
      try? client.sendRPC(.receiver(second), deadline: .distantFuture) { $0.append(UInt8(2)) }
      first.fire()
    }
    _ = try peer.receiveRequest()
    peer.endWriting()
    first.wait()
    XCTAssertEqual(second.outcome()?.reason, .connectionClosed)
    XCTAssertEqual(second.error?.isNotSent, true)
    XCTAssertTrue(try peer.receiveToEnd().bytes.isEmpty)
    XCTAssertEqual(client.droppedMessages, 1)
  }

  // MARK: After the end

  func testClosedClientTakesNothing() throws {
    let service = ServiceLog()
    let clientSide = ServiceLog()
    let client = try makePair(service, clientSide)
    _ = try client.ask("hello/you").outcome()
    client.close()
    XCTAssertNil(try XCTUnwrap(clientSide.connection()).end())
    XCTAssertFalse(client.isActive)
    let send: @Sendable () throws -> Reply = {
      try client.tell([1])
      try client.respond(5) { $0.append(UInt8(1)) }
      client.respond(5, failure: "late")
      client.close()
      return try client.ask("late")
    }
    for reply in [try send(), try onLoop(client.loop, send)] {
      XCTAssertEqual(reply.outcome()?.reason, .connectionClosed)
      XCTAssertEqual(reply.error?.isNotSent, true)
      XCTAssertEqual(reply.outcomes.count, 1)
    }
    XCTAssertEqual(client.droppedMessages, 6)
  }

  func testClientOfAnEndedLoopTakesNothing() throws {
    let listener = try RawSocket.listen()
    let group = try makeGroup()
    let client = try connect(group, port: listener.port)
    let peer = try listener.accept()
    let pending = try client.ask("question")
    // The peer ends its side as soon as it sees the end of ours, as a peer does.
    let ended = Signal("the peer's end")
    Thread.detachNewThread {
      _ = try? peer.receiveToEnd()
      peer.close()
      ended.fire()
    }
    try shutDown(group)
    ended.wait()
    XCTAssertEqual(pending.outcome()?.reason, .stopped)
    XCTAssertFalse(client.isActive)
    let late = try client.ask("late")
    XCTAssertEqual(late.outcome()?.reason, .connectionClosed)
    XCTAssertEqual(late.error?.isNotSent, true)
    try client.tell([1])
    XCTAssertEqual(client.droppedMessages, 1)
    client.close()
  }

  func testEveryRequestIsToldOnceWhenClosingRacesWithSending() throws {
    for _ in 0..<10 {
      let (client, peer) = try makeRawPair()
      let replies = Box<[Reply]>([])
      let ended = Signal("a thread's end")
      let started = Signal("a thread's beginning")
      for _ in 0..<4 {
        Thread.detachNewThread {
          started.fire()
          for number in 0..<300 {
            if let reply = try? client.ask("request \(number)") { replies.append(reply) }
          }
          ended.fire()
        }
      }
      started.wait(4)
      client.close()
      ended.wait(4)
      peer.close()
      let all = replies.value
      XCTAssertEqual(all.count, 1200)
      for reply in all {
        XCTAssertEqual(reply.outcome()?.reason, .connectionClosed)
        XCTAssertEqual(reply.outcomes.count, 1)
      }
    }
  }

  func testClientIsReleasedOnceItsConnectionEnded() throws {
    let service = ServiceLog()
    let group = try makeGroup()
    let server = try makeServer(group, service, configuration: .quickClose)
    weak var released: TransportClient?
    do {
      let clientSide = ServiceLog()
      let client = try connect(group, port: server.port, clientSide)
      released = client
      let reply = try client.ask("hold")
      client.close()
      reply.outcome()
      _ = try XCTUnwrap(clientSide.connection()).end()
    }
    waitUntil("the client to be released") { released == nil }
  }
}
