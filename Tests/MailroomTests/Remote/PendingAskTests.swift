import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// Stands for who asks where that does not matter.
private final class Nobody: Sendable {}

final class PendingAskTests: XCTestCase {
  // MARK: Reading replies

  func testReplyIsReadByItsKind() throws {
    XCTAssertEqual(try decode(bytes(hex: "02 0000000000000007"), as: Int64.self).get(), 7)
    XCTAssertEqual(try decode(bytes(hex: "01 0708"), as: RPCBytes.self).get().bytes, [7, 8])
    XCTAssertEqual(try decode(bytes(hex: "01"), as: RPCBytes.self).get().bytes, [])
    assertIs(decode(bytes(hex: "0f 01 01 63 00 00"), as: Int64.self).error, .init(name: "c"), execution: .notExecuted)
  }

  func testReplyThatIsNoneFails() {
    let bad = [
      "": "nothing", "03": "an unknown kind", "02": "no value", "02 00": "half a value",
      "02 0000000000000007 00": "too much", "01 07": "raw bytes", "0f": "half a failure", "ac": "a Java object",
    ]
    for (text, what) in bad {
      assertIs(decode(bytes(hex: text), as: Int64.self).error, .undecodable, what)
    }
  }

  func testEveryBeginningOfAReplyIsRefused() throws {
    var writer = ByteWriter()
    writer.append(Content.typed)
    try ["one", "two"].encode(into: &writer)
    let whole = writer.array()
    XCTAssertEqual(try decode(whole, as: [String].self).get(), ["one", "two"])
    for count in 0..<whole.count {
      assertIs(decode(Array(whole.prefix(count)), as: [String].self).error, .undecodable, "\(count) bytes")
    }
  }

  func testReferenceNeedsAnEnvironment() throws {
    let reference = bytes(hex: "02 01 6e 00")
    assertIs(decode(reference, as: RPCEndpointRef.self).error, .undecodable)
  }

  private func decode<Reply: RPCValue>(_ body: [UInt8], as type: Reply.Type) -> Result<Reply, RPCError> {
    ReplyContent.decode(body.rawSpan, as: type, from: nil)
  }

  func testBorrowedReplyIsReadByItsKind() {
    func read(_ body: [UInt8]) -> Result<[UInt8], RPCError> {
      do throws(RPCError) {
        let nobody = Nobody()
        defer { withExtendedLifetime(nobody) {} }
        return .success(try RPCBytesReply(body: body.rawSpan, asker: nobody).bytes.array())
      } catch {
        return .failure(error)
      }
    }
    XCTAssertEqual(read([1, 7, 8]).value, [7, 8])
    XCTAssertEqual(read([1]).value, [])
    assertIs(read([]).error, .undecodable)
    assertIs(read([2, 7]).error, .undecodable)
    assertIs(read(bytes(hex: "0f 01 01 63 00 00")).error, .init(name: "c"), execution: .notExecuted)
    assertIs(read(bytes(hex: "0f 01")).error, .undecodable)
  }

  // MARK: Completing

  func testCallbackAskIsCompletedOnce() {
    let results = Box<[Int64?]>([])
    let ask = CallbackAsk<Int64>(from: nil) { results.append($0.value) }
    XCTAssertFalse(ask.isAbandoned)
    XCTAssertTrue(ask.complete(.success(1)))
    XCTAssertFalse(ask.complete(.success(2)))
    ask.fail(RPCError(.timeout, ""))
    ask.receive(.failure(TransportError(.stopped, "")))
    XCTAssertTrue(ask.isAbandoned)
    XCTAssertEqual(results.value, [1])
  }

  func testAsksAreCompletedOnceByManyThreads() async throws {
    for _ in 0..<50 {
      let results = Results<Int64?>("the completion")
      let callback = CallbackAsk<Int64>(from: nil) { results.add($0.value) }
      let async = AsyncAsk<Int64>(from: nil)
      let winners = Box<[Int64]>([])
      let waiting = Task { try await async.wait {} }
      try await fromThreads(4) { index in
        if callback.complete(.success(Int64(index))) { winners.append(Int64(index)) }
        async.complete(.success(Int64(index)))
      }
      // A value that came before anybody waited is given up with the asker's wish to wait.
      _ = try? await waiting.value
      XCTAssertEqual(results.values, winners.value.map { $0 })
      XCTAssertTrue(async.isAbandoned)
    }
  }

  func testAskOfACancelledTaskDoesNotStart() async {
    let task = Task {
      await eventually("the task is cancelled") { Task.isCancelled }
      let ask = AsyncAsk<Int64>(from: nil)
      return try await ask.wait { XCTFail("nothing may be sent") }
    }
    task.cancel()
    await assertThrows(.cancelled) { try await task.value }
  }

  // MARK: Local calls

  func testLocalCallIsAnsweredOnceAndByItsEndAtLast() {
    let results = Box<[Result<Int64, RPCError>]>([])
    do {
      let call = LocalCall<Int64>(CallbackAsk(from: nil) { results.append($0) })
      XCTAssertFalse(call.isAbandoned)
      XCTAssertNoThrow(try call.reply(1))
      XCTAssertTrue(call.isAbandoned)
      XCTAssertThrowsError(try call.reply(2)) { assertIs($0 as? RPCError, .alreadyReplied) }
    }
    XCTAssertEqual(results.value.compactMap(\.value), [1])
    do { _ = LocalCall<Int64>(CallbackAsk(from: nil) { results.append($0) }) }
    XCTAssertEqual(results.value.count, 2)
    assertIs(results.value.last?.error, .noReply)
  }
}
