import Mailroom
import MailroomTransport
import TestSupport
import XCTest

/// Rows RE19, RE20, RE24, X1, X7 and X11: how calls are answered, and how not.
final class RPCCallContextTests: EnvironmentTestCase {
  func testX7SecondAnswerThrowsAtTheReplier() async throws {
    try await inEveryWay { way in
      let errors = Results<RPCError?>("an error of a second answer")
      let ref = try await way.register(
        "twice",
        Scripted.answering { _, context in
          try context.reply("first")
          for second in [{ try context.reply("second") }, { try context.fail(Oops()) }] as [() throws -> Void] {
            do {
              try second()
              errors.add(nil)
            } catch {
              errors.add(error as? RPCError)
            }
          }
        })
      let reply = try await ref.ask(Say(text: ""))
      XCTAssertEqual(reply, "first", "\(way)")
      for error in await errors.next(2) { assertIs(error, .alreadyReplied, "\(way)") }
    }
  }

  func testX7SecondAnswerOfBytesThrowsAtTheReplier() async throws {
    try await inEveryWay { way in
      let errors = Results<RPCError?>("an error of a second answer")
      let endpoint = Scripted()
      endpoint.askedBytes = { bytes, context in
        try context.reply(bytes)
        let seconds: [() throws -> Void] = [
          { try context.reply(bytes) }, { try context.reply(bytes.rawSpan) }, { try context.fail(Oops()) },
        ]
        for second in seconds {
          do {
            try second()
            errors.add(nil)
          } catch {
            errors.add(error as? RPCError)
          }
        }
      }
      let ref = try await way.register("twice", endpoint)
      let reply = try await ref.ask(bytes: [9])
      XCTAssertEqual(reply, [9], "\(way)")
      for error in await errors.next(3) { assertIs(error, .alreadyReplied, "\(way)") }
    }
  }

  func testAnswersOfManyThreadsOneWins() async throws {
    try await inEveryWay { way in
      let contexts = Results<RPCCallContext<String>>("the call")
      let ref = try await way.register("slow", Scripted.answering { _, context in contexts.add(context) })
      let replies = Results<Result<String, RPCError>>("the reply")
      ref.ask(Say(text: "")) { replies.add($0) }
      let context = await contexts.next()[0]
      let won = Box<[Int]>([])
      try await fromThreads(8) { index in
        do throws(RPCError) {
          try context.reply("\(index)")
          won.append(index)
        } catch {
          if error.code != .alreadyReplied { throw error }
        }
      }
      let reply = await replies.next()
      XCTAssertEqual(won.value.count, 1, "\(way)")
      XCTAssertEqual(reply.map(\.value), won.value.map { "\($0)" }, "\(way)")
    }
  }

  func testCallMayBeAnsweredLaterFromAnotherThread() async throws {
    try await inEveryWay { way in
      let contexts = Results<RPCCallContext<String>>("a call")
      let ref = try await way.register(
        "slow",
        Scripted.answering { say, context in
          if say.text == "now" { return try context.reply("now") }
          contexts.add(context)
        })
      let replies = Results<Result<String, RPCError>>("a late reply")
      for index in 0..<5 { ref.ask(Say(text: "\(index)")) { replies.add($0) } }
      let calls = await contexts.next(5)
      // Others are served meanwhile.
      let now = try await ref.ask(Say(text: "now"))
      XCTAssertEqual(now, "now", "\(way)")
      try await fromThreads(5) { try calls[$0].reply("late \($0)") }
      let values = await replies.next(5).compactMap(\.value)
      XCTAssertEqual(values.sorted(), (0..<5).map { "late \($0)" }, "\(way)")
    }
  }

  func testDroppedCallIsAnsweredPromptly() async throws {
    try await inEveryWay { way in
      let endpoint = Scripted.answering { _, _ in }
      endpoint.askedBytes = { _, _ in }
      let ref = try await way.register("mute", endpoint)
      await assertThrows(.noReply, "\(way)") { try await ref.ask(Say(text: "")) }
      await assertThrows(.noReply, "\(way)") { try await ref.ask(bytes: [1]) }
    }
  }

