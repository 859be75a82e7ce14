import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// Rows IN1 to IN3 of the reference's InboxSuite, and turns.
final class InboxTests: EnvironmentTestCase {
  /// Some reference, which the logs do not look at.
  private func someone() async throws -> RPCEndpointRef { try await makeClient().register("someone", Echo()) }

  // MARK: One after the other

  func testIN1MessageIsBetweenOnStartAndOnStop() async throws {
    let me = try await someone()
    let scheduler = ManualScheduler()
    let (inbox, log, _) = Inbox.logging(scheduler)
    inbox.start(me)
    XCTAssertTrue(inbox.post("hello"))
    XCTAssertTrue(inbox.post(.remote(content: Array("from afar".utf8), .oneWay(nil))))
    XCTAssertEqual(scheduler.count, 1, "one wake for all of them")
    XCTAssertEqual(log.events.value, [], "nothing runs but in a turn")
    scheduler.giveTurn()
    XCTAssertEqual(log.events.value, ["start", "hello", "from afar"])
    XCTAssertEqual(scheduler.count, 0)

    inbox.stop()
    XCTAssertTrue(inbox.isStopped)
    scheduler.giveAllTurns()
    XCTAssertEqual(log.events.value, ["start", "hello", "from afar", "will stop", "stop", "did stop"])
    XCTAssertFalse(inbox.post("late"))
    inbox.stop()
    XCTAssertEqual(scheduler.count, 0, "nobody is woken for what ended")
    XCTAssertEqual(log.events.value.count, 6)
  }

  func testIN2AskIsAnswered() async throws {
    let me = try await someone()
    let scheduler = ManualScheduler()
    let (inbox, log, _) = Inbox.logging(scheduler)
    inbox.start(me)
    let replies = Box<[Result<String, RPCError>]>([])
    inbox.post(.local(LocalAsk(Say(text: "hello"), CallbackAsk(from: nil) { replies.append($0) }, sender: "test")))
    XCTAssertEqual(replies.value.count, 0)
    scheduler.giveAllTurns()
    XCTAssertEqual(replies.value.map(\.value), ["hello"])
    XCTAssertEqual(log.events.value, ["start", "hello"])
  }

  func testAskThatComesTooLateFails() async throws {
    let me = try await someone()
    let scheduler = ManualScheduler()
    let (inbox, _, _) = Inbox.logging(named: "closed", scheduler)
    inbox.start(me)
    inbox.stop()
    let replies = Box<[Result<String, RPCError>]>([])
    XCTAssertFalse(
      inbox.post(.local(LocalAsk(Say(text: ""), CallbackAsk(from: nil) { replies.append($0) }, sender: "test"))))
    XCTAssertEqual(replies.value.count, 1)
    assertIs(replies.value.first?.error, .endpointStopped, execution: .notExecuted)
    XCTAssertEqual(replies.value.first?.error?.message, "the endpoint closed is stopped")
    XCTAssertFalse(inbox.post(.remote(content: [1], .oneWay(nil))))
    scheduler.giveAllTurns()
  }

  func testAskThatIsNeverTakenFailsWithItsInbox() async throws {
    let me = try await someone()
    let replies = Box<[Result<String, RPCError>]>([])
    do {
      let (inbox, _, _) = Inbox.logging(NoTurns())
      inbox.start(me)
      inbox.post(.local(LocalAsk(Say(text: ""), CallbackAsk(from: nil) { replies.append($0) }, sender: "test")))
    }
    XCTAssertEqual(replies.value.count, 1)
    assertIs(replies.value.first?.error, .noReply)
  }

  func testMessagesPostedInATurnAreHandledInIt() async throws {
    let me = try await someone()
    let scheduler = ManualScheduler()
    let inboxes = Box<[Inbox]>([])
    let (inbox, log, _) = Inbox.logging(scheduler) { text in
      if text.count < 4 { inboxes.value.first?.post(text + "!") }
      if text.count == 4 { inboxes.value.first?.stop() }
    }
    inboxes.append(inbox)
    inbox.start(me)
    inbox.post("a")
    scheduler.giveTurn()
    XCTAssertEqual(log.events.value, ["start", "a", "a!", "a!!", "a!!!", "will stop", "stop", "did stop"])
    XCTAssertEqual(scheduler.count, 0)
    inboxes.update { $0 = [] }
  }

  func testEachIdleEdgeWakesOnce() async throws {
    let me = try await someone()
    let scheduler = ManualScheduler()
    let (inbox, _, _) = Inbox.logging(scheduler)
    inbox.start(me)
    for _ in 0..<5 {
      for _ in 0..<10 { inbox.post("x") }
      XCTAssertEqual(scheduler.count, 1)
      scheduler.giveTurn()
      XCTAssertEqual(scheduler.count, 0)
    }
  }

  // MARK: Bounded turns

