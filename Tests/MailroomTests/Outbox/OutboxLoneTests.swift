import MailroomQueue
import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// Requests that a thread sends alone, in place of the sleeping loop, as far as the outbox sees to them.
final class OutboxLoneTests: EnvironmentTestCase {
  /// A server with an endpoint, a reference to it that has been used, and the route behind that.
  private func makeRoute(
    _ endpoint: sending some RPCEndpoint = Echo(), on dispatch: RPCDispatch = .eventLoop
  ) async throws -> (RPCEndpointRef, RemoteRoute) {
    let (server, client) = (try await makeServer(), try await makeClient())
    try server.register("echo", endpoint, on: dispatch)
    let ref = try await client.endpointRef(server.uri("echo"))
    _ = try await ref.ask(bytes: [0])
    _ = try await ref.ask(Say(text: ""))
    guard case .remote(let route) = ref.target else { throw RPCError(.invalidArgument, "it is remote") }
    return (ref, route)
  }

  /// Asks until one was sent without anybody's waking the event loop.
  private func untilNobodyIsWoken(
    _ route: RemoteRoute, _ ask: () async throws -> Void, file: StaticString = #filePath, line: UInt = #line
  ) async throws {
    for _ in 0..<1000 {
      await eventually("the loop sleeps") { route.outbox.loop.borrow { true } }
      let wakes = route.outbox.loop.wakes
      try await ask()
      if route.outbox.loop.wakes == wakes { return }
    }
    XCTFail("each of a thousand lone asks has woken the loop", file: file, line: line)
  }

  func testLoneAskWakesNobodyAndIsCountedOut() async throws {
    for dispatch in Way.dispatches {
      let (ref, route) = try await makeRoute(on: dispatch)
      try await untilNobodyIsWoken(route) {
        let reply = try await ref.ask(bytes: [1, 2])
        XCTAssertEqual(reply, [1, 2])
      }
      try await untilNobodyIsWoken(route) {
        let reply = try await ref.ask(Say(text: "alone"))
        XCTAssertEqual(reply, "alone")
      }
      await eventually("nothing is counted") { route.gauge.level.messages == 0 && route.gauge.level.bytes == 0 }
    }
  }

  func testOneWayMessagesBeforeALoneAskArriveBeforeIt() async throws {
    let echo = Echo()
    let notes = echo.notes
    let (ref, route) = try await makeRoute(echo)
    for round in 0..<300 {
      await eventually("the loop sleeps") { route.outbox.loop.borrow { true } }
      let count = notes.value.count
      for index in 0..<round % 3 { try ref.send(Note(text: "\(round).\(index)")) }
      _ = try await ref.ask(Say(text: "after"))
      XCTAssertEqual(notes.value.count, count + round % 3, "round \(round)")
    }
  }

  func testAskThatIsGivenUpWhileItIsEncodedIsNotSent() async throws {
    let asked = Box(0)
    let (ref, route) = try await makeRoute(Asked(asked))
    for _ in 0..<20 {
      await eventually("the loop sleeps") { route.outbox.loop.borrow { true } }
      let asker = Task { await assertThrows(.cancelled) { try await ref.ask(SelfCancelling()) } }
      _ = await asker.value
      let reply = try await ref.ask(Say(text: "next"))
      XCTAssertEqual(reply, "next")
    }
    XCTAssertEqual(asked.value, 0)
    await eventually("nothing is counted") { route.gauge.level.messages == 0 }
  }
}

/// Counts requests that nobody waits for.
private final class Asked: RPCEndpoint {
  private let count: Box<Int>
  init(_ count: Box<Int>) { self.count = count }

  static func handlers(_ on: inout RPCHandlers<Asked>) {
    on.ask(Say.self) { _, say in say.text }
    on.askBytes { _, bytes, context in try context.reply(bytes) }
    on.ask(SelfCancelling.self) { asked, _ in
      asked.count.update { $0 += 1 }
      return ""
    }
  }
}

/// A request whose task is cancelled while it is encoded.
private struct SelfCancelling: RPCRequest {
  typealias Reply = String
  init() {}
  init(from reader: inout RPCReader) throws {}
  func encode(into writer: inout RPCWriter) { withUnsafeCurrentTask { $0?.cancel() } }
}