  func testCallThatWasKeptAndThenDroppedIsAnsweredPromptly() async throws {
    try await inEveryWay { way in
      let kept = Box<[RPCCallContext<String>]>([])
      let asked = Signal("the call")
      let ref = try await way.register(
        "mute",
        Scripted.answering { _, context in
          kept.append(context)
          asked.fire()
        })
      let replies = Results<Result<String, RPCError>>("the error")
      ref.ask(Say(text: "")) { replies.add($0) }
      await asked.comes()
      XCTAssertEqual(replies.values.count, 0, "\(way)")
      kept.update { $0 = [] }
      let errors = await replies.next()
      assertIs(errors.first?.error, .noReply, "\(way)")
    }
  }

  func testRE19RE20FailureArrivesWithTypeAndMessage() async throws {
    try await inEveryWay { way in
      let ref = try await way.register(
        "failing", Scripted.answering { say, context in try context.fail(Oops(description: say.text)) })
      let error = await assertThrows(.handlerFailed, execution: .unknown, "\(way)") {
        try await ref.ask(Say(text: "it broke"))
      }
      XCTAssertEqual(error?.message, "it broke", "\(way)")
      XCTAssertEqual(error?.remoteType, String(reflecting: Oops.self), "\(way)")
    }
  }

  func testErrorThrownByAHandlerArrivesAndReachesOnError() async throws {
    try await inEveryWay { way in
      let failures = Results<String>("the error in onError")
      let endpoint = Scripted.answering { say, _ in throw Oops(description: say.text) }
      endpoint.askedBytes = { _, _ in throw Oops(description: "bytes") }
      endpoint.failed = { failures.add("\($0)") }
      let ref = try await way.register("failing", endpoint)
      let error = await assertThrows(.handlerFailed, "\(way)") { try await ref.ask(Say(text: "it broke")) }
      XCTAssertEqual(error?.message, "it broke", "\(way)")
      XCTAssertEqual(error?.remoteType, String(reflecting: Oops.self), "\(way)")
      await assertThrows(.handlerFailed, "\(way)") { try await ref.ask(bytes: [1]) }
      let seen = await failures.next(2)
      XCTAssertEqual(seen, ["it broke", "bytes"], "\(way)")
    }
  }

  func testErrorThrownAfterTheAnswerReachesOnErrorOnly() async throws {
    try await inEveryWay { way in
      let failures = Results<String>("the error in onError")
      let endpoint = Scripted.answering { _, context in
        try context.reply("answered")
        throw Oops(description: "afterwards")
      }
      endpoint.failed = { failures.add("\($0)") }
      let ref = try await way.register("failing", endpoint)
      let reply = try await ref.ask(Say(text: ""))
      XCTAssertEqual(reply, "answered", "\(way)")
      let seen = await failures.next()
      XCTAssertEqual(seen, ["afterwards"], "\(way)")
    }
  }

  func testErrorOfTheLibraryArrivesAsItIs() async throws {
    try await inEveryWay { way in
      let ref = try await way.register(
        "failing",
        Scripted.answering { _, context in
          try context.fail(RPCError(.init(name: "quota"), "none left", execution: .notExecuted, cause: Oops()))
        })
      let error = await assertThrows(.init(name: "quota"), execution: .notExecuted, "\(way)") {
        try await ref.ask(Say(text: ""))
      }
      XCTAssertEqual(error?.message, "none left", "\(way)")
      XCTAssertNil(error?.remoteType, "\(way)")
    }
  }

  func testX1RE24ReplyThatCannotBeEncodedFailsTheAskerPromptly() async throws {
    for dispatch in Way.dispatches {
      let (server, client) = (try await makeServer(), try await makeClient())
      let failures = Results<any Error>("the error in onError")
      let endpoint = Odd()
      endpoint.failed = { failures.add($0) }
      try server.register("odd", endpoint, on: dispatch)
      let ref = try await client.endpointRef(server.uri("odd"))
      let error = await assertThrows(.unencodable, "\(dispatch)") { try await ref.ask(GiveWhatCannotBeEncoded()) }
      XCTAssertTrue(error?.message.contains("Oops") ?? false, "\(error?.message ?? "")")
      let seen = await failures.next()
      assertIs(seen.first as? RPCError, .unencodable, "\(dispatch)")
      let reply = try await ref.ask(Say(text: "intact"))
      XCTAssertEqual(reply, "intact")
    }
  }

