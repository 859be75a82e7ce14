import MailroomQueue
import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// Users' functions that end what they are called by, in the middle of what is read together.
///
/// What serves a message is lent to its handler without being counted, so it has to outlive the handler whatever that does.
final class EndInABatchTests: EnvironmentTestCase {
  // MARK: The endpoint's side

  /// What the handler of the second of four requests does; the requests come in one write, each with its number as its bytes.
  private enum Ending: CaseIterable {
    case closesConnection, closesConnectionAfterAnswer, stopsEndpoint, shutsDown, keepsItsCall, throwsAfterAnswer
  }

  private func numbers(_ frames: [RawFrame]) -> [Int64] { frames.filter { $0.body.first == Content.raw }.map(\.id) }

  /// Runs the four requests; returns the answers that came before the connection ended, or all four, and what was handled.
  private func serve(_ ending: Ending, isWarm: Bool) async throws -> (answers: [RawFrame], handled: [UInt8]) {
    let server = try await makeServer()
    let handled = Box<[UInt8]>([])
    let me = Box<RPCEndpointRef?>(nil)
    let kept = Box<RPCBytesCallContext?>(nil)
    let endpoint = Scripted()
    endpoint.askedBytes = { bytes, context in
      handled.append(bytes[0])
      guard bytes[0] == 2 else { return try context.reply(bytes) }
      switch ending {
      case .closesConnection: context.remote?.peer.client.close()
      case .closesConnectionAfterAnswer:
        try context.reply(bytes)
        return context.remote?.peer.client.close() ?? ()
      case .stopsEndpoint:
        if let me = me.value { me.env.stop(me) }
        me.update { $0 = nil }
      case .shutsDown: server.beginShutdown()
      case .keepsItsCall: return kept.update { $0 = context }
      case .throwsAfterAnswer:
        try context.reply(bytes)
        throw Oops()
      }
      try context.reply(bytes)
    }
    let ref = try server.register("four", endpoint, on: .eventLoop)
    me.update { $0 = ref }
    let peer = try RawSocket(port: server.port)
    if isWarm {
      // Then the endpoint has been told of the peer, requests are served in place, and there is a call to be used again.
      try peer.send(RawFrame.request(0, to: "four", [Content.raw, 0]))
      _ = try await peer.next()
    }
    try peer.send((1...4).flatMap { RawFrame.request(Int64($0), to: "four", [Content.raw, UInt8($0)]) })
    var answers: [RawFrame] = []
    while answers.count < (ending == .keepsItsCall ? 3 : 4), let answer = try? await peer.next() {
      answers.append(answer)
    }
    if let context = kept.value {
      try context.reply([2])
      answers.append(try await peer.next())
      await assertThrows(.alreadyReplied) { try context.reply([2]) }
    }
    kept.update { $0 = nil }
    peer.finish()
    await server.shutdown()
    me.update { $0 = nil }
    return (answers, handled.value.filter { $0 > 0 })
  }

  func testHandlerMayCloseItsConnection() async throws {
    for isWarm in [false, true] {
      let (answers, handled) = try await serve(.closesConnection, isWarm: isWarm)
      XCTAssertEqual(numbers(answers), [1], "an answer behind the end is not sent")
      XCTAssertEqual(handled, [1, 2], "what comes behind the end is not served")
      let (last, all) = try await serve(.closesConnectionAfterAnswer, isWarm: isWarm)
      XCTAssertEqual(numbers(last), [1, 2])
      XCTAssertEqual(all, [1, 2])
    }
  }

  func testHandlerMayStopItsEndpoint() async throws {
    let (answers, handled) = try await serve(.stopsEndpoint, isWarm: true)
    XCTAssertEqual(answers.map(\.id), [1, 2, 3, 4])
    XCTAssertEqual(numbers(answers), [1, 2])
    for answer in answers.dropFirst(2) { assertIs(answer.error, .endpointNotFound, execution: .notExecuted) }
    XCTAssertEqual(handled, [1, 2])
  }

  func testHandlerMayShutItsEnvironmentDown() async throws {
    for isWarm in [false, true] {
      let (answers, handled) = try await serve(.shutsDown, isWarm: isWarm)
      // The shutdown begins on another thread: how much is served before it arrives is open.
      XCTAssertEqual(Array(handled.prefix(2)), [1, 2])
      XCTAssertEqual(numbers(answers), Array([1, 2, 3, 4].prefix(numbers(answers).count)))
    }
  }

