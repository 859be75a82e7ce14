import TestSupport
import XCTest

@testable import Mailroom

/// Asks that block their thread.
final class RPCEndpointRefBlockingTests: EnvironmentTestCase {
  func testPlainThreadIsBlockedUntilTheReply() async throws {
    try await inEveryWay { way in
      let ref = try await way.register("echo", Echo())
      let replies = Box<[String]>([])
      try await fromThreads(4) { thread in
        for index in 0..<20 { replies.append(try ref.askBlocking(Say(text: "\(thread * 20 + index)"))) }
      }
      XCTAssertEqual(Set(replies.value), Set((0..<80).map { "\($0)" }), "\(way)")
    }
  }

  func testErrorsAreThrown() async throws {
    try await inEveryWay { way in
      let calls = UnansweredCalls()
      let ref = try await way.register(
        "failing",
        Scripted.answering { say, context in
          if say.text == "throw" { throw Oops() }
          calls.add(say, context)
        })
      await assertThrows(.handlerFailed, "\(way)") {
        try await offPool { try ref.askBlocking(Say(text: "throw")) }
      }
      let error = try await calls.timeout("\(way)") { say, time in
        try await offPool { try ref.askBlocking(say, timeout: time) }
      }.error
      XCTAssertEqual(error.execution, .unknown, "\(way)")
      calls.clear()
      await way.client?.shutdown()
      await way.server.shutdown()
      await assertThrows(.stopped, execution: .notExecuted, "\(way)") {
        try await offPool { try ref.askBlocking(Say(text: "")) }
      }
    }
  }

  func testThreadsOfLoopsAreRefused() async throws {
    try await inEveryWay { way in
      let echo = try await way.register("echo", Echo())
      let asker = Scripted.answering { say, context in
        do throws(RPCError) {
          try context.reply(try echo.askBlocking(say))
        } catch {
          try context.reply("\(error.code), \(error.execution)")
        }
      }
      let ref = try way.server.register("asker", asker, on: way.dispatch)
      let reply = try await ref.ask(Say(text: "blocked"))
      XCTAssertEqual(reply, "wouldBlockLoop, notExecuted", "\(way)")
    }
  }

  func testCallbacksOfAsksAreRefusedOnTheirLoop() async throws {
    let (server, client) = (try await makeServer(), try await makeClient())
    try server.register("echo", Echo())
    let ref = try await client.endpointRef(server.uri("echo"))
    let codes = Results<RPCError.Code?>("the inner ask")
    ref.ask(Say(text: "outer")) { _ in
      do throws(RPCError) {
        _ = try ref.askBlocking(Say(text: "inner"))
        codes.add(nil)
      } catch {
        codes.add(error.code)
      }
    }
    let code = await codes.next()
    XCTAssertEqual(code, [.wouldBlockLoop])
  }
}
