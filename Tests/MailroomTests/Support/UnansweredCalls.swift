import TestSupport
import XCTest

@testable import Mailroom

/// The calls of an endpoint that answers nobody, until a test has enough of them.
final class UnansweredCalls: Sendable {
  private let calls = Box<[String: RPCCallContext<String>]>([:])

  /// Keeps a call.
  func add(_ say: Say, _ context: RPCCallContext<String>) { calls.update { $0[say.text] = context } }

  /// The call of the ask that said this; nil when no handler has had it.
  subscript(_ text: String) -> RPCCallContext<String>? { calls.value[text] }

  /// Lets go of all calls.
  func clear() { calls.update { $0 = [:] } }

  /// An endpoint that keeps its calls here, and answers those that say "now".
  func endpoint() -> sending Scripted {
    Scripted.answering { [self] say, context in
      if say.text == "now" { return try context.reply("now") }
      add(say, context)
    }
  }

  /// Asks until the time of an ask was over that a handler has had by then; returns its call and its error.
  ///
  /// That ask may have been executed. One whose time was over before, because the machine is busy, may say that it was not; then no
  /// handler has it, now or later.
  func timeout(
    _ way: String, file: StaticString = #filePath, line: UInt = #line,
    _ ask: (Say, Duration) async throws -> String
  ) async throws -> (call: RPCCallContext<String>, error: RPCError) {
    var end: (call: RPCCallContext<String>, error: RPCError)?
    var notExecuted: [String] = []
    await GrowingTimes().tryEach("a handler to have an ask, \(way)", file: file, line: line) { time in
      let say = Say(text: "for \(time)")
      let error = await assertThrows(.timeout, way, file: file, line: line) { try await ask(say, time) }
      if error?.execution == .notExecuted { notExecuted.append(say.text) }
      guard let call = self[say.text], let error else { return false }
      end = (call, error)
      return true
    }
    for text in notExecuted {
      XCTAssertNil(self[text], "it said that it was not executed, \(way)", file: file, line: line)
    }
    return try XCTUnwrap(end, way, file: file, line: line)
  }
}
