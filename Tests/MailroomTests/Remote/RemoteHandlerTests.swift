import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// What an environment answers to peers that are none: a process of the reference system, and others.
final class RemoteHandlerTests: EnvironmentTestCase {
  /// A `java.lang.String`.
  private static let hello = bytes(hex: "aced0005 74 0005 68656c6c6f")

  // MARK: A peer of the reference system

  func testCapturedQuestionGetsTheCapturedAnswer() async throws {
    let server = try await makeServer()
    let ref = try server.register("echo", Echo())
    let peer = try RawSocket(port: server.port)
    try peer.send(EnvelopeTests.goldenQuestion)
    let yes = try await peer.receiveFrame()
    XCTAssertEqual(yes, EnvelopeTests.goldenAnswer)

    server.stop(ref)
    try peer.send(EnvelopeTests.goldenQuestion)
    let no = try await peer.receiveFrame()
    XCTAssertEqual(no, Array(EnvelopeTests.goldenAnswer.dropLast()) + [0])
  }

  func testQuestionOfThisSideIsTheCapturedOneToo() async throws {
    let listener = try RawListener()
    let client = try await makeClient()
    let uri = "spark://echo@127.0.0.1:\(listener.port)"
    let task = Task { try await client.endpointRef(uri) }
    let peer = try await listener.acceptPeer()
    var question = try await peer.receiveFrame()
    let id = Array(question[9..<17])
    // Number and port are of this connection; they stand at known places.
    question.replaceSubrange(9..<17, with: bytes(hex: "0000000000000001"))
    question.replaceSubrange(34..<38, with: bytes(hex: "00003039"))
    XCTAssertEqual(question, EnvelopeTests.goldenQuestion)

    var answer = EnvelopeTests.goldenAnswer
    answer.replaceSubrange(9..<17, with: id)
    try peer.send(answer)
    let ref = try await task.value
    XCTAssertEqual(ref.description, "rpc://echo@127.0.0.1:\(listener.port)")
    peer.reset()
  }

  func testJavaContentIsAnsweredWithAFailureText() async throws {
    let server = try await makeServer()
    try server.register("echo", Echo())
    let peer = try RawSocket(port: server.port)
    try peer.send(EnvelopeTests.goldenHello)
    try await assertFailure(peer, id: 2, "Java objects are not supported here")
    // To an endpoint that does not exist, and with another object to the one that answers lookups.
    let missing = try body("missing", content: Self.hello)
    try peer.send(request(3, missing))
    try await assertFailure(peer, id: 3, "could not find the endpoint missing")
    try peer.send(request(4, body("endpoint-verifier", content: Self.hello)))
    try await assertFailure(peer, id: 4, "The lookup is no CheckExistence object of a version that is known here")
    // The connection is as good as before.
    try peer.send(EnvelopeTests.goldenQuestion)
    let answer = try await peer.receiveFrame()
    XCTAssertEqual(answer, EnvelopeTests.goldenAnswer)
  }

  func testJavaContentIsAnsweredTheSameWayBehindOtherContent() async throws {
    for dispatch in Way.dispatches {
      let server = try await makeServer()
      try server.register("echo", Echo(), on: dispatch)
      let peer = try RawSocket(port: server.port)
      for id in stride(from: Int64(0), to: 10, by: 2) {
        try peer.send(request(id, body("echo", content: [1, 42])))
        let reply = try await peer.receiveFrame()
        XCTAssertEqual(Array(reply.dropFirst(21)), [1, 42], "\(dispatch)")
        try peer.send(request(id + 1, body("echo", content: Self.hello)))
        try await assertFailure(peer, id: id + 1, "Java objects are not supported here")
      }
    }
  }

