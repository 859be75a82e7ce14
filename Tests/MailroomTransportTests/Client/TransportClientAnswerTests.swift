import MailroomQueue
import TestSupport
import XCTest

@testable import MailroomTransport

/// Answers that other threads than the loop's give.
final class TransportClientAnswerTests: TransportTestCase {
  /// Has `body` run while the client's loop does nothing else.
  private func whileLoopIsBusy(_ client: TransportClient, _ body: () throws -> Void) throws {
    let busy = Signal("the loop to be busy")
    let free = Signal("the loop to be let go")
    client.loop.execute {
      busy.fire()
      _ = free.wait()
    }
    busy.wait()
    defer { free.fire() }
    try body()
  }

  func testAnswersOfAllSizesArriveOnce() throws {
    let (client, peer) = try makeRawPair()
    let sizes = [0, 1, 16, 1000, AnswerBuffer.longestFrame - 22, AnswerBuffer.longestFrame, 100_000]
    let count = 20 * sizes.count
    try whileLoopIsBusy(client) {
      for id in 1...count {
        let body = [UInt8](repeating: UInt8(id), count: sizes[id % sizes.count])
        // Half of them as bytes that are there, half of them encoded.
        if id % 2 == 0 {
          try client.respond(Int64(id), tag: 7, body.rawSpan)
        } else {
          try client.respond(Int64(id)) { $0.append([7] + body) }
        }
      }
      XCTAssertGreaterThanOrEqual(client.gauge.level.messages, count)
    }
    var answers: [Int64: [UInt8]] = [:]
    for _ in 1...count {
      guard case .rpcResponse(let id, let body) = try peer.receiveMessage() else { return XCTFail("no answer") }
      XCTAssertNil(answers.updateValue(body, forKey: id), "answer \(id) came twice")
    }
    for id in 1...count {
      XCTAssertEqual(answers[Int64(id)], [7] + [UInt8](repeating: UInt8(id), count: sizes[id % sizes.count]), "\(id)")
    }
    waitUntil("nothing to be counted") { client.gauge.level.messages == 0 && client.gauge.level.bytes == 0 }
  }

  func testAnswersOfSeveralThreadsArriveInTheOrderOfEach() throws {
    let (client, peer) = try makeRawPair()
    let threads = 4
    let each = 500
    let ended = Signal("the threads")
    for thread in 0..<threads {
      let worker = try WorkerThread(name: "answers-\(thread)") {
        for index in 0..<each { try? client.respond(Int64(thread * each + index), tag: 1, [2].rawSpan) }
        ended.fire()
      }
      addTeardownBlock { worker.join() }
    }
    var last = [Int64](repeating: -1, count: threads)
    for _ in 0..<threads * each {
      guard case .rpcResponse(let id, let body) = try peer.receiveMessage() else { return XCTFail("no answer") }
      XCTAssertEqual(body, [1, 2])
      let thread = Int(id) / each
      XCTAssertGreaterThan(id, last[thread])
      last[thread] = id
    }
    ended.wait(threads)
    waitUntil("nothing to be counted") { client.gauge.level.messages == 0 }
  }

  func testAnswersThatWaitWhenTheConnectionEndsAreCountedAsDropped() throws {
    let (client, peer) = try makeRawPair()
    try whileLoopIsBusy(client) {
      peer.reset()
      client.loop.execute { client.connection?.fail(TransportError(.connectionClosed, "a test ends it")) }
      for id in 1...10 { try client.respond(Int64(id), tag: 1, [2].rawSpan) }
    }
    waitUntil("the answers to be dropped") { client.droppedMessages == 10 }
    try client.respond(11, tag: 1, [2].rawSpan)
    waitUntil("the late one to be dropped") { client.droppedMessages == 11 }
    waitUntil("nothing to be counted") { client.gauge.level.messages == 0 }
  }

  func testWhatIsCancelledBehindItsAnswerIsForgotten() throws {
    let log = ServiceLog()
    let (client, peer) = try makeRawPair(log)
    try onLoop(client.loop) { client.enableExtensions() }
    // A request that stays unanswered, so that nothing is forgotten because nothing is left.
    try peer.send(.request(id: 99, Array("hold".utf8)))
    XCTAssertTrue(try XCTUnwrap(log.connection()).holding.wait())
    try whileLoopIsBusy(client) {
      for id: Int64 in 1...3 { try client.respond(id, tag: 1, [2].rawSpan) }
      client.abandonment.cancel(2)
    }
    for id: Int64 in 1...3 { XCTAssertEqual(try peer.receiveMessage(), .rpcResponse(id: id, body: [1, 2])) }
    waitUntil("the cancellation to be forgotten") { !client.abandonment.isAbandoned(2) }
  }
}
