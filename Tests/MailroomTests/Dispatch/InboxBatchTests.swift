import MailroomQueue
import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// What becomes of messages that are posted as one batch: the same as of messages that are posted one by one.
final class InboxBatchTests: EnvironmentTestCase {
  private func someone() async throws -> RPCEndpointRef { try await makeClient().register("someone", Echo()) }

  private func assertIsIdle(
    _ inbox: Inbox, _ scheduler: ManualScheduler, file: StaticString = #filePath, line: UInt = #line
  ) {
    XCTAssertEqual(scheduler.count, 0, "no turn is owed", file: file, line: line)
    XCTAssertEqual(inbox.level.messages, 0, file: file, line: line)
    XCTAssertEqual(inbox.level.bytes, 0, file: file, line: line)
  }

  // MARK: Turns

  func testBatchIsHandledBetweenWhatWasPostedBeforeAndBehind() async throws {
    let me = try await someone()
    let scheduler = ManualScheduler()
    let (inbox, log, _) = Inbox.logging(scheduler)
    inbox.start(me)
    inbox.post("before")
    XCTAssertEqual(inbox.post(batch: ["0", "", "2"]), .taken)
    inbox.post("between")
    XCTAssertEqual(inbox.post(batch: ["3"]), .taken)
    inbox.post("behind")
    XCTAssertEqual(inbox.level.messages, 4)
    XCTAssertEqual(inbox.level.bytes, 4)
    scheduler.giveTurn()
    XCTAssertEqual(log.events.value, ["start", "before", "0", "", "2", "between", "3", "behind"])
    assertIsIdle(inbox, scheduler)
  }

  func testTurnsLimitInTheMiddleOfABatch() async throws {
    let me = try await someone()
    let scheduler = ManualScheduler()
    let budget = TurnLimit.Budget(messages: 3, messagesPerLook: 100, nanoseconds: .max)
    let (inbox, log, _) = Inbox.logging(scheduler, budget: budget)
    inbox.start(me)
    inbox.post(batch: ["0", "1", "2", "3", "4"])
    inbox.post("behind")
    scheduler.giveTurn()
    XCTAssertEqual(log.events.value, ["start", "0", "1"])
    XCTAssertEqual(scheduler.count, 1)
    XCTAssertEqual(inbox.level.messages, 3, "what is left of the batch is counted in")
    XCTAssertFalse(inbox.beginTurnInPlace(), "a turn is owed")
    inbox.post(batch: ["last"])
    scheduler.giveTurn()
    XCTAssertEqual(log.events.value.suffix(3), ["2", "3", "4"])
    XCTAssertEqual(scheduler.count, 1)
    scheduler.giveAllTurns()
    XCTAssertEqual(log.events.value.suffix(2), ["behind", "last"])
    XCTAssertEqual(log.events.value.count, 8)
    assertIsIdle(inbox, scheduler)
    XCTAssertTrue(inbox.beginTurnInPlace())
    inbox.endTurnInPlace()
  }

  func testEveryLimitKeepsTheOrder() async throws {
    let me = try await someone()
    for messages in 1...7 {
      let scheduler = ManualScheduler()
      let (inbox, log, _) = Inbox.logging(scheduler, budget: .init(messages: messages))
      inbox.start(me)
      inbox.post(batch: ["0", "1", "2"])
      inbox.stop()
      XCTAssertEqual(inbox.post(batch: ["late"]), .refused)
      scheduler.giveAllTurns()
      XCTAssertEqual(log.events.value, ["start", "0", "1", "2", "will stop", "stop", "did stop"], "\(messages)")
      assertIsIdle(inbox, scheduler)
    }
  }

  // MARK: Handlers that suspend