  func testHandlerMayKeepItsCall() async throws {
    for isWarm in [false, true] {
      let (answers, handled) = try await serve(.keepsItsCall, isWarm: isWarm)
      XCTAssertEqual(numbers(answers), [1, 3, 4, 2])
      XCTAssertEqual(handled, [1, 2, 3, 4])
    }
  }

  func testHandlerMayThrowBehindItsAnswer() async throws {
    for isWarm in [false, true] {
      let (answers, handled) = try await serve(.throwsAfterAnswer, isWarm: isWarm)
      XCTAssertEqual(numbers(answers), [1, 2, 3, 4])
      XCTAssertEqual(handled, [1, 2, 3, 4])
    }
  }

  func testHandlerOfAOneWayMessageMayEndWhatItIsCalledBy() async throws {
    for stops in [false, true] {
      let server = try await makeServer()
      let (handled, me) = (Results<String>("a note"), Box<RPCEndpointRef?>(nil))
      let endpoint = Scripted()
      endpoint.noted = { _, note in
        handled.add(note.text)
        guard note.text == "2", let ref = me.value else { return }
        if stops { server.stop(ref) } else { server.beginShutdown() }
      }
      let ref = try server.register("notes", endpoint, on: .eventLoop)
      me.update { $0 = ref }
      let peer = try RawSocket(port: server.port)
      // Once the endpoint has been told of the peer, its notes are served in place.
      try peer.send(RawFrame.request(0, to: "notes", [Content.raw]))
      _ = try await peer.next()
      try peer.send(
        try (1...4).flatMap { RawFrame.oneWay(to: "notes", try RawFrame.typed(Note(text: "\($0)"))) })
      _ = await handled.next(2)
      peer.finish()
      await server.shutdown()
      XCTAssertEqual(Array(handled.values.prefix(2)), ["1", "2"])
      if stops { XCTAssertEqual(handled.values.count, 2) }
      me.update { $0 = nil }
    }
  }

  // MARK: The asker's side

  /// Keeps eight asks on their way at the same time, all begun on the event loop.
  private final class Asker: Sendable {
    static let asks = 8

    /// The reference, as long as it is kept.
    let ref: Box<RPCEndpointRef?>
    let replies = Results<RPCError.Code?>("a reply")
    let onReply: @Sendable (Asker, _ number: Int) -> Void

    init(_ ref: RPCEndpointRef, onReply: @escaping @Sendable (Asker, _ number: Int) -> Void) {
      self.ref = Box(ref)
      self.onReply = onReply
    }

    /// Asks first for being on the loop, then for the eight.
    func start() {
      ref.value?.ask(bytes: [0]) { [self] _ in
        for _ in 0..<Self.asks { ask() }
      }
    }

    func ask() {
      ref.value?.ask(bytes: [1]) { [self] reply in
        do throws(RPCError) {
          _ = try reply.bytes
          replies.add(nil)
        } catch {
          replies.add(error.code)
        }
        onReply(self, replies.values.count)
      }
    }
  }

  /// A reference of a client to an endpoint that echoes.
  private func makeEcho(
    _ configuration: RPCConfiguration = .init()
  ) async throws -> (client: RPCEnv, ref: RPCEndpointRef) {
    let server = try await makeServer()
    try server.register("echo", Echo(), on: .eventLoop)
    let client = try await makeClient(configuration)
    return (client, try await client.endpointRef(server.uri("echo")))
  }

  func testReplyMayCloseItsConnection() async throws {
    let (_, ref) = try await makeEcho()
    let asker = Asker(ref) { asker, number in
      if number == 3 { asker.ref.value?.storage.route?.outbox.open.value.client?.close() }
    }
    asker.start()
    let codes = await asker.replies.next(Asker.asks)
    XCTAssertEqual(codes, Array(repeating: nil, count: 3) + Array(repeating: .connectionLost, count: 5))
    // The next connection does as well.
    let reply = try await ref.ask(bytes: [9])
    XCTAssertEqual(reply, [9])
    XCTAssertEqual(asker.replies.values.count, Asker.asks, "each ask ended once")
  }