  func testFloodedInboxLeavesTurnsToOthers() async throws {
    let me = try await someone()
    let scheduler = ManualScheduler()
    let budget = TurnLimit.Budget(messages: 3, messagesPerLook: 100, nanoseconds: .max)
    let (flooded, floodedLog, _) = Inbox.logging(scheduler, budget: budget)
    let (other, otherLog, _) = Inbox.logging(scheduler, budget: budget)
    flooded.start(me)
    for index in 0..<8 { flooded.post("\(index)") }
    other.start(me)
    other.post("here")
    scheduler.giveTurn()
    XCTAssertEqual(floodedLog.events.value, ["start", "0", "1"])
    scheduler.giveTurn()
    XCTAssertEqual(otherLog.events.value, ["start", "here"], "the other one is next")
    scheduler.giveTurn()
    XCTAssertEqual(floodedLog.events.value.count, 6)
    XCTAssertEqual(scheduler.count, 1)
    scheduler.giveAllTurns()
    XCTAssertEqual(floodedLog.events.value, ["start"] + (0..<8).map { "\($0)" })
    flooded.post("again")
    XCTAssertEqual(scheduler.count, 1, "a bounded turn ends idle when nothing is left")
    scheduler.giveAllTurns()
  }

  func testTurnEndsWhenItsTimeIsUp() async throws {
    let me = try await someone()
    let scheduler = ManualScheduler()
    // The first look at the clock starts the time, the second finds it over.
    let budget = TurnLimit.Budget(messages: 100, messagesPerLook: 2, nanoseconds: 0)
    let (inbox, log, _) = Inbox.logging(scheduler, budget: budget)
    inbox.start(me)
    for index in 1..<10 { inbox.post("\(index)") }
    scheduler.giveTurn()
    XCTAssertEqual(log.events.value, ["start", "1", "2", "3"])
    scheduler.giveTurn()
    XCTAssertEqual(log.events.value.count, 8)
    scheduler.giveAllTurns()
    XCTAssertEqual(log.events.value.count, 10)
  }

  func testBudgetThatEndsWithOnStopOwesNothing() async throws {
    let me = try await someone()
    for messages in 1...4 {
      let scheduler = ManualScheduler()
      let (inbox, log, _) = Inbox.logging(scheduler, budget: .init(messages: messages))
      inbox.start(me)
      inbox.post("x")
      inbox.stop()
      scheduler.giveAllTurns()
      XCTAssertEqual(log.events.value, ["start", "x", "will stop", "stop", "did stop"])
    }
  }

  func testFloodedEndpointDoesNotStarveAnotherOnOneThread() async throws {
    var configuration = RPCConfiguration()
    configuration.messageLoopThreads = 1
    let env = try await makeServer(configuration)
    let isEnough = Box(false)
    let flooded = Scripted()
    flooded.started = { endpoint, me in endpoint.me = me }
    // Sends itself another message for each that it gets.
    flooded.noted = { endpoint, note in if !isEnough.value { try endpoint.me?.send(note) } }
    let ref = try env.register("flooded", flooded)
    try ref.send(Note(text: "for ever"))
    let other = try env.register("other", Echo())
    let reply = try await other.ask(Say(text: "served"))
    XCTAssertEqual(reply, "served")
    isEnough.update { $0 = true }
  }

  // MARK: Running in place

  func testTurnInPlaceNeedsAnIdleInbox() async throws {
    let me = try await someone()
    let scheduler = ManualScheduler()
    let (inbox, log, _) = Inbox.logging(scheduler)
    XCTAssertTrue(inbox.beginTurnInPlace())
    XCTAssertFalse(inbox.beginTurnInPlace(), "somebody runs it")
    inbox.start(me)
    XCTAssertEqual(scheduler.count, 0, "who runs it in place takes care of it")
    inbox.endTurnInPlace()
    XCTAssertEqual(scheduler.count, 1)
    XCTAssertFalse(inbox.beginTurnInPlace(), "a turn is owed")
    scheduler.giveTurn()
    XCTAssertTrue(inbox.beginTurnInPlace())
    let content = Array("in place".utf8)
    XCTAssertEqual(inbox.deliverInPlace(content.rawSpan, nil, from: nil), .done)
    inbox.post("meanwhile")
    XCTAssertEqual(log.events.value, ["start", "in place"])
    inbox.endTurnInPlace()
    scheduler.giveAllTurns()
    XCTAssertEqual(log.events.value, ["start", "in place", "meanwhile"])
    XCTAssertTrue(inbox.beginTurnInPlace())
    inbox.endTurnInPlace()
    XCTAssertEqual(scheduler.count, 0)
  }