  func testHandlerThatSuspendsInTheMiddleKeepsTheRestInOrder() async throws {
    let me = try await someone()
    let scheduler = ManualScheduler()
    let suspension = Suspension()
    let (inbox, log, _) = Inbox.logging(scheduler, suspending: { $0 == "1" ? suspension : nil })
    inbox.start(me)
    inbox.post(batch: ["0", "1", "2", "3"])
    inbox.post("behind")
    scheduler.giveAllTurns()
    XCTAssertEqual(log.events.value, ["start", "0", "1"])
    XCTAssertEqual(inbox.level.messages, 2, "the rest is counted in")
    XCTAssertFalse(inbox.beginTurnInPlace(), "the handler has the turn")
    inbox.post(batch: ["4", "5"])
    XCTAssertEqual(scheduler.count, 0)
    suspension.open()
    await eventually("the handler passes the turn on") { scheduler.count == 1 }
    scheduler.giveAllTurns()
    XCTAssertEqual(log.events.value, ["start", "0", "1", "end of 1", "2", "3", "behind", "4", "5"])
    assertIsIdle(inbox, scheduler)
  }

  func testEveryHandlerOfABatchMaySuspend() async throws {
    let me = try await someone()
    let scheduler = ManualScheduler()
    let suspensions = (0..<3).map { _ in Suspension() }
    let (inbox, log, _) = Inbox.logging(scheduler, suspending: { text in Int(text).map { suspensions[$0] } })
    inbox.start(me)
    inbox.post(batch: ["0", "1", "2"])
    for index in 0..<3 {
      scheduler.giveAllTurns()
      XCTAssertEqual(log.events.value.last, "\(index)")
      XCTAssertEqual(inbox.level.messages, 2 - index)
      suspensions[index].open()
      // The last one leaves nothing behind, and nobody is woken for that.
      if index < 2 { await eventually("the turn after handler \(index)") { scheduler.count == 1 } }
    }
    await eventually("the inbox is idle") { inbox.tasks.count == 0 && inbox.beginTurnInPlace() }
    inbox.endTurnInPlace()
    XCTAssertEqual(log.events.value, ["start", "0", "end of 0", "1", "end of 1", "2", "end of 2"])
    assertIsIdle(inbox, scheduler)
  }

  func testHandlersThatDoNotSuspendAfterAllKeepTheTurn() async throws {
    let me = try await someone()
    let scheduler = ManualScheduler()
    let open = Suspension()
    open.open()
    let (inbox, log, _) = Inbox.logging(scheduler, suspending: { _ in open })
    inbox.start(me)
    inbox.post(batch: ["0", "1"])
    scheduler.giveTurn()
    XCTAssertEqual(log.events.value, ["start", "0", "end of 0", "1", "end of 1"])
    assertIsIdle(inbox, scheduler)
  }

  // MARK: Calls

  func testRequestThatNobodyAnswersEndsBeforeTheHandlersBehindIt() async throws {
    let me = try await someone()
    let (responders, source, peer) = try await makeRequests(2)
    let scheduler = ManualScheduler()
    let suspension = Suspension()
    let (inbox, log, _) = Inbox.logging(scheduler, suspending: { $0 == "slow" ? suspension : nil })
    inbox.start(me)
    inbox.post(batch: ["forgotten", "slow", "behind"], [0: responders[0], 2: responders[1]], from: source)
    scheduler.giveAllTurns()
    XCTAssertEqual(log.events.value.last, "slow")
    let answer = try await peer.next()
    XCTAssertEqual(answer.id, 1)
    assertIs(answer.error, .noReply)
    suspension.open()
    await eventually("the handler passes the turn on") { scheduler.count == 1 }
    scheduler.giveAllTurns()
    let last = try await peer.next()
    XCTAssertEqual(last.id, 2)
    assertIs(last.error, .noReply)
    assertIsIdle(inbox, scheduler)
  }

