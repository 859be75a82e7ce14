import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// Calls that stand for one request after the other, as those of an endpoint on the connection's event loop do.
final class RemoteCallTests: EnvironmentTestCase {
  /// What becomes of a request, by the first byte of its content.
  private static let (answer, keep, drop): (UInt8, UInt8, UInt8) = (0, 1, 2)

  /// An environment with such an endpoint, the contexts that it keeps, and the objects that stood for its requests.
  private func makePeer() async throws -> (
    peer: RawSocket, kept: Results<RPCBytesCallContext>, objects: Box<Set<ObjectIdentifier>>
  ) {
    let server = try await makeServer()
    let kept = Results<RPCBytesCallContext>("a context")
    let objects = Box<Set<ObjectIdentifier>>([])
    let endpoint = Scripted()
    endpoint.askedBytes = { bytes, context in
      switch bytes[0] {
      case Self.answer:
        if let call = context.remote { objects.update { $0.insert(ObjectIdentifier(call)) } }
        try context.reply(bytes)
      case Self.keep: kept.add(context)
      default: break
      }
    }
    try server.register("here", endpoint, on: .eventLoop)
    let peer = try RawSocket(port: server.port)
    // The endpoint has heard of the connection, so that what follows is not queued behind that.
    try peer.send(request(1000, Self.answer))
    _ = try await peer.next()
    return (peer, kept, objects)
  }

  private func request(_ id: Int64, _ fate: UInt8) -> [UInt8] {
    RawFrame.request(id, to: "here", [Content.raw, fate, UInt8(truncatingIfNeeded: id)])
  }

  private func assertReply(
    _ frame: RawFrame, _ id: Int64, _ fate: UInt8, file: StaticString = #filePath, line: UInt = #line
  ) {
    XCTAssertEqual(frame.id, id, file: file, line: line)
    XCTAssertEqual(frame.body, [Content.raw, fate, UInt8(truncatingIfNeeded: id)], file: file, line: line)
  }

  func testRequestsThatAreAnsweredInPlaceShareOneCall() async throws {
    let (peer, _, objects) = try await makePeer()
    objects.update { $0 = [] }
    try peer.send((1...50).flatMap { request($0, Self.answer) })
    for (index, frame) in try await peer.next(50).enumerated() { assertReply(frame, Int64(index + 1), Self.answer) }
    XCTAssertEqual(objects.value.count, 1)
  }

  func testKeptContextStaysThatOfItsRequest() async throws {
    let (peer, kept, _) = try await makePeer()
    let ids = (1...30).map { Int64($0) }
    try peer.send(ids.flatMap { request($0, $0 % 3 == 0 ? Self.keep : Self.answer) })
    let contexts = await kept.next(10)
    for (id, frame) in zip(ids.filter { $0 % 3 != 0 }, try await peer.next(20)) { assertReply(frame, id, Self.answer) }
    // Answered behind all others, from another thread, and while more of them come.
    for (index, context) in contexts.enumerated().reversed() {
      try peer.send(request(100 + Int64(index), Self.answer))
      let other = try await peer.next()
      assertReply(other, 100 + Int64(index), Self.answer)
      XCTAssertFalse(context.isCancelled)
      let id = Int64(3 * (index + 1))
      try context.reply([Self.keep, UInt8(id)])
      assertReply(try await peer.next(), id, Self.keep)
      XCTAssertThrowsError(try context.reply([])) { assertIs($0 as? RPCError, .alreadyReplied) }
    }
    try peer.send(request(200, Self.answer))
    assertReply(try await peer.next(), 200, Self.answer)
    XCTAssertThrowsError(try contexts[0].fail(Oops())) { assertIs($0 as? RPCError, .alreadyReplied) }
    try peer.send(request(201, Self.answer))
    assertReply(try await peer.next(), 201, Self.answer)
  }

  func testDroppedRequestsAreAnsweredOnceInTheirTurn() async throws {
    let (peer, _, _) = try await makePeer()
    let ids = (1...40).map { Int64($0) }
    try peer.send(ids.flatMap { request($0, $0 % 2 == 0 ? Self.drop : Self.answer) })
    for (id, frame) in zip(ids, try await peer.next(ids.count)) {
      XCTAssertEqual(frame.id, id)
      if id % 2 == 0 { assertIs(frame.error, .noReply) } else { assertReply(frame, id, Self.answer) }
    }
    try peer.send(request(200, Self.answer))
    assertReply(try await peer.next(), 200, Self.answer)
  }

  func testContextThatIsKeptAndThenDroppedAnswersItsOwnRequestOnce() async throws {
    let (peer, kept, _) = try await makePeer()
    try peer.send(request(1, Self.keep) + request(2, Self.answer) + request(3, Self.keep) + request(4, Self.answer))
    assertReply(try await peer.next(), 2, Self.answer)
    assertReply(try await peer.next(), 4, Self.answer)
    _ = await kept.next(2)
    kept.clear()
    let ends = try await peer.next(2)
    XCTAssertEqual(ends.map(\.id).sorted(), [1, 3])
    for end in ends { assertIs(end.error, .noReply) }
    try peer.send(request(5, Self.drop) + request(6, Self.answer))
    let last = try await peer.next(2)
    XCTAssertEqual(last[0].id, 5)
    assertIs(last[0].error, .noReply)
    assertReply(last[1], 6, Self.answer)
  }

  func testContextThatIsKeptBehindItsAnswerAnswersNoOtherRequest() async throws {
    let server = try await makeServer()
    let kept = Box<[RPCBytesCallContext]>([])
    let endpoint = Scripted()
    endpoint.askedBytes = { bytes, context in
      if bytes[0] == Self.keep { kept.append(context) }
      for old in kept.value.dropLast() {
        XCTAssertThrowsError(try old.reply([9])) { assertIs($0 as? RPCError, .alreadyReplied) }
      }
      try context.reply(bytes)
    }
    try server.register("here", endpoint, on: .eventLoop)
    let peer = try RawSocket(port: server.port)
    let ids = (1...12).map { Int64($0) }
    let fates = ids.map { $0 % 3 == 0 ? Self.keep : Self.answer }
    try peer.send(zip(ids, fates).flatMap { request($0, $1) })
    for (index, frame) in try await peer.next(ids.count).enumerated() { assertReply(frame, ids[index], fates[index]) }
    kept.update { $0 = [] }
  }

  func testDeadlineAndCancellationOfOneRequestAreNotThoseOfTheNext() async throws {
    let server = try await makeServer()
    let seen = Results<[Bool]>("what a request knows")
    let endpoint = Scripted()
    endpoint.askedBytes = { bytes, context in
      seen.add([context.timeLeft != nil, context.isCancelled])
      try context.reply(bytes)
    }
    try server.register("here", endpoint, on: .eventLoop)
    let client = try await makeClient()
    let ref = try await client.endpointRef(server.uri("here"))
    // Asks of this library tell their time.
    _ = try await ref.ask(bytes: [1], timeout: .seconds(600))
    let peer = try RawSocket(port: server.port)
    try await peer.introduce()
    try peer.send(request(1, Self.answer))
    _ = try await peer.next()
    try peer.send(RawFrame.cancel(3) + request(2, Self.answer))
    _ = try await peer.next()
    XCTAssertEqual(seen.values, [[true, false], [false, false], [false, false]])
  }
}
