import MailroomQueue
import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// What is read together, and posted together.
final class RemoteHandlerBatchTests: EnvironmentTestCase {
  /// An endpoint that writes down its messages and what it is told of connections.
  private final class Witness: RPCEndpoint {
    let events = Results<String>("an event")

    func onConnected(_ peer: RPCAddress) { events.add("connected") }
    func onDisconnected(_ peer: RPCAddress) { events.add("disconnected") }
    func onNetworkError(_ error: RPCError, _ peer: RPCAddress) { events.add("failed") }

    static func handlers(_ on: inout RPCHandlers<Witness>) {
      on.receive(Note.self) { witness, note in witness.events.add(note.text) }
      on.ask(Say.self) { witness, say in
        witness.events.add(say.text)
        return say.text
      }
    }
  }

  /// An endpoint whose handler of one note waits.
  private final class Sleeper: RPCEndpoint {
    let suspension = Suspension()

    static func handlers(_ on: inout RPCHandlers<Sleeper>) {
      on.receive(Note.self) { sleeper, _ in await sleeper.suspension.wait() }
      on.askBytes { _, bytes, context in if bytes.byteCount > 0 { try context.reply(bytes) } }
    }
  }

  private func note(_ text: String, to name: String) throws -> [UInt8] {
    RawFrame.oneWay(to: name, try RawFrame.typed(Note(text: text)))
  }

  private func say(_ id: Int64, _ text: String, to name: String) throws -> [UInt8] {
    RawFrame.request(id, to: name, try RawFrame.typed(Say(text: text)))
  }

  func testEndpointsInTurnsKeepTheirOrder() async throws {
    for dispatch in Way.dispatches {
      let server = try await makeServer()
      let events = ["a": Results<String>("an event of a"), "b": Results<String>("an event of b")]
      for name in ["a", "b"] {
        let endpoint = Scripted()
        endpoint.noted = { _, note in events[name]?.add(note.text) }
        endpoint.asked = { say, context in
          events[name]?.add(say.text)
          try context.reply(say.text)
        }
        try server.register(name, endpoint, on: name == "a" ? .shared : dispatch)
      }
      let peer = try RawSocket(port: server.port)
      var expected: [String: [String]] = [:]
      var frames: [UInt8] = []
      for index in 0..<400 {
        // Runs of one to five; now and then one that is too large for a batch.
        let name = (index / (1 + index % 5)) % 2 == 0 ? "a" : "b"
        let text = "\(index)" + (index % 50 == 49 ? String(repeating: "x", count: RemoteBatch.longestContent) : "")
        expected[name, default: []].append(text)
        frames += index % 3 == 0 ? try say(Int64(index), text, to: name) : try note(text, to: name)
      }
      try peer.send(frames)
      for name in ["a", "b"] {
        let seen = await events[name]?.next(expected[name]?.count ?? 0)
        XCTAssertEqual(seen, expected[name], "\(name), \(dispatch)")
      }
      let answers = try await peer.next(134)
      XCTAssertEqual(answers.map(\.id).sorted(), stride(from: 0, to: 400, by: 3).map { Int64($0) })
    }
  }

  func testEndOfAConnectionIsToldBehindItsMessages() async throws {
    for dispatch in Way.dispatches {
      for isBroken in [false, true] {
        let server = try await makeServer()
        let witness = Witness()
        let events = witness.events
        try server.register("witness", witness, on: dispatch)
        let peer = try RawSocket(port: server.port)
        let texts = (0..<100).map { "\($0)" }
        let garbage: [UInt8] = isBroken ? [0, 0, 0, 0, 0, 0, 0, 0] : []
        // One write, so that the end is found with the messages.
        try peer.send(try texts.flatMap { try note($0, to: "witness") } + garbage)
        peer.finish()
        let all = ["connected"] + texts + (isBroken ? ["failed"] : []) + ["disconnected"]
        let seen = await events.next(all.count)
        XCTAssertEqual(seen, all, "\(dispatch)")
      }
    }
  }