  func testReplyThatCannotBeEncodedFailsTheAskerFromAnotherThreadToo() async throws {
    let (server, client) = (try await makeServer(), try await makeClient())
    let endpoint = Odd()
    let contexts = Results<RPCCallContext<OneWayOnly>>("the call")
    endpoint.kept = { contexts.add($0) }
    try server.register("odd", endpoint)
    let ref = try await client.endpointRef(server.uri("odd"))
    let replies = Results<RPCError?>("the error")
    ref.ask(GiveWhatCannotBeEncoded()) { replies.add($0.error) }
    let context = await contexts.next()[0]
    await assertThrows(.unencodable) { try context.reply(OneWayOnly()) }
    for error in await replies.next() { assertIs(error, .unencodable) }
    await assertThrows(.alreadyReplied) { try context.reply(OneWayOnly()) }
  }

  func testX11ReplyThatCannotBeDecodedFailsItsOwnAskOnly() async throws {
    for dispatch in Way.dispatches {
      let (server, client) = (try await makeServer(), try await makeClient())
      try server.register("odd", Odd(), on: dispatch)
      let ref = try await client.endpointRef(server.uri("odd"))
      let replies = Results<Result<String, RPCError>>("a reply")
      let errors = Results<RPCError?>("an error")
      ref.ask(Say(text: "before")) { replies.add($0) }
      ref.ask(GiveWhatCannotBeDecoded()) { errors.add($0.error) }
      ref.ask(GiveTooMuch()) { errors.add($0.error) }
      ref.ask(Say(text: "behind")) { replies.add($0) }
      for error in await errors.next(2) { assertIs(error, .undecodable, "\(dispatch)") }
      let values = await replies.next(2)
      XCTAssertEqual(values.map(\.value), ["before", "behind"], "\(dispatch)")
    }
  }

  func testReplyAboveTheMaximumFrameFailsTheAskerPromptlyAndMayHaveBeenExecuted() async throws {
    var small = RPCConfiguration()
    small.transport.maximumFrameLength = 1000
    let (server, client) = (try await makeServer(small), try await makeClient())
    let long = String(repeating: "x", count: 2000)
    for dispatch in Way.dispatches {
      let endpoint = Scripted.answering { say, context in try context.reply(say.text.isEmpty ? "" : long) }
      endpoint.askedBytes = { _, context in try context.reply([UInt8](repeating: 1, count: 2000)) }
      try server.register("context", endpoint, on: dispatch)
      try server.register("returned", Odd(says: long), on: dispatch)
      for name in ["context", "returned"] {
        let ref = try await client.endpointRef(server.uri(name))
        let error = await assertThrows(.tooLarge, execution: .unknown, "\(name), \(dispatch)") {
          try await ref.ask(Say(text: "x"))
        }
        // With the frame around it, a byte that tells the codec, and the text's length.
        assertSays(error, 2000 + FrameFormat.rpcOverhead...2000 + FrameFormat.rpcOverhead + 10, "\(name), \(dispatch)")
      }
      let ref = try await client.endpointRef(server.uri("context"))
      let error = await assertThrows(.tooLarge, execution: .unknown, "bytes, \(dispatch)") {
        try await ref.ask(bytes: [])
      }
      assertSays(error, 2001 + FrameFormat.rpcOverhead...2001 + FrameFormat.rpcOverhead, "bytes, \(dispatch)")
      let reply = try await ref.ask(Say(text: ""))
      XCTAssertEqual(reply, "", "\(dispatch)")
      for name in ["context", "returned"] { server.stop(try await server.endpointRef(server.uri(name))) }
    }
  }

  /// Asserts that an error says how many bytes a reply takes, and that 1000 are the limit.
  private func assertSays(
    _ error: RPCError?, _ counts: ClosedRange<Int>, _ message: String, file: StaticString = #filePath,
    line: UInt = #line
  ) {
    let texts = counts.map { "the reply takes \($0) bytes, the limit is 1000" }
    let text = error?.message ?? "no error"
    XCTAssertTrue(texts.contains(text), "\(text); \(message)", file: file, line: line)
  }

