import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// Endpoints whose handlers run at the same time, and how they start and end.
final class ConcurrentInboxTests: EnvironmentTestCase {
  private func someone() async throws -> RPCEndpointRef { try await makeClient().register("someone", Echo()) }

  // MARK: All sequences

  private enum Step: CaseIterable {
    case post, stop, turn, leave
  }

  /// Every sequence of steps up to a length, of which those behind a turn happen inside of its handler until it leaves: what
  /// several threads can bring about, on one.
  func testEverySequenceKeepsTheInvariants() async throws {
    let me = try await someone()
    var sequence: [Step] = []
    func explore(_ depth: Int) {
      check(sequence, me)
      guard depth > 0 else { return }
      for step in Step.allCases {
        sequence.append(step)
        explore(depth - 1)
        sequence.removeLast()
      }
    }
    explore(6)
  }

  /// Performs the steps of a sequence, those of handlers too.
  private final class Play: Sendable {
    let scheduler: ManualScheduler
    let rest: Box<[Step]>
    let log = Box<[String]>([])
    let inboxes = Box<[Inbox]>([])
    let taken = Box<[String]>([])

    init(_ sequence: [Step], threads: Int) {
      rest = Box(sequence)
      scheduler = ManualScheduler(threads: threads)
    }

    /// Performs steps until one says that the handler leaves, or none is left.
    func go() {
      while let step = next() {
        switch step {
        case .post: if inboxes.value[0].post("\(rest.value.count)") { taken.append("\(rest.value.count)") }
        case .stop: inboxes.value[0].stop()
        case .turn: scheduler.giveTurn()
        case .leave: return
        }
      }
    }

    private func next() -> Step? {
      var step: Step?
      rest.update { if !$0.isEmpty { step = $0.removeFirst() } }
      return step
    }
  }

  private func check(_ sequence: [Step], _ me: RPCEndpointRef) {
    for threads in [1, 2] {
      let play = Play(sequence, threads: threads)
      let (inbox, log, _) = Inbox.logging(play.scheduler, budget: .init(messages: 2), isConcurrent: true) {
        [play] text in
        play.log.append("begin")
        play.go()
        play.log.append("end")
      }
      play.inboxes.append(inbox)
      inbox.start(me)
      while !play.rest.value.isEmpty { play.go() }
      play.scheduler.giveAllTurns()
      let events = log.events.value
      XCTAssertEqual(events.first, "start", "\(sequence)")
      let hasStopped = sequence.contains(.stop)
      XCTAssertEqual(events.suffix(3) == ["will stop", "stop", "did stop"], hasStopped, "\(sequence): \(events)")
      XCTAssertEqual(events.filter { $0 == "stop" }.count, hasStopped ? 1 : 0, "\(sequence)")
      XCTAssertEqual(events.filter { Int($0) != nil }, play.taken.value, "\(sequence): taken in their order")
      XCTAssertEqual(inbox.crew?.state.count, 0, "\(sequence)")
      play.inboxes.update { $0 = [] }
    }
  }

  func testOnStopWaitsForTheHandlersThatRun() async throws {
    let me = try await someone()
    let scheduler = ManualScheduler(threads: 2)
    let inboxes = Box<[Inbox]>([])
    let (inbox, log, _) = Inbox.logging(scheduler, isConcurrent: true) { text in
      guard text == "outer" else { return }
      inboxes.value.first?.post("inner")
      inboxes.value.first?.stop()
      // Another thread takes the message beside this one, then OnStop, which has to wait.
      scheduler.giveAllTurns()
      inboxes.update { $0 = [] }
    }
    inboxes.append(inbox)
    inbox.start(me)
    inbox.post("outer")
    scheduler.giveTurn()
    XCTAssertEqual(log.events.value, ["start", "outer", "inner"])
    XCTAssertEqual(scheduler.count, 1, "the last one out has the inbox end")
    scheduler.giveAllTurns()
    XCTAssertEqual(log.events.value, ["start", "outer", "inner", "will stop", "stop", "did stop"])
  }

  // MARK: Threads

  private func twoThreads() -> RPCConfiguration {
    var configuration = RPCConfiguration()
    configuration.messageLoopThreads = 2
    return configuration
  }

  func testTwoHandlersOverlap() async throws {
    for dispatch in [RPCDispatch.shared, .dedicated(threads: 2)] {
      for isRemote in [false, true] {
        let server = try await makeServer(twoThreads())
        let arrived = [Signal("the first handler"), Signal("the second handler")]
        let crowd = Crowd { say in
          // Each waits for the other one.
          guard let index = Int(say.text) else { return }
          arrived[index].fire()
          arrived[1 - index].wait()
        }
        let local = try server.register("crowd", crowd, on: dispatch)
        let ref = isRemote ? try await makeClient().endpointRef(server.uri("crowd")) : local
        async let first = ref.ask(Say(text: "0"))
        async let second = ref.ask(Say(text: "1"))
        let replies = try await [first, second]
        XCTAssertEqual(replies, ["0", "1"], "\(dispatch)")
      }
    }
  }