  func testMessagesInTurnsToSeveralEndpointsEachFindTheirs() async throws {
    let server = try await makeServer()
    let names = ["a", "b", "ab", "endpoint-verifier-2"]
    for (index, name) in names.enumerated() {
      let endpoint = Scripted()
      endpoint.askedBytes = { bytes, context in try context.reply(bytes + [UInt8(index)]) }
      try server.register(name, endpoint, on: Way.dispatches[index % 3])
    }
    let peer = try RawSocket(port: server.port)
    for id in 0..<60 {
      // Runs of one endpoint and changes between them; the content could be mistaken for more of an envelope.
      let index = (id / 3) % names.count
      try peer.send(request(Int64(id), body(names[index], content: [1, 0, 0, 1, UInt8(ascii: "a")])))
      let reply = try await peer.receiveFrame()
      XCTAssertEqual(Array(reply.dropFirst(21)), [1, 0, 0, 1, UInt8(ascii: "a"), UInt8(index)])
    }
  }

  func testOneWayJavaContentReachesOnError() async throws {
    let server = try await makeServer()
    let failures = Results<any Error>("the error")
    let endpoint = Scripted()
    endpoint.failed = { failures.add($0) }
    try server.register("strict", endpoint)
    let peer = try RawSocket(port: server.port)
    try peer.send(oneWay(body("strict", content: Self.hello)))
    let seen = await failures.next()
    assertIs(seen.first as? RPCError, .unsupportedMessage)
  }

  // MARK: Peers that break the rules

  func testUnreadableEnvelopeIsAnsweredAndTheConnectionStays() async throws {
    let server = try await makeServer()
    try server.register("echo", Echo())
    let peer = try RawSocket(port: server.port)
    try peer.send(request(7, [9, 9]))
    let frame = try await peer.receiveFrame()
    XCTAssertEqual(frame[8], 5)
    XCTAssertEqual(Array(frame[9..<17]), bytes(hex: "0000000000000007"))
    // A one-way message is counted, for nobody can be told.
    try peer.send(oneWay([9, 9]) + oneWay(body("missing", content: [1])) + oneWay([]))
    try peer.send(EnvelopeTests.goldenQuestion)
    let answer = try await peer.receiveFrame()
    XCTAssertEqual(answer, EnvelopeTests.goldenAnswer)
    XCTAssertEqual(server.undeliverableMessages, 3)
  }

  func testUnusableContentFailsItsRequestOnly() async throws {
    for dispatch in Way.dispatches {
      let server = try await makeServer()
      try server.register("echo", Echo(), on: dispatch)
      let peer = try RawSocket(port: server.port)
      let contents: [(String, RPCError.Code)] = [
        ("", .undecodable), ("77", .undecodable), ("02", .undecodable), ("02 05 6162", .undecodable),
        ("02 00", .unsupportedMessage), ("02 01 ff", .unsupportedMessage), ("02 03 536179", .undecodable),
        ("02 03 536179 ff", .undecodable), ("02 04 4e6f7465 00", .unsupportedMessage),
      ]
      for (content, _) in contents { try peer.send(request(1, body("echo", content: bytes(hex: content)))) }
      for (content, code) in contents {
        let error = try await receiveError(peer)
        assertIs(error, code, execution: .notExecuted, "\(content), \(dispatch)")
      }
      try peer.send(request(2, body("echo", content: [1, 42])))
      let reply = try await peer.receiveFrame()
      XCTAssertEqual(Array(reply.dropFirst(21)), [1, 42], "\(dispatch)")
    }
  }

  func testEndpointNameThatIsNoTextIsNotFound() async throws {
    let server = try await makeServer()
    let peer = try RawSocket(port: server.port)
    try peer.send(request(1, bytes(hex: "00 00 0002 c3ff 01")))
    let error = try await receiveError(peer)
    assertIs(error, .endpointNotFound, execution: .notExecuted)
  }

