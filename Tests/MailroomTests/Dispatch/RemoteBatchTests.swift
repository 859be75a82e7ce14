import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

final class RemoteBatchTests: EnvironmentTestCase {
  private func texts(_ rest: inout RemoteBatch.Rest) -> [String] {
    var texts: [String] = []
    while let (range, _, _) = rest.next() { texts.append(String(decoding: rest.bytes[range], as: UTF8.self)) }
    return texts
  }

  func testMessagesComeInOrderWithTheirOwnCalls() async throws {
    let (calls, _) = try await makeCalls(3)
    let source = calls[0].source
    let texts = ["a", "", "ccc", "dd", ""]
    let ofMessage = [1: calls[0], 2: calls[1], 4: calls[2]]
    var rest = RemoteBatch.Rest(RemoteBatch.of(texts, ofMessage, from: source).batch)
    for (index, text) in texts.enumerated() {
      XCTAssertFalse(rest.isAtEnd, "\(index)")
      let (range, isRequest, handler) = try XCTUnwrap(rest.next())
      XCTAssertEqual(handler, TypeHandlers.missing)
      XCTAssertEqual(isRequest, ofMessage[index] != nil)
      let call = isRequest ? rest.takeCall() : nil
      XCTAssertEqual(String(decoding: rest.bytes[range], as: UTF8.self), text)
      XCTAssertTrue(call === ofMessage[index], "message \(index) has its call, or none")
      XCTAssertTrue(rest.source === source)
    }
    XCTAssertTrue(rest.isAtEnd)
    XCTAssertNil(rest.next())
    XCTAssertNil(rest.next(), "the end stays the end")
  }

  func testEmptyContentsAreMessages() {
    for count in 1...3 {
      var rest = RemoteBatch.Rest(RemoteBatch.of([String](repeating: "", count: count)).batch)
      XCTAssertEqual(texts(&rest), [String](repeating: "", count: count))
    }
    var nothing = RemoteBatch.Rest(RemoteBatch.of([]).batch)
    XCTAssertTrue(nothing.isAtEnd)
    XCTAssertNil(nothing.next())
  }

  func testContentsOfEverySizeComeBack() {
    let sizes = [0, 1, 127, 128, 255, 256, 257, RemoteBatch.longestContent]
    var rest = RemoteBatch.Rest(RemoteBatch.of(sizes.map { String(repeating: "x", count: $0) }).batch)
    XCTAssertEqual(texts(&rest).map(\.count), sizes)
  }

  func testHandlersThatAreKnownComeWithTheirMessages() async throws {
    let (calls, _) = try await makeCalls(1)
    let handlers = [TypeHandlers.missing, 0, 7, TypeHandlers.missing, 100_000, 0]
    let sizes = [3, 0, 1, 0, RemoteBatch.longestContent, 2]
    var builder = RemoteBatch.Builder()
    for (index, handler) in handlers.enumerated() {
      let content = [UInt8](repeating: UInt8(index), count: sizes[index])
      builder.append(content.rawSpan, to: handler, index == 2 ? calls[0] : nil)
    }
    XCTAssertEqual(builder.size, 3 + 1 + 1 + 1 + RemoteBatch.longestContent + 2, "handlers do not count")
    var rest = RemoteBatch.Rest(builder.take(from: nil))
    for (index, handler) in handlers.enumerated() {
      let (range, isRequest, found) = try XCTUnwrap(rest.next())
      XCTAssertEqual(found, handler, "\(index)")
      XCTAssertEqual(isRequest, index == 2)
      XCTAssertEqual(Array(rest.bytes[range]), [UInt8](repeating: UInt8(index), count: sizes[index]))
    }
    XCTAssertTrue(rest.isAtEnd)
    for handler in [TypeHandlers.missing, 5] {
      builder.append([1, 2].rawSpan, to: handler, nil)
      let (content, found, origin) = builder.takeOnly(from: nil)
      XCTAssertEqual(content, [1, 2])
      XCTAssertEqual(found, handler)
      XCTAssertNil(origin.call)
    }
  }

  func testBuilderCountsAndBeginsAnew() async throws {
    let (calls, _) = try await makeCalls(1)
    var builder = RemoteBatch.Builder()
    let content = Array("four".utf8)
    builder.append(content.rawSpan, nil)
    builder.append([UInt8]().rawSpan, calls[0])
    builder.append(content.rawSpan, nil)
    XCTAssertEqual(builder.count, 3)
    XCTAssertEqual(builder.oneWays, 2)
    XCTAssertEqual(builder.size, 4 + 1 + 4, "an empty message counts one")
    var first = RemoteBatch.Rest(builder.take(from: nil))
    XCTAssertEqual([builder.count, builder.oneWays, builder.size], [0, 0, 0])
    builder.append(Array("new".utf8).rawSpan, nil)
    XCTAssertEqual([builder.count, builder.oneWays, builder.size], [1, 1, 3])
    var second = RemoteBatch.Rest(builder.take(from: nil))
    XCTAssertEqual(texts(&first), ["four", "", "four"])
    XCTAssertEqual(texts(&second), ["new"])
  }

  func testBatchIsFullByItsMessagesOrItsBytes() {
    func fill(_ size: Int) -> Int {
      var builder = RemoteBatch.Builder()
      let content = [UInt8](repeating: 0, count: size)
      while !builder.isFull { builder.append(content.rawSpan, nil) }
      let count = builder.count
      _ = builder.take(from: nil)
      XCTAssertFalse(builder.isFull)
      return count
    }
    XCTAssertEqual(fill(0), 64)
    XCTAssertEqual(fill(100), 64)
    XCTAssertEqual(fill(RemoteBatch.longestContent), 8)
  }

  func testCallIsGivenAwayWithItsMessage() async throws {
    var (calls, peer) = try await makeCalls(2)
    var rest = RemoteBatch.Rest(RemoteBatch.of(["a", "b"], [0: calls[0], 1: calls[1]]).batch)
    calls = []
    _ = rest.next()
    _ = rest.takeCall()
    // The answer of the first one's end; the second one is still in the batch.
    let first = try await peer.next()
    XCTAssertEqual(first.id, 1)
    assertIs(first.error, .noReply)
    XCTAssertFalse(rest.isAtEnd)
    _ = rest.next()
    _ = rest.takeCall()
    let second = try await peer.next()
    XCTAssertEqual(second.id, 2)
    assertIs(second.error, .noReply)
  }
}