  func testOnStartIsAloneEvenWhenItThrows() async throws {
    for throwsError in [false, true] {
      let server = try await makeServer(twoThreads())
      let gate = Gate("the messages")
      let arrived = [Signal("the first handler"), Signal("the second handler")]
      let crowd = Crowd { say in
        guard let index = Int(say.text) else { return }
        arrived[index].fire()
        arrived[1 - index].wait()
      }
      crowd.started.update {
        $0 = { [events = crowd.events] in
          gate.pass()
          events.append("started")
          if throwsError { throw Oops() }
        }
      }
      let ref = try server.register("crowd", crowd)
      let replies = Results<String?>("a reply")
      for index in 0..<2 { ref.ask(Say(text: "\(index)")) { replies.add($0.value) } }
      XCTAssertEqual(crowd.events.value, [])
      gate.open()
      let values = await replies.next(2)
      XCTAssertEqual(values.compactMap { $0 }.sorted(), ["0", "1"], "they overlap, throws: \(throwsError)")
      let expected = (throwsError ? ["started", "error"] : ["started"]) + ["handled", "handled"]
      XCTAssertEqual(crowd.events.value, expected)
    }
  }

  func testRE15NothingIsLostAndOnStopIsAlone() async throws {
    let server = try await makeServer(twoThreads())
    for dispatch in [RPCDispatch.shared, .dedicated(threads: 4), .eventLoop] {
      for round in 0..<10 {
        let crowd = Crowd { _ in }
        let ref = try server.register("crowd", crowd, on: dispatch)
        let taken = Box(0)
        try await fromThreads(8) { thread in
          for index in 0..<500 {
            if thread == 0 && index == 250 && round % 2 == 0 { server.stop(ref) }
            do throws(RPCError) {
              try ref.send(Note(text: ""))
              taken.update { $0 += 1 }
            } catch {
              XCTAssertEqual(error.code, .endpointStopped)
            }
          }
        }
        server.stop(ref)
        await crowd.ended.comes()
        XCTAssertEqual(crowd.handled, taken.value, "\(dispatch), round \(round)")
        XCTAssertEqual(crowd.atStop, [0, taken.value], "\(dispatch): nobody is at work in onStop")
        if round % 2 == 1 { XCTAssertEqual(taken.value, 4000) }
      }
    }
  }

  func testConcurrentEndpointIsReachedFromAfarOnAnEventLoop() async throws {
    let (server, client) = (try await makeServer(), try await makeClient())
    let crowd = Crowd { _ in }
    let local = try server.register("crowd", crowd, on: .eventLoop)
    let remote = try await client.endpointRef(server.uri("crowd"))
    for index in 0..<20 {
      let replies = try await [local.ask(Say(text: "\(index)")), remote.ask(Say(text: "\(index)"))]
      XCTAssertEqual(replies, ["\(index)", "\(index)"])
    }
    server.stop(local)
    await crowd.ended.comes()
  }

  // MARK: Failing handlers

  func testIN7ThrowingHandlerLeavesTheCrew() async throws {
    let server = try await makeServer(twoThreads())
    let crowd = Crowd { _ in throw Oops() }
    let ref = try server.register("crowd", crowd)
    let inbox = try XCTUnwrap(server.dispatcher.find("crowd")?.inbox)
    for _ in 0..<10 { await assertThrows(.handlerFailed) { try await ref.ask(Say(text: "")) } }
    await eventually("nobody is at work") { inbox.crew?.state == .nobody }
    server.stop(ref)
    await crowd.ended.comes()
  }

  func testNE4AsManyFailingHandlersAsThreadsLeaveThemToOthers() async throws {
    let server = try await makeServer(twoThreads())
    for isConcurrent in [false, true] {
      var refs: [RPCEndpointRef] = []
      for index in 0..<3 {
        refs.append(
          try isConcurrent
            ? server.register("crowd-\(index)", Crowd { say in if say.text == "fail" { throw Oops() } })
            : server.register(
              "serial-\(index)",
              Scripted.answering { say, context in
                if say.text == "fail" { throw Oops() }
                try context.reply(say.text)
              }))
      }
      let errors = Results<RPCError?>("an error")
      for ref in refs { ref.ask(Say(text: "fail")) { errors.add($0.error) } }
      for error in await errors.next(3) { assertIs(error, .handlerFailed) }
      for ref in refs {
        let reply = try await ref.ask(Say(text: "alive"))
        XCTAssertEqual(reply, "alive")
      }
    }
  }
}

/// Does for every request what a test tells it to, on many threads at the same time.
private final class Crowd: RPCConcurrentEndpoint {
  let events = Box<[String]>([])
  let ended = Signal("onStop")
  let started = Box<@Sendable () throws -> Void>({})
  private let asked: @Sendable (Say) throws -> Void
  private let counts = Box((atWork: 0, handled: 0, atStop: [Int]()))

  init(_ asked: @escaping @Sendable (Say) throws -> Void) { self.asked = asked }

  /// Messages that were handled.
  var handled: Int { counts.value.handled }
  /// How many handlers ran, and how many had, when onStop came.
  var atStop: [Int] { counts.value.atStop }

  func note(_ event: String) { events.append(event) }
  func onStart(_ me: RPCEndpointRef) throws { try started.value() }
  func onError(_ error: any Error) { note("error") }

  func onStop() {
    counts.update { $0.atStop += [$0.atWork, $0.handled] }
    ended.fire()
  }

  private func work(_ body: () throws -> Void) rethrows {
    counts.update { $0.atWork += 1 }
    defer {
      counts.update {
        $0.atWork -= 1
        $0.handled += 1
      }
    }
    try body()
  }

  static func handlers(_ on: inout RPCHandlers<Crowd>) {
    on.ask(Say.self) { crowd, say in
      try crowd.work { try crowd.asked(say) }
      crowd.note("handled")
      return say.text
    }
    on.receive(Note.self) { crowd, _ in crowd.work {} }
  }
}