  func testGarbageEndsItsOwnConnectionOnly() async throws {
    let server = try await makeServer()
    try server.register("echo", Echo())
    let client = try await makeClient()
    let ref = try await client.endpointRef(server.uri("echo"))
    let good = try RawSocket(port: server.port)
    let garbage = [
      bytes(hex: "0000000000000000"), bytes(hex: "ffffffffffffffff"), bytes(hex: "7fffffffffffffff"),
      bytes(hex: "0000000000000009 ff"), bytes(hex: "000000000000000a 03 00"),
      Array("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8),
    ]
    for bytes in garbage {
      let bad = try RawSocket(port: server.port)
      try bad.send(bytes)
      let hasEnded = try await bad.receivesNothingMore()
      XCTAssertTrue(hasEnded, "\(bytes)")
    }
    try good.send(EnvelopeTests.goldenQuestion)
    let answer = try await good.receiveFrame()
    XCTAssertEqual(answer, EnvelopeTests.goldenAnswer)
    let reply = try await ref.ask(Say(text: "intact"))
    XCTAssertEqual(reply, "intact")
  }

  func testAnswersThatNobodyWaitsForAreDropped() async throws {
    let server = try await makeServer()
    try server.register("echo", Echo())
    let peer = try RawSocket(port: server.port)
    try peer.send(bytes(hex: "0000000000000016 04 0000000000000063 00000001 01"))
    try peer.send(bytes(hex: "0000000000000015 05 0000000000000063 00000000"))
    try peer.send(EnvelopeTests.goldenQuestion)
    let answer = try await peer.receiveFrame()
    XCTAssertEqual(answer, EnvelopeTests.goldenAnswer)
  }

  func testFailureTextOfAPeerReachesTheAsker() async throws {
    let listener = try RawListener()
    let client = try await makeClient()
    let ref = try client.remoteRef(name: "echo", address: RPCAddress(host: "127.0.0.1", port: listener.port))
    let replies = Results<RPCError?>("the failure")
    ref.ask(Say(text: "")) { replies.add($0.error) }
    let peer = try await listener.acceptPeer()
    let id = Array(try await peer.receiveFrame()[9..<17])
    try peer.send(bytes(hex: "0000000000000019 05") + id + bytes(hex: "00000004 4f6f7073"))
    let errors = await replies.next()
    assertIs(errors[0], .remoteFailure)
    XCTAssertEqual(errors[0]?.message, "Oops")
    peer.reset()
  }

  // MARK: A peer that ends its side

  func testHalfClosedPeerStillGetsItsAnswers() async throws {
    for dispatch in Way.dispatches {
      let server = try await makeServer()
      let contexts = Results<RPCBytesCallContext>("a call")
      let endpoint = Scripted()
      endpoint.askedBytes = { _, context in contexts.add(context) }
      try server.register("slow", endpoint, on: dispatch)
      let peer = try RawSocket(port: server.port)
      for id in 0..<3 { try peer.send(request(Int64(id), body("slow", content: [1]))) }
      peer.finish()
      let calls = await contexts.next(3)
      for (index, call) in calls.enumerated() { try call.reply([UInt8(index)]) }
      for index in 0..<3 {
        let frame = try await peer.receiveFrame()
        XCTAssertEqual(Array(frame.suffix(2)), [1, UInt8(index)], "\(dispatch)")
      }
      let hasEnded = try await peer.receivesNothingMore()
      XCTAssertTrue(hasEnded, "\(dispatch)")
    }
  }

  // MARK: Batches

  func testRequestsOfOneBatchToSeveralEndpointsAreAllAnswered() async throws {
    let server = try await makeServer()
    for (index, dispatch) in Way.dispatches.enumerated() {
      try server.register("echo-\(index)", Echo(), on: dispatch)
    }
    try server.register("other", Echo(), on: .eventLoop)
    let names = ["echo-0", "echo-1", "echo-2", "other"]
    let peer = try RawSocket(port: server.port)
    let ids = (0..<200).map { Int64($0) }
    // One write, so that most of them are read together.
    try peer.send(ids.flatMap { id in try request(id, body(names[Int(id) % 4], content: [1, UInt8(id)])) })
    var answers: [Int64: UInt8] = [:]
    for _ in ids {
      let frame = try await peer.receiveFrame()
      answers[frame[9..<17].reduce(0) { $0 << 8 | Int64($1) }] = frame.last
    }
    XCTAssertEqual(answers, Dictionary(uniqueKeysWithValues: ids.map { ($0, UInt8($0)) }))
  }

  func testBytesThatComeOneByOneMakeAMessage() async throws {
    let server = try await makeServer()
    try server.register("echo", Echo())
    let peer = try RawSocket(port: server.port)
    for byte in EnvelopeTests.goldenQuestion { try peer.send([byte]) }
    let answer = try await peer.receiveFrame()
    XCTAssertEqual(answer, EnvelopeTests.goldenAnswer)
  }

  func testEndpointOfTheEventLoopIsStoppedInTheMiddleOfABatch() async throws {
    let server = try await makeServer()
    let events = Box<[String]>([])
    let stopped = Signal("onStop")
    let endpoint = Scripted()
    endpoint.noted = { endpoint, note in
      events.append(note.text)
      if note.text == "2", let me = server.endpointRef(of: endpoint) { server.stop(me) }
    }
    endpoint.stopped = { _ in
      events.append("stop")
      stopped.fire()
    }
    try server.register("short", endpoint, on: .eventLoop)
    let peer = try RawSocket(port: server.port)
    // The endpoint has heard of the connection, so that what follows is not queued behind that.
    try peer.send(request(8, body("short", content: [1])))
    _ = try await peer.receiveFrame()
    var frames: [UInt8] = []
    for index in 0..<5 {
      var writer = ByteWriter()
      writer.append(bytes(hex: "02 04 4e6f7465"))
      try Note(text: "\(index)").encode(into: &writer)
      frames += try oneWay(body("short", content: writer.array()))
    }
    try peer.send(frames + request(9, body("short", content: [1])))
    let error = try await receiveError(peer)
    XCTAssertTrue([.endpointStopped, .endpointNotFound].contains(error.code), "\(error)")
    await stopped.comes()
    XCTAssertEqual(events.value, ["0", "1", "2", "stop"])
    XCTAssertEqual(server.undeliverableMessages, 2)
  }

  // MARK: Frames

  private func body(_ name: String, content: [UInt8]) throws -> [UInt8] {
    try Envelope.bytes(sender: nil, receiver: nil, name: name) + content
  }

  private func request(_ id: Int64, _ body: [UInt8]) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(integer: Int64(body.count + 21))
    writer.append(3)
    writer.append(integer: id)
    writer.append(integer: Int32(body.count))
    writer.append(body)
    return writer.array()
  }

  private func oneWay(_ body: [UInt8]) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(integer: Int64(body.count + 13))
    writer.append(9)
    writer.append(integer: Int32(body.count))
    writer.append(body)
    return writer.array()
  }

  private func assertFailure(
    _ peer: RawSocket, id: Int64, _ text: String, file: StaticString = #filePath, line: UInt = #line
  ) async throws {
    let frame = try await peer.receiveFrame()
    XCTAssertEqual(frame[8], 5, file: file, line: line)
    XCTAssertEqual(frame[9..<17].reduce(0) { $0 << 8 | Int64($1) }, id, file: file, line: line)
    XCTAssertEqual(String(decoding: frame.dropFirst(21), as: UTF8.self), text, file: file, line: line)
  }

  /// Receives a response whose body is a failure.
  private func receiveError(_ peer: RawSocket) async throws -> RPCError {
    let body = Array(try await peer.receiveFrame().dropFirst(21))
    switch ReplyContent.decode(body.rawSpan, as: RPCDone.self, from: nil) {
    case .success: throw RawSocket.Failure("an error was expected")
    case .failure(let error): return error
    }
  }
}
