import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// Handlers that may suspend, as users write them.
final class RPCHandlersAsyncTests: EnvironmentTestCase {
  // MARK: Which form is meant

  func testHandlerIsSuspendableExactlyWhenItsClosureIs() throws {
    var handlers = RPCHandlers<Sleeper>()
    handlers.receive(Note.self) { sleeper, note in sleeper.log.append(note.text) }
    handlers.receive(Add.self) { sleeper, _ in await sleeper.rest() }
    handlers.ask(Say.self) { _, say in
      let text = say.text
      return text
    }
    handlers.ask(Total.self) { sleeper, _ in
      await sleeper.rest()
      return 1
    }
    let sleeper = Sleeper()
    sleeper.gate.open()
    XCTAssertNil(try handlers.messages[0].run(sleeper, LocalOneWay(Note(text: "note"))))
    XCTAssertNotNil(try handlers.messages[1].run(sleeper, LocalOneWay(Add(1))))
    let say = LocalAsk(Say(text: "say"), CallbackAsk<String>(from: nil) { _ in }, sender: "")
    XCTAssertNil(try handlers.requests[0].run(sleeper, say))
    let total = LocalAsk(Total(), CallbackAsk<Int64>(from: nil) { _ in }, sender: "")
    XCTAssertNotNil(try handlers.requests[1].run(sleeper, total))
    XCTAssertEqual(sleeper.log.value, ["note"])
  }

  // MARK: One at a time

  func testSerialEndpointKeepsItsOrderWhileAHandlerIsSuspended() async throws {
    try await inEveryWay { way in
      let sleeper = Sleeper()
      let (log, gate) = (sleeper.log, sleeper.gate)
      let ref = try await way.register("sleeper", sleeper)
      let replies = Results<String?>("a reply")
      ref.ask(Say(text: "slow")) { replies.add($0.value) }
      await eventually("the handler is suspended") { gate.isAwaited }
      ref.ask(Say(text: "second")) { replies.add($0.value) }
      try ref.send(Note(text: "third"))
      ref.ask(Say(text: "fourth")) { replies.add($0.value) }
      if way.client != nil { _ = try await way.client?.endpointRef(way.server.uri("sleeper")) }
      XCTAssertEqual(log.value, ["begin slow"], "\(way)")
      gate.open()
      let values = await replies.next(3)
      XCTAssertEqual(values, ["slow", "second", "fourth"], "\(way)")
      XCTAssertEqual(
        log.value,
        ["begin slow", "end slow", "begin second", "end second", "third", "begin fourth", "end fourth"], "\(way)")
    }
  }

  func testRE15StateIsTheTurnsAcrossSuspensions() async throws {
    let env = try await makeServer()
    for dispatch in Way.dispatches {
      let ref = try env.register("adder", SlowAdder(), on: dispatch)
      try await fromThreads(8) { _ in for _ in 0..<50 { try ref.send(Add(1)) } }
      let total = try await ref.ask(Total())
      XCTAssertEqual(total, 400, "\(dispatch)")
      env.stop(ref)
    }
  }

  func testHandlerBeginsOnTheEndpointsThread() async throws {
    let env = try await makeServer()
    let sleeper = Sleeper()
    sleeper.gate.open()
    let threads = sleeper.threads
    let ref = try env.register("sleeper", sleeper, on: .dedicated())
    try ref.send(Note(text: "on the thread"))
    _ = try await ref.ask(Say(text: "in place"))
    XCTAssertEqual(threads.value.count, 2)
    XCTAssertEqual(Set(threads.value).count, 1)
  }

  // MARK: Ends

  func testErrorsOfSuspendedHandlersReachAskerAndEndpoint() async throws {
    try await inEveryWay { way in
      let sleeper = Sleeper()
      let (log, gate) = (sleeper.log, sleeper.gate)
      let ref = try await way.register("sleeper", sleeper)
      gate.open()
      let error = await assertThrows(.handlerFailed, "\(way)") { try await ref.ask(Say(text: "throw")) }
      XCTAssertEqual(error?.message, "Oops", "\(way)")
      await assertThrows(.noReply, "\(way)") { try await ref.ask(Again(text: "drop")) }
      let replied = try await ref.ask(Again(text: "reply, then throw"))
      XCTAssertEqual(replied, "reply, then throw", "\(way)")
      await assertThrows(.unsupportedMessage, execution: .notExecuted, "\(way)") { try await ref.ask(Total()) }
      let last = try await ref.ask(Say(text: "alive"))
      XCTAssertEqual(last, "alive", "\(way)")
      XCTAssertEqual(log.value.filter { $0.hasPrefix("error") }.count, 3, "\(way): \(log.value)")
    }
  }

