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

  func testMessagesComeInOrderAndSoDoTheRequestsAmongThem() async throws {
    let (requests, source, _) = try await makeRequests(3)
    let texts = ["a", "", "ccc", "dd", ""]
    let ofMessage = [1: requests[0], 2: requests[1], 4: requests[2]]
    var rest = RemoteBatch.Rest(RemoteBatch.of(texts, ofMessage, from: source).batch)
    for (index, text) in texts.enumerated() {
      XCTAssertFalse(rest.isAtEnd, "\(index)")
      let (range, isRequest, handler) = try XCTUnwrap(rest.next())
      XCTAssertEqual(handler, TypeHandlers.missing)
      XCTAssertEqual(isRequest, ofMessage[index] != nil)
      let request = isRequest ? rest.requests?.next() : nil
      XCTAssertEqual(String(decoding: rest.bytes[range], as: UTF8.self), text)
      XCTAssertEqual(request?.id, ofMessage[index]?.requestID, "message \(index) is its request, or none")
      XCTAssertTrue(rest.source === source)
    }
    XCTAssertTrue(rest.isAtEnd)
    XCTAssertNil(rest.next())
    XCTAssertNil(rest.next(), "the end stays the end")
    XCTAssertNil(rest.requests?.next())
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
    let (responders, _, _) = try await makeRequests(1)
    let handlers = [TypeHandlers.missing, 0, 7, TypeHandlers.missing, 100_000, 0]
    let sizes = [3, 0, 1, 0, RemoteBatch.longestContent, 2]
    var builder = RemoteBatch.Builder()
    for (index, handler) in handlers.enumerated() {
      let content = [UInt8](repeating: UInt8(index), count: sizes[index])
      builder.append(content.rawSpan, to: handler, index == 2 ? RemoteRequest(responders[0]) : nil)
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
    let (responders, _, _) = try await makeRequests(1)
    var builder = RemoteBatch.Builder()
    let content = Array("four".utf8)
    builder.append(content.rawSpan, nil)
    builder.append([UInt8]().rawSpan, RemoteRequest(responders[0]))
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

  func testRequestsThatNobodyTakesEndWithTheirBatch() async throws {
    let (responders, source, peer) = try await makeRequests(3)
    do {
      let batch = RemoteBatch.of(
        ["a", "b", "c"], [0: responders[0], 1: responders[1], 2: responders[2]], from: source)
      let requests = try XCTUnwrap(RemoteBatch.Rest(batch.batch).requests)
      let first = try XCTUnwrap(requests.next())
      requests.call(for: first).end()
      let answer = try await peer.next()
      XCTAssertEqual(answer.id, 1)
      assertIs(answer.error, .noReply)
    }
    for id in 2...3 {
      let answer = try await peer.next()
      XCTAssertEqual(answer.id, Int64(id))
      assertIs(answer.error, .noReply)
    }
  }

  func testRequestOfABatchIsTheOnlyMessageToo() async throws {
    let (responders, source, peer) = try await makeRequests(1)
    var builder = RemoteBatch.Builder()
    builder.append([1, 2].rawSpan, RemoteRequest(responders[0]))
    let (content, _, origin) = builder.takeOnly(from: source)
    XCTAssertEqual(content, [1, 2])
    XCTAssertEqual([builder.count, builder.oneWays, builder.size], [0, 0, 0])
    try origin.call?.reply(RPCDone())
    let answer = try await peer.next()
    XCTAssertEqual(answer.id, 1)
    XCTAssertNil(answer.error)
  }

  func testSpareCallStandsForNextRequestUnlessItIsKeptOrEitherHasAKey() async throws {
    let (responders, source, peer) = try await makeRequests(4)
    let key = RPCRequestKey.random()
    let list = responders.enumerated().map { RemoteRequest($1, key: $0 == 1 ? key : nil) }
    let requests = try XCTUnwrap(RemoteRequests(list, from: source))
    var spare = SpareCall()
    var kept: [RemoteCall] = []
    for index in 0..<4 {
      spare.begin(try XCTUnwrap(requests.next()), of: requests, from: source)
      XCTAssertEqual(spare.call?.key, index == 1 ? key : nil)
      if index == 2, let call = spare.call { kept.append(call) }
      spare.settle()
      XCTAssertEqual(spare.call == nil, index == 2, "the call is another owner's now")
    }
    // The one that is kept has not ended, whatever the spare one stood for since.
    let ids = try await peer.next(3).map(\.id)
    XCTAssertEqual(ids, [1, 2, 4])
    try kept[0].reply(RPCDone())
    let last = try await peer.next()
    XCTAssertEqual(last.id, 3)
    XCTAssertNil(last.error)
  }
}
