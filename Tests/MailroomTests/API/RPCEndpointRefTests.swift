import TestSupport
import XCTest

@testable import Mailroom

/// Rows RE1 to RE5, RE17 and RE18 of the reference's RpcEnvSuite, for every kind of dispatching; and what references are.
final class RPCEndpointRefTests: EnvironmentTestCase {
  // MARK: Sending and asking

  func testRE1RE2SendArrives() async throws {
    try await inEveryWay { way in
      let echo = Echo()
      let (notes, noted) = (echo.notes, echo.noted)
      let ref = try await way.register("echo", echo)
      try ref.send(Note(text: "hello"))
      try ref.send(bytes: [1, 2])
      await noted.comes(2)
      XCTAssertEqual(notes.value, ["hello", "[1, 2]"], "\(way)")
    }
  }

  func testRE3ReceivedReferenceCanBeAsked() async throws {
    try await inEveryWay { way in
      let ref = try await way.register("host", Host())
      let plain = try await ref.ask(WhoAreYou())
      XCTAssertEqual(plain, ref, "\(way)")
      let answer = try await plain.ask(Say(text: "through a reply"))
      XCTAssertEqual(answer, "through a reply", "\(way)")

      let card = try await ref.ask(GiveMeYourCard())
      XCTAssertEqual(card.title, "host")
      XCTAssertEqual(card.owner, ref, "\(way)")
      let second = try await card.owner.ask(Say(text: "through a field"))
      XCTAssertEqual(second, "through a field", "\(way)")
    }
  }

  func testRE3ReferenceToAnEndpointOfTheReceiverIsLocalThere() async throws {
    let (server, client) = (try await makeServer(), try await makeServer(name: "other"))
    let mine = try client.register("mine", Scripted.answering { say, context in try context.reply(context.sender) })
    let host = try server.register("host", Host())
    let remote = try await client.endpointRef(server.uri("host"))
    XCTAssertEqual(remote, host)
    // The host keeps a card with the reference and gives it back.
    let card = try await remote.ask(Keep(card: Card(title: "mine", owner: mine)))
    XCTAssertEqual(card.owner, mine)
    let sender = try await card.owner.ask(Say(text: ""))
    XCTAssertEqual(sender, "other", "the reference came home and does not use a socket")
  }

  func testRE4RE5RE17RE18AskIsAnswered() async throws {
    try await inEveryWay { way in
      let ref = try await way.register("echo", Echo())
      let reply = try await ref.ask(Say(text: "hello"))
      XCTAssertEqual(reply, "hello", "\(way)")
      let bytes = try await ref.ask(bytes: [1, 2, 3])
      XCTAssertEqual(bytes, [1, 2, 3], "\(way)")
      let none = try await ref.ask(bytes: [])
      XCTAssertEqual(none, [], "\(way)")
    }
  }

  func testCallbackFormsAreCalledExactlyOnce() async throws {
    try await inEveryWay { way in
      let ref = try await way.register("echo", Echo())
      let typed = Results<Result<String, RPCError>>("a typed reply")
      let raw = Results<[UInt8]>("a raw reply")
      for index in 0..<20 {
        ref.ask(Say(text: "\(index)")) { typed.add($0) }
        let bytes = [UInt8(index)]
        // The bytes are given as an array or as a span of them.
        if index % 2 == 0 {
          ref.ask(bytes: bytes) { raw.add((try? $0.bytes.array()) ?? []) }
        } else {
          ref.ask(bytes: bytes.rawSpan) { raw.add((try? $0.bytes.array()) ?? []) }
        }
      }
      let replies = await typed.next(20)
      XCTAssertEqual(replies.map(\.value), (0..<20).map { "\($0)" }, "\(way)")
      let bytes = await raw.next(20)
      XCTAssertEqual(bytes, (0..<20).map { [$0] }, "\(way)")
      // What is answered after all of these would find a second call.
      _ = try await ref.ask(Say(text: "last"))
      XCTAssertEqual(typed.values.count, 20, "\(way)")
      XCTAssertEqual(raw.values.count, 20, "\(way)")
    }
  }