  func testStoppedInboxDeliversNothingInPlace() async throws {
    let me = try await someone()
    let scheduler = ManualScheduler()
    let (inbox, log, _) = Inbox.logging(scheduler)
    inbox.start(me)
    scheduler.giveTurn()
    XCTAssertTrue(inbox.beginTurnInPlace())
    inbox.stop()
    let content: [UInt8] = [1]
    XCTAssertEqual(inbox.deliverInPlace(content.rawSpan, nil, from: nil), .refused)
    XCTAssertEqual(scheduler.count, 0)
    inbox.endTurnInPlace()
    scheduler.giveAllTurns()
    XCTAssertEqual(log.events.value, ["start", "will stop", "stop", "did stop"])
    XCTAssertFalse(inbox.beginTurnInPlace(), "an ended inbox has no more turns")
  }

  // MARK: All sequences

  private enum Step: CaseIterable {
    case post, stop, turn, begin, deliver, end
  }

  /// Every sequence of steps up to a length: what races can bring about, one step after the other.
  func testEverySequenceKeepsTheInvariants() async throws {
    let me = try await someone()
    var count = 0
    var sequence: [Step] = []
    func explore(_ depth: Int) {
      check(sequence, me)
      count += 1
      guard depth > 0 else { return }
      for step in Step.allCases {
        sequence.append(step)
        explore(depth - 1)
        sequence.removeLast()
      }
    }
    explore(5)
    XCTAssertEqual(count, (0...5).reduce(0) { sum, depth in sum + Int(pow(6, Double(depth))) })
  }

  private func check(_ sequence: [Step], _ me: RPCEndpointRef) {
    let scheduler = ManualScheduler()
    let (inbox, log, _) = Inbox.logging(scheduler, budget: .init(messages: 2))
    var accepted: [String] = []
    var inPlace: [String] = []
    var isInPlace = false
    inbox.start(me)
    for (index, step) in sequence.enumerated() {
      switch step {
      case .post: if inbox.post("\(index)") { accepted.append("\(index)") }
      case .stop: inbox.stop()
      case .turn: scheduler.giveTurn()
      case .begin: if !isInPlace { isInPlace = inbox.beginTurnInPlace() }
      case .deliver:
        let content = Array("in place \(index)".utf8)
        if isInPlace, inbox.deliverInPlace(content.rawSpan, nil, from: nil) == .done {
          inPlace.append("in place \(index)")
        }
      case .end:
        if isInPlace { inbox.endTurnInPlace() }
        isInPlace = false
      }
      XCTAssertLessThanOrEqual(scheduler.count + (isInPlace ? 1 : 0), 1, "\(sequence): one runs it at a time")
    }
    if isInPlace { inbox.endTurnInPlace() }
    scheduler.giveAllTurns()
    let events = log.events.value
    XCTAssertEqual(events.first, "start", "\(sequence)")
    let hasStopped = sequence.contains(.stop)
    XCTAssertEqual(events.suffix(3) == ["will stop", "stop", "did stop"], hasStopped, "\(sequence)")
    XCTAssertEqual(events.filter { $0 == "stop" }.count, hasStopped ? 1 : 0, "\(sequence)")
    XCTAssertEqual(events.filter { Int($0) != nil }, accepted, "\(sequence)")
    XCTAssertEqual(events.filter { $0.hasPrefix("in place") }, inPlace, "\(sequence)")
  }

  // MARK: Many threads

  func testIN3PostsOfManyThreadsMeetTheEnd() async throws {
    let me = try await someone()
    let loop = try MessageLoop.start(name: "inbox-test", threads: 2)
    for round in 0..<40 {
      let (inbox, log, owner) = Inbox.logging(loop, budget: .init(messages: 1 + round % 7))
      inbox.start(me)
      let refused = Box(0)
      let answers = Box(0)
      try await fromThreads(11) { thread in
        if thread == 10 { return inbox.stop() }
        for index in 0..<100 {
          if index % 4 == 0 {
            let ask = CallbackAsk<String>(from: nil) { result in
              if result.error != nil { refused.update { $0 += 1 } } else { answers.update { $0 += 1 } }
            }
            inbox.post(.local(LocalAsk(Say(text: "\(thread)"), ask, sender: "test")))
          } else if !inbox.post("\(thread)") {
            refused.update { $0 += 1 }
          }
        }
      }
      await owner.ended.comes()
      let events = log.events.value
      let received = events.count - 4
      XCTAssertEqual(received + refused.value, 1000, "round \(round)")
      XCTAssertLessThanOrEqual(answers.value, received)
      XCTAssertEqual(events.first, "start")
      XCTAssertEqual(events.suffix(3), ["will stop", "stop", "did stop"])
      XCTAssertEqual(events.filter { $0 == "start" || $0 == "stop" }, ["start", "stop"])
    }
    loop.stop()
    loop.join()
  }
}

/// Never gives a turn, and does not keep who wants one.
private final class NoTurns: InboxScheduler {
  let threads = 1

  func nameOfThread(_ number: Int) -> String { "manual-\(number)" }

  func schedule(_ inbox: Inbox) {}
}