  func testInboxThatIsSmallerThanABatchStaysExact() async throws {
    var configuration = RPCConfiguration()
    configuration.maximumInboxMessages = 4
    let server = try await makeServer(configuration)
    let stepped = Stepped()
    let (steps, handled, numbers) = (stepped.steps, stepped.handled, stepped.numbers)
    try server.register("stepped", stepped)
    let inbox = try XCTUnwrap(server.dispatcher.find("stepped")?.inbox)
    let peer = try RawSocket(port: server.port)
    try peer.send(try (0..<40).flatMap { RawFrame.oneWay(to: "stepped", try RawFrame.typed(Add(Int64($0)))) })
    await eventually("the inbox is full") { inbox.level.messages == 4 }
    for _ in 0..<40 {
      XCTAssertLessThanOrEqual(inbox.level.messages, 4)
      Stepped.allow(1, steps)
      await handled.comes()
    }
    XCTAssertEqual(numbers.value, (0..<40).map { $0 })
    await eventually("all is counted out") { inbox.level.messages == 0 && inbox.level.bytes == 0 }
  }

  func testRequestThatIsDroppedEndsBeforeAHandlerOfTheSameBatch() async throws {
    let server = try await makeServer()
    let sleeper = Sleeper()
    let suspension = sleeper.suspension
    try server.register("sleeper", sleeper)
    let peer = try RawSocket(port: server.port)
    // One write, so that both are read together; the second one's handler waits for what the first one's asker does.
    try peer.send(
      try RawFrame.request(1, to: "sleeper", [Content.raw]) + note("sleep", to: "sleeper")
        + RawFrame.request(2, to: "sleeper", [Content.raw, 7]))
    let end = try await peer.next()
    XCTAssertEqual(end.id, 1)
    assertIs(end.error, .noReply)
    suspension.open()
    let answer = try await peer.next()
    XCTAssertEqual(answer.id, 2)
    XCTAssertEqual(answer.body, [Content.raw, 7])
  }

  func testMessageIsInItsInboxBeforeTheNextOneIsHandledInPlace() async throws {
    let server = try await makeServer()
    let echo = Echo()
    let (notes, noted) = (echo.notes, echo.noted)
    let elsewhere = try server.register("elsewhere", echo)
    let here = Scripted()
    here.started = { endpoint, _ in endpoint.me = elsewhere }
    here.noted = { endpoint, _ in try endpoint.me?.send(Note(text: "effect")) }
    try server.register("here", here, on: .eventLoop)
    let peer = try RawSocket(port: server.port)
    // The endpoint has heard of the connection, so that what follows is not queued behind that.
    try peer.send(RawFrame.request(1, to: "here", [Content.raw]))
    _ = try await peer.next()
    try peer.send(try note("cause", to: "elsewhere") + note("", to: "here"))
    await noted.comes(2)
    XCTAssertEqual(notes.value, ["cause", "effect"])
  }

  func testBatchForAnEndpointThatStopsMeanwhileIsRefusedAndCounted() async throws {
    let letters = Results<RPCDeadLetter>("a dead letter")
    var configuration = RPCConfiguration()
    configuration.onDeadLetter = { letters.add($0) }
    let client = try await makeClient(configuration)
    let mine = try client.register("mine", Echo())
    let listener = try RawListener()
    let far = try client.remoteRef(name: "far", address: RPCAddress(host: "127.0.0.1", port: listener.port))
    far.ask(bytes: [1]) { [weak client] _ in client?.stop(mine) }
    let peer = try await listener.acceptKnown()
    let request = try await peer.next()
    // The answer stops the endpoint, and is read together with what came before it.
    try peer.send(
      try note("0", to: "mine") + say(7, "1", to: "mine") + note("2", to: "mine")
        + RawFrame.response(request.id, [Content.raw]))
    let answer = try await peer.next()
    XCTAssertEqual(answer.id, 7)
    if answer.error == nil {
      // Handled before the endpoint stopped: then nothing was lost.
      XCTAssertEqual(client.undeliverableMessages, 0)
    } else {
      assertIs(answer.error, .endpointStopped, execution: .notExecuted)
      let seen = await letters.next()
      XCTAssertEqual(seen.map(\.count), [2])
      XCTAssertEqual(seen[0].endpoint, "mine")
      XCTAssertEqual(client.undeliverableMessages, 2)
    }
    peer.reset()
  }
}