  func testLargeMessagesAndReplies() async throws {
    let large = (0..<2_000_000).map { UInt8(truncatingIfNeeded: $0) }
    let text = String(repeating: "h\u{E4}uschen ", count: 50_000)
    try await inEveryWay { way in
      let ref = try await way.register("echo", Echo())
      let results = Results<Bool>("a reply")
      for _ in 0..<2 {
        ref.ask(bytes: large) { reply in results.add((try? reply.bytes.equals(large)) ?? false) }
        ref.ask(Say(text: text)) { results.add($0.value == text) }
      }
      let all = await results.next(4)
      XCTAssertEqual(all, [true, true, true, true], "\(way)")
    }
  }

  func testHandlersMaySendAndAskToo() async throws {
    try await inEveryWay { way in
      let back = Results<Result<String, RPCError>>("what the endpoint asked itself")
      let relay = Scripted()
      relay.started = { relay, me in relay.me = me }
      relay.noted = { relay, note in
        if note.text == "ask" {
          relay.me?.ask(Say(text: "from a handler")) { back.add($0) }
        } else {
          try relay.me?.send(Note(text: "ask"))
        }
      }
      let ref = try await way.register("relay", relay)
      try ref.send(Note(text: "send"))
      let replies = await back.next()
      XCTAssertEqual(replies.map(\.value), ["from a handler"], "\(way)")
    }
  }

  func testHandlersMayAskAnotherEnvironmentAndAnswerWithWhatItSays() async throws {
    for dispatch in Way.dispatches {
      let (back, middle, client) = (try await makeServer(), try await makeServer(), try await makeClient())
      try back.register("echo", Echo(), on: dispatch)
      let behind = try await middle.endpointRef(back.uri("echo"))
      try middle.register(
        "relay",
        Scripted.answering { say, context in
          behind.ask(say) { result in
            switch result {
            case .success(let reply): try? context.reply("relayed \(reply)")
            case .failure(let error): try? context.fail(error)
            }
          }
        }, on: dispatch)
      let relay = try await client.endpointRef(middle.uri("relay"))
      let reply = try await relay.ask(Say(text: "hello"))
      XCTAssertEqual(reply, "relayed hello", "\(dispatch)")
    }
  }

  func testAsksFromCallbacksOnTheEventLoop() async throws {
    try await inEveryWay { way in
      let ref = try await way.register("echo", Echo())
      let results = Results<String>("the end of a chain of asks")
      AskChain(ref: ref, results: results).ask(50)
      let values = await results.next()
      XCTAssertEqual(values, ["0"], "\(way)")
    }
  }

  func testSeveralEventLoopsServeSeveralConnections() async throws {
    var configuration = RPCConfiguration()
    configuration.eventLoops = 3
    let server = try await makeServer(configuration)
    for (index, dispatch) in (Way.dispatches + Way.dispatches).enumerated() {
      try server.register("echo-\(index)", Echo(), on: dispatch)
      try server.register("counter-\(index)", Counter(), on: dispatch)
    }
    let clients = [
      try await makeClient(configuration), try await makeClient(configuration), try await makeServer(configuration),
      server,
    ]
    let answers = Results<String?>("an answer")
    for round in 0..<20 {
      for client in clients {
        for index in 0..<6 {
          let address = try XCTUnwrap(server.address)
          let echo = try client.receivedRef(name: "echo-\(index)", address: address, owner: server.id, from: nil)
          echo.ask(Say(text: "\(round)")) { answers.add($0.value) }
          try client.receivedRef(name: "counter-\(index)", address: address, owner: server.id, from: nil).send(Add(1))
        }
      }
    }
    let all = await answers.next(20 * 4 * 6)
    XCTAssertEqual(all.compactMap { $0 }.count, 20 * 4 * 6)
    for index in 0..<6 {
      // An ask of each client behind its messages, so that all of them are counted.
      for client in clients { _ = try await client.endpointRef(server.uri("counter-\(index)")).ask(Total()) }
      let total = try await server.endpointRef(server.uri("counter-\(index)")).ask(Total())
      XCTAssertEqual(total, 80)
    }
  }

