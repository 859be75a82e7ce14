import MailroomQueue
import TestSupport
import XCTest

@testable import Mailroom

final class MessageLoopTests: EnvironmentTestCase {
  /// An inbox whose messages run `body`, with OnStart queued.
  private func inbox(_ loop: MessageLoop, _ body: @escaping @Sendable (String) -> Void) -> (Inbox, DeliveryLog) {
    let (inbox, log, _) = Inbox.logging(loop, onMessage: body)
    return (inbox, log)
  }

  func testAllWorkersWorkWhenThereIsWorkForAll() async throws {
    for threads in 1...4 {
      let loop = try MessageLoop.start(name: "loop-test", threads: threads)
      let arrived = Signal("\(threads) inboxes running at the same time")
      let gate = Gate("the other inboxes")
      let used = Box<Set<KernelThread>>([])
      for _ in 0..<threads {
        let (inbox, _) = inbox(loop) { _ in
          used.update { $0.insert(.current) }
          arrived.fire()
          gate.pass()
        }
        inbox.post("run")
      }
      await arrived.comes(threads)
      gate.open()
      loop.stop()
      loop.join()
      XCTAssertEqual(used.value.count, threads)
      await eventually("the workers' threads are gone") { !used.value.contains { $0.isAlive } }
    }
  }

  func testIdleWorkerTakesWhatABusyOneCannot() async throws {
    let loop = try MessageLoop.start(name: "loop-test", threads: 2)
    let gate = Gate("the end of the block")
    let blocked = Signal("the block")
    let (blocking, _) = inbox(loop) { _ in
      blocked.fire()
      gate.pass()
    }
    blocking.post("block")
    await blocked.comes()
    let done = Signal("the others' messages")
    // One after the other, so that the idle worker parks in between.
    for _ in 0..<50 {
      let (other, _) = inbox(loop) { _ in done.fire() }
      other.post("run")
      await done.comes()
    }
    gate.open()
    loop.stop()
    loop.join()
  }

  func testInboxThatGoesOnAloneStaysWithItsWorker() async throws {
    let loop = try MessageLoop.start(name: "loop-test", threads: 2)
    let gate = Gate("the messages behind the first one")
    let used = Box<Set<KernelThread>>([])
    let done = Signal("a message")
    let (busy, _) = inbox(loop) { text in
      if text == "0" { gate.pass() }
      used.update { $0.insert(.current) }
      done.fire()
    }
    // Many turns' budgets, all of them queued before the first message is handled.
    let count = 8 * TurnLimit.Budget().messages
    for index in 0..<count { busy.post("\(index)") }
    gate.open()
    await done.comes(count)
    loop.stop()
    loop.join()
    XCTAssertEqual(used.value.count, 1)
  }

  func testInboxRunsOnOneWorkerAtATime() async throws {
    let loop = try MessageLoop.start(name: "loop-test", threads: 4)
    let running = Box((now: 0, most: 0))
    let done = Signal("a message")
    let (busy, log) = inbox(loop) { _ in
      running.update { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
      running.update { $0.now -= 1 }
      done.fire()
    }
    try await fromThreads(4) { thread in
      for index in 0..<200 { busy.post("\(thread) \(index)") }
    }
    await done.comes(800)
    loop.stop()
    loop.join()
    XCTAssertEqual(running.value.most, 1)
    for thread in 0..<4 {
      let own = log.events.value.filter { $0.hasPrefix("\(thread) ") }
      XCTAssertEqual(own, (0..<200).map { "\(thread) \($0)" })
    }
  }

  func testStopDrainsWhatIsScheduled() async throws {
    for threads in 1...3 {
      let loop = try MessageLoop.start(name: "loop-test", threads: threads)
      let gate = Gate("the stop")
      let blocked = Signal("a block")
      var logs: [DeliveryLog] = []
      for _ in 0..<threads {
        let (blocking, _) = inbox(loop) { _ in
          blocked.fire()
          gate.pass()
        }
        blocking.post("block")
      }
      await blocked.comes(threads)
      for _ in 0..<20 {
        let (inbox, log) = inbox(loop) { _ in }
        for index in 0..<3 { inbox.post("\(index)") }
        logs.append(log)
      }
      loop.stop()
      gate.open()
      loop.join()
      for log in logs { XCTAssertEqual(log.events.value, ["0", "1", "2"]) }
    }
  }

  func testStopAndJoinMayBeCalledAgainAndAtOnce() async throws {
    let loop = try MessageLoop.start(name: "loop-test", threads: 3)
    try await fromThreads(4) { _ in
      loop.stop()
      loop.join()
    }
    loop.stop()
    loop.join()
  }

  func testAbandonedLoopEndsByItself() async throws {
    for isBusy in [false, true] {
      let loop = try MessageLoop.start(name: "loop-test", threads: 2)
      let gate = Gate("the end of the block")
      let began = Results<KernelThread>("a worker")
      if isBusy {
        let (blocking, _) = inbox(loop) { _ in
          began.add(.current)
          gate.pass()
        }
        blocking.post("block")
        _ = await began.next()
      }
      loop.abandon()
      gate.open()
      await eventually("the worker is gone") { !began.values.contains { $0.isAlive } }
    }
  }

  func testAtLeastOneWorkerIsStarted() async throws {
    let loop = try MessageLoop.start(name: "loop-test", threads: 0)
    let done = Signal("the message")
    let (inbox, _) = inbox(loop) { _ in done.fire() }
    inbox.post("run")
    await done.comes()
    loop.stop()
    loop.join()
  }

  // MARK: Busy polling

  func testWorkersThatSpinDoWhatIsPosted() async throws {
    for threads in 1...3 {
      for spin in [SpinBudget(maximum: .seconds(3600), rests: false), SpinBudget(maximum: .microseconds(20))] {
        let loop = try MessageLoop.start(name: "loop-test", threads: threads, spin: spin)
        let done = Signal("a message")
        // One after the other, so that the workers are without work in between.
        for _ in 0..<300 {
          let (inbox, log) = inbox(loop) { _ in done.fire() }
          inbox.post("run")
          await done.comes()
          XCTAssertEqual(log.events.value, ["run"])
        }
        loop.stop()
        loop.join()
      }
    }
  }

  func testOthersAreWokenForWhatTheOneOnWatchCannotDo() async throws {
    let loop = try MessageLoop.start(
      name: "loop-test", threads: 3, spin: SpinBudget(maximum: .seconds(3600), rests: false))
    for _ in 0..<20 {
      let arrived = Signal("three inboxes running at the same time")
      let gate = Gate("the other inboxes")
      for _ in 0..<3 {
        let (inbox, _) = inbox(loop) { _ in
          arrived.fire()
          gate.pass()
        }
        inbox.post("run")
      }
      await arrived.comes(3)
      gate.open()
    }
    loop.stop()
    loop.join()
  }

  func testStopEndsWorkersThatSpin() async throws {
    for _ in 0..<20 {
      let loop = try MessageLoop.start(
        name: "loop-test", threads: 2, spin: SpinBudget(maximum: .seconds(3600), rests: false))
      loop.stop()
      loop.join()
    }
  }
}