  func testReplyOfTheSameEnvironmentHasNoLimit() async throws {
    var small = RPCConfiguration()
    small.transport.maximumFrameLength = 1000
    let server = try await makeServer(small)
    let long = String(repeating: "x", count: 2000)
    let endpoint = Scripted.answering { _, context in try context.reply(long) }
    endpoint.askedBytes = { _, context in try context.reply(Array(long.utf8)) }
    let ref = try server.register("large", endpoint)
    let reply = try await ref.ask(Say(text: "x"))
    XCTAssertEqual(reply, long)
    let bytes = try await ref.ask(bytes: [])
    XCTAssertEqual(bytes.count, 2000)
  }

  func testSenderIsThePeerOrTheEnvironmentItself() async throws {
    let (server, client) = (try await makeServer(), try await makeClient())
    let endpoint = Scripted.answering { _, context in try context.reply(context.sender) }
    endpoint.askedBytes = { _, context in try context.reply(Array(context.sender.utf8)) }
    let local = try server.register("who", endpoint)
    let mine = try await local.ask(Say(text: ""))
    XCTAssertEqual(mine, "server")
    let remote = try await client.endpointRef(server.uri("who"))
    let peer = try await remote.ask(Say(text: ""))
    XCTAssertTrue(peer.hasPrefix("127.0.0.1:"), peer)
    let bytes = try await remote.ask(bytes: [])
    XCTAssertEqual(String(decoding: bytes, as: UTF8.self), peer)
  }

  func testAnswerToAConnectionThatHasEndedIsDropped() async throws {
    var impatient = RPCConfiguration()
    impatient.transport.closeTimeout = .milliseconds(20)
    let (server, client) = (try await makeServer(), try await makeClient(impatient))
    let contexts = Results<RPCCallContext<String>>("the call")
    try server.register("slow", Scripted.answering { _, context in contexts.add(context) })
    let ref = try await client.endpointRef(server.uri("slow"))
    let replies = Results<RPCError?>("the error")
    ref.ask(Say(text: "")) { replies.add($0.error) }
    let context = await contexts.next()[0]
    await client.shutdown()
    let errors = await replies.next()
    assertIs(errors[0], .stopped)
    try context.reply("for nobody")
    await assertThrows(.alreadyReplied) { try context.reply("for nobody") }
  }
}

// MARK: - Messages

/// Can be written or read, but not both.
private struct OneWayOnly: RPCValue {
  func encode(into writer: inout RPCWriter) throws {
    writer.append(1)
    throw Oops()
  }
  init() {}
  init(from reader: inout RPCReader) throws { throw Oops() }
}

private struct Unreadable: RPCValue {
  init() {}
  func encode(into writer: inout RPCWriter) { writer.append(1) }
  init(from reader: inout RPCReader) throws { throw Oops() }
}

private struct Surplus: RPCValue {
  init() {}
  func encode(into writer: inout RPCWriter) { writer.append(integer: 1) }
  init(from reader: inout RPCReader) {}
}

private struct GiveWhatCannotBeEncoded: RPCRequest, Codable {
  typealias Reply = OneWayOnly
}

private struct GiveWhatCannotBeDecoded: RPCRequest, Codable {
  typealias Reply = Unreadable
}

private struct GiveTooMuch: RPCRequest, Codable {
  typealias Reply = Surplus
}

/// Replies with values that do not cross the wire.
private final class Odd: RPCEndpoint {
  var failed: @Sendable (any Error) -> Void = { _ in }
  var kept: (@Sendable (RPCCallContext<OneWayOnly>) -> Void)?
  private let says: String?

  init(says: String? = nil) { self.says = says }

  func onError(_ error: any Error) { failed(error) }

  static func handlers(_ on: inout RPCHandlers<Odd>) {
    on.ask(GiveWhatCannotBeEncoded.self) { odd, _, context in
      if let kept = odd.kept { return kept(context) }
      try context.reply(OneWayOnly())
    }
    on.ask(GiveWhatCannotBeDecoded.self) { _, _ in Unreadable() }
    on.ask(GiveTooMuch.self) { _, _ in Surplus() }
    on.ask(Say.self) { odd, say in odd.says ?? say.text }
  }
}