  // MARK: Asks that fail

  func testX2MessageToAMissingEndpointIsCountedWhereItArrives() async throws {
    let (server, client) = (try await makeServer(), try await makeClient())
    let local = try server.register("gone", Echo())
    let remote = try await client.endpointRef(server.uri("gone"))
    server.stop(local)

    await assertThrows(.endpointStopped, execution: .notExecuted) { try local.send(Note(text: "local")) }
    await assertThrows(.endpointStopped, execution: .notExecuted) { try local.send(bytes: [1]) }
    await assertThrows(.endpointStopped, execution: .notExecuted) { try await local.ask(Say(text: "local")) }
    await assertThrows(.endpointStopped, execution: .notExecuted) { try await local.ask(bytes: [1]) }

    try remote.send(Note(text: "remote"))
    try remote.send(bytes: [1])
    // The ask comes behind the messages, so they have been counted when it fails.
    let error = await assertThrows(.endpointNotFound, execution: .notExecuted) { try await remote.ask(Say(text: "")) }
    XCTAssertEqual(error?.message, "could not find the endpoint gone")
    XCTAssertEqual(server.undeliverableMessages, 2)
    await assertThrows(.endpointNotFound, execution: .notExecuted) { try await remote.ask(bytes: [1]) }
  }

  func testMessageThatCannotBeEncodedIsThrownAtTheSender() async throws {
    let (server, client) = (try await makeServer(), try await makeClient())
    try server.register("echo", Echo())
    let ref = try await client.endpointRef(server.uri("echo"))
    let error = await assertThrows(.unencodable, execution: .notExecuted) { try ref.send(Unencodable()) }
    XCTAssertEqual(error?.cause as? Oops, Oops())
    await assertThrows(.unencodable, execution: .notExecuted) { try await ref.ask(Unencodable()) }
    let results = Results<Result<String, RPCError>>("the error")
    ref.ask(Unencodable()) { results.add($0) }
    let failures = await results.next()
    assertIs(failures.first?.error, .unencodable, execution: .notExecuted)
    // Nothing of it is left on the connection.
    let reply = try await ref.ask(Say(text: "intact"))
    XCTAssertEqual(reply, "intact")
  }

  func testMessageThatCannotBeEncodedIsThrownOnTheEventLoopToo() async throws {
    let (server, client) = (try await makeServer(), try await makeClient())
    try server.register("echo", Echo())
    let ref = try await client.endpointRef(server.uri("echo"))
    let errors = Results<RPCError?>("an error")
    let replies = Results<String?>("a reply")
    ref.ask(Say(text: "")) { _ in
      do throws(RPCError) {
        try ref.send(Unencodable())
        errors.add(nil)
      } catch {
        errors.add(error)
      }
      ref.ask(Unencodable()) { errors.add($0.error) }
      ref.ask(Say(text: "intact")) { replies.add($0.value) }
    }
    for error in await errors.next(2) { assertIs(error, .unencodable, execution: .notExecuted) }
    let reply = await replies.next()
    XCTAssertEqual(reply, ["intact"])
    XCTAssertEqual(errors.values.count, 2)
  }

  func testMessageAboveTheMaximumFrameIsRefused() async throws {
    var small = RPCConfiguration()
    small.transport.maximumFrameLength = 1000
    let (server, client) = (try await makeServer(), try await makeClient(small))
    try server.register("echo", Echo())
    let ref = try await client.endpointRef(server.uri("echo"))
    let large = [UInt8](repeating: 7, count: 1000)
    await assertThrows(.tooLarge, execution: .notExecuted) { try ref.send(bytes: large) }
    await assertThrows(.tooLarge, execution: .notExecuted) { try await ref.ask(bytes: large) }
    await assertThrows(.tooLarge, execution: .notExecuted) {
      try ref.send(Note(text: String(repeating: "x", count: 1000)))
    }
    let onLoop = Results<RPCError?>("the error of an ask on the event loop")
    ref.ask(Say(text: "")) { _ in
      ref.ask(bytes: large) { reply in
        do throws(RPCError) {
          _ = try reply.bytes
          onLoop.add(nil)
        } catch {
          onLoop.add(error)
        }
      }
    }
    for error in await onLoop.next() { assertIs(error, .tooLarge, execution: .notExecuted) }
    // As large as can be: the frame's overhead and the envelope leave this much.
    let reply = try await ref.ask(bytes: [UInt8](repeating: 1, count: 900))
    XCTAssertEqual(reply.count, 900)
  }