  func testAsksMayBeBegunWhileTheirConnectionEnds() async throws {
    let (_, ref) = try await makeEcho()
    let asker = Asker(ref) { asker, number in
      if number == 3 { asker.ref.value?.storage.route?.outbox.open.value.client?.close() }
      // Those that fail ask again, over the next connection.
      if number > 3 && number <= Asker.asks { asker.ask() }
    }
    asker.start()
    let codes = await asker.replies.next(Asker.asks + 5)
    XCTAssertEqual(codes.filter { $0 == nil }.count, Asker.asks)
    XCTAssertEqual(codes.filter { $0 == .connectionLost }.count, 5)
  }

  func testReplyMayShutItsEnvironmentDown() async throws {
    let (client, ref) = try await makeEcho()
    let asker = Asker(ref) { _, number in if number == 3 { client.beginShutdown() } }
    asker.start()
    let codes = await asker.replies.next(Asker.asks)
    XCTAssertEqual(codes.prefix(3), [nil, nil, nil])
    await client.shutdown()
    XCTAssertEqual(asker.replies.values.count, Asker.asks, "each ask ended once")
  }

  func testReplyMayDropTheLastReference() async throws {
    let asker = try await makeAsker { asker, number in if number == 3 { asker.ref.update { $0 = nil } } }
    asker.start()
    let codes = await asker.replies.next(Asker.asks)
    XCTAssertEqual(codes, Array(repeating: nil, count: Asker.asks))
  }

  /// An asker that has the only reference.
  private func makeAsker(onReply: @escaping @Sendable (Asker, _ number: Int) -> Void) async throws -> Asker {
    Asker(try await makeEcho().ref, onReply: onReply)
  }

  func testAsksBeyondThePendingOnesFail() async throws {
    var configuration = RPCConfiguration()
    configuration.transport.maximumPendingReplies = 6
    let (_, ref) = try await makeEcho(configuration)
    let asker = Asker(ref) { _, _ in }
    asker.start()
    let codes = await asker.replies.next(Asker.asks)
    XCTAssertEqual(codes.filter { $0 == .full }.count, 2)
    XCTAssertEqual(codes.filter { $0 == nil }.count, 6)
  }

  func testTimeoutOfADirectAskNamesItsSetting() async throws {
    var configuration = RPCConfiguration()
    configuration.askTimeout = .milliseconds(50)
    let listener = try RawListener()
    let client = try await makeClient(configuration)
    async let accepted = listener.acceptKnown()
    let ref = try client.remoteRef(name: "silent", address: RPCAddress(host: "127.0.0.1", port: listener.port))
    let messages = Results<String>("the end of an ask")
    ref.ask(bytes: [0]) { _ in
      // On the loop, and the connection is up.
      ref.ask(bytes: [1]) { reply in
        do throws(RPCError) { _ = try reply.bytes } catch { messages.add("\(error)") }
      }
    }
    let peer = try await accepted
    let message = await messages.next().first ?? ""
    XCTAssertTrue(message.contains("askTimeout"), message)
    withExtendedLifetime(peer) {}
  }

  func testAskThatFindsTooManyPendingIsNotToldWithinItsCall() async throws {
    var configuration = RPCConfiguration()
    configuration.askTimeout = .milliseconds(50)
    configuration.transport.maximumPendingReplies = 1
    let listener = try RawListener()
    let client = try await makeClient(configuration)
    async let accepted = listener.acceptKnown()
    let ref = try client.remoteRef(name: "silent", address: RPCAddress(host: "127.0.0.1", port: listener.port))
    let isAsking = Box(false)
    let codes = Results<RPCError.Code?>("the end of an ask")
    ref.ask(bytes: [0]) { _ in
      // On the loop, and the connection is up.
      isAsking.update { $0 = true }
      for timeout: Duration? in [nil, .seconds(30), nil] {
        ref.ask(bytes: [1], timeout: timeout) { reply in
          XCTAssertFalse(isAsking.value, "told within the call that asks")
          do throws(RPCError) {
            _ = try reply.bytes
            codes.add(nil)
          } catch {
            codes.add(error.code)
          }
        }
      }
      isAsking.update { $0 = false }
    }
    let peer = try await accepted
    let ends = await codes.next(3)
    XCTAssertEqual(ends.filter { $0 == .full }.count, 2)
    XCTAssertEqual(ends.filter { $0 == .timeout }.count, 1)
    withExtendedLifetime(peer) {}
  }
}
