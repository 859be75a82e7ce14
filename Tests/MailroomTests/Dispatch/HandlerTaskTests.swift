import MailroomQueue
import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// Handlers that suspend: their tasks, and the turns that they take along.
final class HandlerTaskTests: EnvironmentTestCase {
  private func someone() async throws -> RPCEndpointRef { try await makeClient().register("someone", Echo()) }

  // MARK: Tasks

  func testHandlerThatDoesNotSuspendEndsInPlace() {
    let thread = Box<KernelThread?>(nil)
    let task = HandlerTask { thread.update { $0 = .current } }
    task.start { XCTFail("the caller was there first") }
    XCTAssertEqual(thread.value, .current, "on the caller's thread")
    XCTAssertTrue(task.detach())
  }

  func testSuspendedHandlerTellsOfItsEnd() async {
    let suspension = Suspension()
    let ended = Results<Int>("the end")
    let task = HandlerTask { await suspension.wait() }
    task.start { ended.add(1) }
    XCTAssertFalse(task.detach())
    suspension.open()
    let ends = await ended.next()
    XCTAssertEqual(ends, [1])
  }

  func testSuspendedHandlerGoesOnOnItsExecutor() async throws {
    let loop = try makeGroup().loops[0]
    let suspension = Suspension()
    let seen = Box<[Bool]>([])
    let ended = Signal("the end")
    let task = HandlerTask {
      seen.append(loop.isCurrent)
      await suspension.wait()
      seen.append(loop.isCurrent)
    }
    task.start(on: loop) { ended.fire() }
    XCTAssertFalse(task.detach())
    suspension.open()
    await ended.comes()
    XCTAssertEqual(seen.value, [false, true], "it began where it was started")
  }

  func testOnlyOneOfTheTwoGoesOn() async throws {
    for _ in 0..<500 {
      let suspension = Suspension()
      let ends = Signal("the end")
      let count = Box(0)
      let task = HandlerTask { await suspension.wait() }
      task.start {
        count.update { $0 += 1 }
        ends.fire()
      }
      async let opened: Void = suspension.open()
      if task.detach() {
        count.update { $0 += 1 }
        ends.fire()
      }
      await opened
      await ends.comes()
      XCTAssertEqual(count.value, 1)
    }
  }

  func testCancelledHandlerFindsItselfCancelled() async {
    for isEarly in [true, false] {
      let suspension = Suspension()
      let found = Results<Bool>("the end of the handler")
      let task = HandlerTask {
        await suspension.wait()
        found.add(Task.isCancelled)
      }
      if isEarly { task.cancel() }
      task.start {}
      _ = task.detach()
      if !isEarly { task.cancel() }
      let values = await found.next()
      XCTAssertEqual(values, [true], "cancelled before it began: \(isEarly)")
    }
  }

  func testHandlerCancelledBeforeItBeganBeginsInPlaceToo() async {
    let begun = Box<[KernelThread]>([])
    let ended = Signal("the end of the handler")
    let task = HandlerTask {
      XCTAssertTrue(Task.isCancelled)
      begun.append(.current)
    }
    task.cancel()
    task.start { ended.fire() }
    XCTAssertEqual(begun.value, [.current], "begun when start returned, on the caller's thread")
    if !task.detach() { await ended.comes() }
  }

  func testEndedTaskHoldsNothing() async {
    let freed = Signal("what the handler held is freed")
    let task: HandlerTask
    do {
      let held = Freed(freed)
      task = HandlerTask { withExtendedLifetime(held) {} }
    }
    task.start {}
    XCTAssertTrue(task.detach())
    await freed.comes()
    task.cancel()
  }

  func testAllHandlersOfAnInboxAreCancelled() async {
    let tasks = HandlerTasks()
    let ended = Signal("a handler's end")
    for _ in 0..<3 {
      let suspension = Suspension()
      let task = HandlerTask { await suspension.wait() }
      tasks.start(task) { ended.fire() }
      XCTAssertFalse(tasks.detach(task))
    }
    XCTAssertEqual(tasks.count, 3)
    tasks.cancelAll()
    await ended.comes(3)
    XCTAssertEqual(tasks.count, 0)
    // One that comes later is cancelled as it begins.
    let suspension = Suspension()
    let late = HandlerTask { await suspension.wait() }
    tasks.start(late) { ended.fire() }
    if !tasks.detach(late) { await ended.comes() }
    XCTAssertEqual(tasks.count, 0)
  }

  // MARK: Turns

  func testSuspendedHandlerKeepsTheTurn() async throws {
    let me = try await someone()
    let scheduler = ManualScheduler()
    let suspension = Suspension()
    let (inbox, log, _) = Inbox.logging(scheduler, suspending: { $0 == "slow" ? suspension : nil })
    inbox.start(me)
    inbox.post("slow")
    inbox.post("next")
    scheduler.giveTurn()
    XCTAssertEqual(log.events.value, ["start", "slow"])
    XCTAssertEqual(scheduler.count, 0)
    inbox.post("another")
    inbox.stop()
    XCTAssertEqual(scheduler.count, 0, "the handler has the turn")
    XCTAssertFalse(inbox.beginTurnInPlace())
    suspension.open()
    await eventually("the handler passes the turn on") { scheduler.count == 1 }
    scheduler.giveTurn()
    XCTAssertEqual(
      log.events.value,
      ["start", "slow", "end of slow", "next", "another", "will stop", "stop", "did stop"])
    XCTAssertEqual(scheduler.count, 0)
  }