  func testRequestThatIsAbandonedIsNotHandledAndCountedOut() async throws {
    let me = try await someone()
    let (responders, source, peer) = try await makeRequests(2)
    let scheduler = ManualScheduler()
    let (inbox, log, _) = Inbox.logging(scheduler)
    inbox.start(me)
    inbox.post(batch: ["0", "1", "2"], [0: responders[0], 1: responders[1]], from: source)
    try peer.send(RawFrame.cancel(2))
    await eventually("the cancellation arrives") { responders[1].isAbandoned }
    scheduler.giveAllTurns()
    XCTAssertEqual(log.events.value, ["start", "0", "2"])
    assertIsIdle(inbox, scheduler)
  }

  // MARK: The end

  func testHandlerMayStopItsInboxInTheMiddleOfABatch() async throws {
    let me = try await someone()
    let scheduler = ManualScheduler()
    let inboxes = Box<[Inbox]>([])
    let (inbox, log, _) = Inbox.logging(scheduler) { text in if text == "1" { inboxes.value.first?.stop() } }
    inboxes.append(inbox)
    inbox.start(me)
    inbox.post(batch: ["0", "1", "2"])
    scheduler.giveAllTurns()
    XCTAssertEqual(log.events.value, ["start", "0", "1", "2", "will stop", "stop", "did stop"])
    assertIsIdle(inbox, scheduler)
    inboxes.update { $0 = [] }
  }

  func testStopBehindABatchWhoseHandlerIsSuspended() async throws {
    let me = try await someone()
    let scheduler = ManualScheduler()
    let suspension = Suspension()
    let (inbox, log, owner) = Inbox.logging(scheduler, suspending: { $0 == "0" ? suspension : nil })
    inbox.start(me)
    inbox.post(batch: ["0", "1"])
    scheduler.giveAllTurns()
    inbox.stop()
    suspension.open()
    await eventually("the handler passes the turn on") { scheduler.count == 1 }
    scheduler.giveAllTurns()
    await owner.ended.comes()
    XCTAssertEqual(log.events.value, ["start", "0", "end of 0", "1", "will stop", "stop", "did stop"])
    assertIsIdle(inbox, scheduler)
  }

  func testStoppedInboxFailsEachCallOfABatchOnce() async throws {
    let me = try await someone()
    let (responders, source, peer) = try await makeRequests(3)
    let scheduler = ManualScheduler()
    let (inbox, log, _) = Inbox.logging(named: "closed", scheduler)
    inbox.start(me)
    inbox.stop()
    let posted = inbox.post(batch: ["0", "1", "2"], [0: responders[0], 2: responders[1]], from: source)
    XCTAssertEqual(posted, .refused)
    try responders[2].succeed([UInt8]().rawSpan)
    let answers = try await peer.next(3)
    XCTAssertEqual(answers.map(\.id), [1, 2, 3], "one answer each")
    for answer in answers.prefix(2) { assertIs(answer.error, .endpointStopped, execution: .notExecuted) }
    scheduler.giveAllTurns()
    XCTAssertEqual(log.events.value, ["start", "will stop", "stop", "did stop"])
    assertIsIdle(inbox, scheduler)
  }

  func testCallsOfABatchEndWithTheirInbox() async throws {
    let me = try await someone()
    let (responders, source, peer) = try await makeRequests(3)
    do {
      let (inbox, log, _) = Inbox.logging(NoTurns(), budget: .init(messages: 2))
      inbox.start(me)
      inbox.post(batch: ["0", "1"], [0: responders[0], 1: responders[1]], from: source)
      inbox.post(batch: ["2"], [0: responders[2]], from: source)
      inbox.takeTurn()
      XCTAssertEqual(log.events.value, ["start", "0"])
    }
    let answers = try await peer.next(3)
    XCTAssertEqual(answers.map(\.id).sorted(), [1, 2, 3])
    for answer in answers { assertIs(answer.error, .noReply) }
  }
}

/// Never gives a turn, and does not keep who wants one.
private final class NoTurns: InboxScheduler {
  let threads = 1

  func nameOfThread(_ number: Int) -> String { "manual-\(number)" }

  func schedule(_ inbox: Inbox) {}
}