  func testOnStopWaitsForTheSuspendedHandler() async throws {
    for dispatch in Way.dispatches {
      let env = try await makeServer()
      let sleeper = Sleeper()
      let (log, gate, stopped) = (sleeper.log, sleeper.gate, sleeper.stopped)
      let ref = try env.register("sleeper", sleeper, on: dispatch)
      let reply = Task { try await ref.ask(Say(text: "slow")) }
      await eventually("the handler is suspended") { gate.isAwaited }
      env.stop(ref)
      XCTAssertEqual(log.value, ["begin slow"])
      gate.open()
      await stopped.comes()
      XCTAssertEqual(log.value, ["begin slow", "end slow", "stop"], "\(dispatch)")
      let value = try await reply.value
      XCTAssertEqual(value, "slow")
    }
  }

  // MARK: At the same time

  func testHandlersOfAConcurrentEndpointOverlapOnAnyThread() async throws {
    for dispatch in [RPCDispatch.shared, .dedicated(), .dedicated(threads: 2), .eventLoop] {
      let env = try await makeServer()
      let pair = Pair()
      let local = try env.register("pair", pair, on: dispatch)
      let remote = try await makeClient().endpointRef(env.uri("pair"))
      // Each opens what the other one waits for.
      async let first = local.ask(Say(text: "0"))
      async let second = remote.ask(Say(text: "1"))
      let replies = try await [first, second]
      XCTAssertEqual(replies, ["0", "1"], "\(dispatch)")
      env.stop(local)
      await pair.stopped.comes()
    }
  }

  // MARK: Fairness

  func testW4FloodOfSuspendingHandlersLeavesTurnsToOthers() async throws {
    for isSuspending in [false, true] {
      var configuration = RPCConfiguration()
      configuration.messageLoopThreads = 1
      let env = try await makeServer(configuration)
      let flood = Flood(isSuspending: isSuspending)
      let isEnough = flood.isEnough
      let ref = try env.register("flood", flood)
      for _ in 0..<10 { try ref.send(Note(text: "for ever")) }
      let other = try env.register("other", Echo())
      for _ in 0..<3 {
        let reply = try await other.ask(Say(text: "served"))
        XCTAssertEqual(reply, "served")
      }
      isEnough.update { $0 = true }
    }
  }
}

// MARK: - Endpoints

private struct Again: RPCRequest, Codable {
  typealias Reply = String
  var text: String
}

/// Waits at its gate in every handler.
private final class Sleeper: RPCEndpoint {
  let log = Box<[String]>([])
  let threads = Box<[KernelThread]>([])
  let gate = Suspension()
  let stopped = Signal("onStop")

  func rest() async { await gate.wait() }
  func onStop() {
    log.append("stop")
    stopped.fire()
  }
  func onError(_ error: any Error) { log.append("error \(error)") }

  static func handlers(_ on: inout RPCHandlers<Sleeper>) {
    on.receive(Note.self) { sleeper, note in
      sleeper.threads.append(.current)
      sleeper.log.append(note.text)
    }
    on.ask(Say.self) { sleeper, say in
      sleeper.threads.append(.current)
      sleeper.log.append("begin \(say.text)")
      await sleeper.rest()
      if say.text == "throw" { throw Oops() }
      sleeper.log.append("end \(say.text)")
      return say.text
    }
    on.ask(Again.self) { sleeper, again, context in
      await sleeper.rest()
      if again.text == "drop" { return }
      try context.reply(again.text)
      throw Oops()
    }
  }
}

/// Adds up with a suspension between reading and writing.
private final class SlowAdder: RPCEndpoint {
  private var total: Int64 = 0

  static func handlers(_ on: inout RPCHandlers<SlowAdder>) {
    on.receive(Add.self) { adder, add in
      let old = adder.total
      await Task.yield()
      adder.total = old + add.amount
    }
    on.ask(Total.self) { adder, _ in adder.total }
  }
}

/// Has two handlers wait for each other.
private final class Pair: RPCConcurrentEndpoint {
  private let suspensions = [Suspension(), Suspension()]
  let stopped = Signal("onStop")

  func onStop() { stopped.fire() }

  static func handlers(_ on: inout RPCHandlers<Pair>) {
    on.ask(Say.self) { pair, say in
      guard let index = Int(say.text) else { return "" }
      pair.suspensions[index].open()
      await pair.suspensions[1 - index].wait()
      return say.text
    }
  }
}

/// Sends itself another message for each that it gets.
private final class Flood: RPCEndpoint {
  let isEnough = Box(false)
  private let isSuspending: Bool
  private var me: RPCEndpointRef?

  init(isSuspending: Bool) { self.isSuspending = isSuspending }

  func onStart(_ me: RPCEndpointRef) { self.me = me }
  func onStop() { me = nil }

  static func handlers(_ on: inout RPCHandlers<Flood>) {
    on.receive(Note.self) { flood, note in
      if flood.isSuspending { await Task.yield() }
      if !flood.isEnough.value { try flood.me?.send(note) }
    }
  }
}