  func testReferenceToAnEndpointThatIsGoneAtHomeFails() async throws {
    let (server, home) = (try await makeServer(), try await makeServer(name: "home"))
    try server.register("host", Host())
    let host = try await home.endpointRef(server.uri("host"))
    let mine = try home.register("mine", Echo())
    let card = Card(title: "mine", owner: mine)
    home.stop(mine)
    let returned = try await host.ask(Keep(card: card))
    await assertThrows(.endpointNotFound, execution: .notExecuted) { try returned.owner.send(Note(text: "")) }
  }

  // MARK: Values

  func testReferencesCompareByNameAndAddress() async throws {
    let (server, client, other) = (try await makeServer(), try await makeClient(), try await makeClient())
    let local = try server.register("echo", Echo())
    let remote = try await client.endpointRef(server.uri("echo"))
    XCTAssertEqual(local, remote)
    XCTAssertEqual(Set([local, remote]).count, 1)
    XCTAssertEqual(local.description, server.uri("echo"))
    XCTAssertEqual(remote.address, server.address)
    XCTAssertEqual(remote.name, "echo")
    let second = try server.register("echo2", Echo())
    XCTAssertNotEqual(local, second)

    let clients = [try client.register("mine", Echo()), try other.register("mine", Echo())]
    XCTAssertNotEqual(clients[0], clients[1], "endpoints of two environments without an address are not the same")
    XCTAssertEqual(clients[0], clients[0])
    XCTAssertNil(clients[0].address)
    XCTAssertEqual(clients[0].description, "rpc-client://mine")
  }
}

/// Asks on, each time from the callback of the ask before.
private struct AskChain: Sendable {
  let ref: RPCEndpointRef
  let results: Results<String>

  func ask(_ depth: Int) {
    ref.ask(Say(text: "\(depth)")) { result in
      if depth == 0 { return results.add(result.value ?? "\(result)") }
      ask(depth - 1)
    }
  }
}

// MARK: - Messages

private struct WhoAreYou: RPCRequest, Codable {
  typealias Reply = RPCEndpointRef
}

private struct Card: RPCValue, Codable {
  var title: String
  var owner: RPCEndpointRef
}

private struct GiveMeYourCard: RPCRequest {
  typealias Reply = Card
  init() {}
  func encode(into writer: inout RPCWriter) {}
  init(from reader: inout RPCReader) {}
}

/// Is answered with the card it brought.
private struct Keep: RPCRequest, Codable {
  typealias Reply = Card
  var card: Card
}

private struct Unencodable: RPCRequest {
  typealias Reply = String
  init() {}
  func encode(into writer: inout RPCWriter) throws {
    writer.append(1)
    throw Oops()
  }
  init(from reader: inout RPCReader) throws { throw Oops() }
}

/// Replies with references to itself.
private final class Host: RPCEndpoint {
  private var me: RPCEndpointRef?

  func onStart(_ me: RPCEndpointRef) { self.me = me }

  private func myself() throws -> RPCEndpointRef {
    guard let me else { throw Oops(description: "not started") }
    return me
  }

  static func handlers(_ on: inout RPCHandlers<Host>) {
    on.ask(WhoAreYou.self) { host, _ in try host.myself() }
    on.ask(GiveMeYourCard.self) { host, _ in Card(title: "host", owner: try host.myself()) }
    on.ask(Keep.self) { _, keep in keep.card }
    on.ask(Say.self) { _, say in say.text }
  }
}
