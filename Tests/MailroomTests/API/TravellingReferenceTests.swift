import TestSupport
import XCTest

@testable import Mailroom

/// References that are fields of messages: to endpoints of environments that listen, and of those that do not.
final class TravellingReferenceTests: EnvironmentTestCase {
  func testRE3ReferenceInAMessageIsAskedThrough() async throws {
    try await inEveryWay { way in
      let keeper = try await way.register("keeper", Keeper())
      let echo = try await way.register("echo", Echo())
      let returned = try await keeper.ask(Show(ref: echo))
      let reply = try await returned.ask(Say(text: "through it"))
      XCTAssertEqual(reply, "through it", "\(way)")
      XCTAssertEqual(returned, echo, "\(way)")
    }
  }

  func testREF7ServerAsksAndSendsToAClientThatDoesNotListen() async throws {
    for dispatch in Way.dispatches {
      let (server, client) = (try await makeServer(), try await makeClient())
      let (keeper, echo) = (Keeper(), Echo())
      let (kept, notes, noted) = (keeper.kept, echo.notes, echo.noted)
      try server.register("keeper", keeper, on: dispatch)
      let mine = try client.register("echo", echo, on: dispatch)
      // A local endpoint of the same name must not be taken for it.
      try server.register("echo", Scripted.answering { _, context in try context.reply("the wrong one") })
      let remote = try await client.endpointRef(server.uri("keeper"))
      let returned = try await remote.ask(Show(ref: mine))
      XCTAssertEqual(returned, mine, "home again, it is the local one")
      let ref = try XCTUnwrap(kept.value.last)
      XCTAssertNil(ref.address)
      XCTAssertEqual("\(ref)", "rpc-client://echo")
      let reply = try await ref.ask(Say(text: "back"))
      XCTAssertEqual(reply, "back", "\(dispatch)")
      let bytes = try await ref.ask(bytes: [1, 2])
      XCTAssertEqual(bytes, [1, 2])
      for index in 0..<100 { try ref.send(Note(text: "\(index)")) }
      await noted.comes(100)
      XCTAssertEqual(notes.value, (0..<100).map { "\($0)" }, "\(dispatch)")
      await client.shutdown()
      await server.shutdown()
    }
  }

  func testREF7ReferenceDiesWithItsConnection() async throws {
    let (server, client) = (try await makeServer(), try await makeClient())
    let keeper = Keeper()
    let kept = keeper.kept
    try server.register("keeper", keeper)
    let mine = try client.register("echo", Scripted.answering { _, _ in })
    _ = try await client.endpointRef(server.uri("keeper")).ask(Show(ref: mine))
    let ref = try XCTUnwrap(kept.value.last)
    await client.shutdown()
    await eventually("the connection has ended") { (try? ref.send(Note(text: ""))) == nil }
    await assertThrows(.connectionLost, execution: .notExecuted) { try await ref.ask(Say(text: "")) }
    await assertThrows(.connectionLost, execution: .notExecuted) { try ref.send(Note(text: "")) }
    await assertThrows(.connectionLost, execution: .notExecuted) { try await ref.ask(bytes: [1]) }
  }

  func testX10ReferenceToAClientIsOfNoUseToAThirdAndSaysSo() async throws {
    let (server, first, second) = (try await makeServer(), try await makeClient(), try await makeClient())
    try server.register("keeper", Keeper())
    let mine = try first.register("echo", Echo())
    // Another client has an endpoint of that name; nothing may be routed to it.
    let other = Echo()
    let notes = other.notes
    try second.register("echo", other)
    try server.register("echo", Echo())
    _ = try await first.endpointRef(server.uri("keeper")).ask(Show(ref: mine))
    let passedOn = try await second.endpointRef(server.uri("keeper")).ask(Recall())
    XCTAssertNil(passedOn.address)
    await assertThrows(.endpointNotFound, execution: .notExecuted) { try passedOn.send(Note(text: "")) }
    await assertThrows(.endpointNotFound, execution: .notExecuted) { try passedOn.send(bytes: [1]) }
    let error = await assertThrows(.endpointNotFound, execution: .notExecuted) {
      try await passedOn.ask(Say(text: ""))
    }
    XCTAssertTrue(error?.message.contains("does not listen") == true, "\(String(describing: error))")
    await assertThrows(.endpointNotFound, execution: .notExecuted) { try await passedOn.ask(bytes: [1]) }
    let results = Results<RPCError?>("the error")
    passedOn.ask(Say(text: "")) { results.add($0.error) }
    passedOn.ask(bytes: [1].rawSpan) { reply in
      do throws(RPCError) { _ = try reply.bytes } catch { results.add(error) }
    }
    for error in await results.next(2) { assertIs(error, .endpointNotFound, execution: .notExecuted) }
    XCTAssertEqual(notes.value, [])
  }