  func testHandlerThatDoesNotSuspendKeepsTheTurnGoing() async throws {
    let me = try await someone()
    let scheduler = ManualScheduler()
    let open = Suspension()
    open.open()
    let (inbox, log, _) = Inbox.logging(scheduler, suspending: { _ in open })
    inbox.start(me)
    for text in ["a", "b"] { inbox.post(text) }
    scheduler.giveTurn()
    XCTAssertEqual(log.events.value, ["start", "a", "end of a", "b", "end of b"])
    XCTAssertTrue(inbox.beginTurnInPlace(), "the inbox is idle")
    inbox.endTurnInPlace()
  }

  func testTurnInPlaceIsTakenAlong() async throws {
    let me = try await someone()
    let scheduler = ManualScheduler()
    let suspension = Suspension()
    let (inbox, log, _) = Inbox.logging(scheduler, suspending: { $0 == "slow" ? suspension : nil })
    inbox.start(me)
    scheduler.giveTurn()
    XCTAssertTrue(inbox.beginTurnInPlace())
    let content = Array("slow".utf8)
    XCTAssertEqual(inbox.deliverInPlace(content.rawSpan, nil, from: nil), .suspended)
    XCTAssertFalse(inbox.beginTurnInPlace())
    inbox.post("next")
    XCTAssertEqual(scheduler.count, 0)
    suspension.open()
    await eventually("the handler passes the turn on") { scheduler.count == 1 }
    scheduler.giveTurn()
    XCTAssertEqual(log.events.value, ["start", "slow", "end of slow", "next"])
    XCTAssertTrue(inbox.beginTurnInPlace())
    inbox.endTurnInPlace()
  }

  func testIdleInboxIsLeftIdleByASuspendedHandler() async throws {
    let me = try await someone()
    let scheduler = ManualScheduler()
    let suspension = Suspension()
    let (inbox, log, _) = Inbox.logging(scheduler, suspending: { _ in suspension })
    inbox.start(me)
    inbox.post("slow")
    scheduler.giveTurn()
    suspension.open()
    await eventually("the inbox is idle") {
      guard inbox.beginTurnInPlace() else { return false }
      inbox.endTurnInPlace()
      return true
    }
    XCTAssertEqual(scheduler.count, 0, "no turn for nothing")
    XCTAssertEqual(log.events.value, ["start", "slow", "end of slow"])
  }

  func testHandlersSuspendedInPlaceCountToo() async throws {
    let me = try await someone()
    let scheduler = ManualScheduler()
    let suspension = Suspension()
    let (inbox, log, _) = Inbox.logging(
      scheduler, bounds: InboxBounds(messages: 2, bytes: 100), isConcurrent: true,
      suspending: { $0 == "slow" ? suspension : nil })
    inbox.start(me)
    scheduler.giveTurn()
    XCTAssertTrue(inbox.beginTurnInPlace())
    let (quick, slow) = (Array("quick".utf8), Array("slow".utf8))
    for content in [quick, slow, quick, slow] {
      XCTAssertEqual(inbox.deliverInPlace(content.rawSpan, nil, from: nil), .done, "those that suspend leave the turn")
    }
    XCTAssertEqual(inbox.level.messages, 2)
    XCTAssertEqual(inbox.deliverInPlace(quick.rawSpan, nil, from: nil), .refused)
    inbox.endTurnInPlace()
    XCTAssertEqual(inbox.postRemote(content: quick, origin: .oneWay(nil)), .takenAndFull, "so that its peer stops")
    scheduler.giveTurn()
    XCTAssertEqual(log.events.value, ["start", "quick", "slow", "quick", "slow", "quick"])
    suspension.open()
    await eventually("all are counted out") { inbox.level.messages == 0 }
    await eventually("nobody is at work") { inbox.crew?.state == .nobody }
  }

  func testSuspendedHandlersOfAConcurrentEndpointOverlapAndCount() async throws {
    let me = try await someone()
    for threads in [1, 2] {
      let scheduler = ManualScheduler(threads: threads)
      let suspension = Suspension()
      let (inbox, log, _) = Inbox.logging(
        scheduler, bounds: InboxBounds(messages: 3, bytes: 100), isConcurrent: true, suspending: { _ in suspension })
      inbox.start(me)
      for text in ["a", "b", "c"] { XCTAssertEqual(inbox.offer(LocalOneWay(Note(text: text)), bytes: 1), .taken) }
      scheduler.giveAllTurns()
      XCTAssertEqual(log.events.value, ["start", "a", "b", "c"])
      XCTAssertEqual(inbox.crew?.state.count, 3)
      XCTAssertEqual(inbox.offer(LocalOneWay(Note(text: "d")), bytes: 1), .full, "who is suspended counts")
      inbox.stop()
      scheduler.giveAllTurns()
      XCTAssertEqual(log.events.value.count, 4, "OnStop waits")
      suspension.open()
      await eventually("the last one out has the inbox end") { scheduler.count == 1 }
      scheduler.giveAllTurns()
      XCTAssertEqual(log.events.value.suffix(3), ["will stop", "stop", "did stop"])
      XCTAssertEqual(Set(log.events.value[4..<7]), ["end of a", "end of b", "end of c"])
      XCTAssertEqual(inbox.level.messages, 0)
    }
  }
}

/// Fires a signal as it goes away.
private final class Freed: Sendable {
  private let freed: Signal
  init(_ freed: Signal) { self.freed = freed }
  deinit { freed.fire() }
}