  func testX10ReferenceThatAThirdSendsBackToItsOwnerWorksAgain() async throws {
    let (server, first, second) = (try await makeServer(), try await makeClient(), try await makeClient())
    try server.register("keeper", Keeper())
    let mine = try first.register("echo", Echo())
    _ = try await first.endpointRef(server.uri("keeper")).ask(Show(ref: mine))
    let keeper = try await second.endpointRef(server.uri("keeper"))
    let passedOn = try await keeper.ask(Recall())
    // It names the first client's environment still, so there it is the local endpoint.
    _ = try await keeper.ask(Show(ref: passedOn))
    let back = try await first.endpointRef(server.uri("keeper")).ask(Recall())
    let reply = try await back.ask(Say(text: "home"))
    XCTAssertEqual(reply, "home")
  }

  func testNE5AskOfAClientThatTimesOutNamesItsConnection() async throws {
    let (server, client) = (try await makeServer(), try await makeClient())
    let keeper = Keeper()
    let kept = keeper.kept
    try server.register("keeper", keeper)
    let calls = UnansweredCalls()
    let mine = try client.register("mute", calls.endpoint())
    _ = try await client.endpointRef(server.uri("keeper")).ask(Show(ref: mine))
    let ref = try XCTUnwrap(kept.value.last)
    let error = try await calls.timeout("of a client") { try await ref.ask($0, timeout: $1) }.error
    XCTAssertTrue(error.message.contains("127.0.0.1:"), "\(error)")
    calls.clear()
  }

  func testReferenceToAServerWorksFromAnywhere() async throws {
    let (home, server, client) = (try await makeServer(name: "home"), try await makeServer(), try await makeClient())
    try server.register("keeper", Keeper())
    let mine = try home.register("echo", Echo())
    _ = try await home.endpointRef(server.uri("keeper")).ask(Show(ref: mine))
    let passedOn = try await client.endpointRef(server.uri("keeper")).ask(Recall())
    XCTAssertEqual(passedOn.address, home.address)
    let reply = try await passedOn.ask(Say(text: "from afar"))
    XCTAssertEqual(reply, "from afar")
    await home.shutdown()
    await assertThrows(.connectFailed) { try await passedOn.ask(Say(text: "")) }
  }

  func testManyReferencesToOneClientShareItsConnection() async throws {
    let (server, client) = (try await makeServer(), try await makeClient())
    let keeper = Keeper()
    let kept = keeper.kept
    try server.register("keeper", keeper)
    let counter = try client.register("counter", Counter())
    let remote = try await client.endpointRef(server.uri("keeper"))
    for _ in 0..<50 { _ = try await remote.ask(Show(ref: counter)) }
    let refs = kept.value
    try await fromThreads(5) { thread in
      for index in 0..<200 { try refs[(thread * 10 + index) % 50].send(Add(1)) }
    }
    // Every ask comes behind the messages that its thread has sent; the last one sees all.
    let total = try await refs[0].ask(Total())
    XCTAssertEqual(total, 1000)
  }
}

/// Keeps the references it is shown.
private final class Keeper: RPCEndpoint {
  let kept = Box<[RPCEndpointRef]>([])

  static func handlers(_ on: inout RPCHandlers<Keeper>) {
    on.ask(Show.self) { keeper, show in
      keeper.kept.append(show.ref)
      return show.ref
    }
    on.ask(Recall.self) { keeper, _ in
      guard let last = keeper.kept.value.last else { throw Oops(description: "nothing was kept") }
      return last
    }
  }
}

private struct Show: RPCRequest, Codable {
  typealias Reply = RPCEndpointRef
  var ref: RPCEndpointRef
}

private struct Recall: RPCRequest, Codable {
  typealias Reply = RPCEndpointRef
}
