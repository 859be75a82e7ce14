import Glibc
import MailroomQueue
import Synchronization
import TestSupport
import XCTest

final class ParkerTests: XCTestCase {
  func testParkReturnsAtOnceWhenThereIsAPermit() throws {
    try race(1, "parked") { _ in
      let parker = Parker()
      parker.unpark()
      parker.park()
    }
  }

  func testEachPermitLetsOneParkThrough() throws {
    try race(1, "parked") { _ in
      let parker = Parker()
      for _ in 0..<3 { parker.unpark() }
      for _ in 0..<3 { parker.park() }
    }
  }

  func testParkWaitsForUnpark() throws {
    let parker = Shared(Parker())
    let isUnparked = Shared(Atomic(false))
    let result = Signal("park to return")
    let thread = try WorkerThread(name: "parked") {
      parker.value.park()
      XCTAssertTrue(isUnparked.value.load(ordering: .relaxed), "returned without a permit")
      result.fire()
    }
    isUnparked.value.store(true, ordering: .relaxed)
    parker.value.unpark()
    guard result.wait() else { return abandon([thread]) }
    thread.join()
  }

  func testParkedThreadSeesWhatItsUnparkerDid() throws {
    // Two threads that take turns with a variable that has no other guard.
    let count = 2_000
    let parkers = [Shared(Parker()), Shared(Parker())]
    let turn = Shared(Confined(0))
    parkers[0].value.unpark()
    try race(2, "ping-pong") { index in
      var wrong = 0
      for round in 0..<count {
        parkers[index].value.park()
        if turn.value.value != 2 * round + index { wrong += 1 }
        turn.value.value += 1
        parkers[1 - index].value.unpark()
      }
      XCTAssertEqual(wrong, 0)
    }
    XCTAssertEqual(turn.value.value, 2 * count)
  }

  func testNoPermitIsLostWhenManyUnpark() throws {
    let count = 2_000
    let parker = Shared(Parker())
    try race(5, "parked-and-unparkers") { index in
      for _ in 0..<(index == 0 ? 4 * count : count) {
        if index == 0 { parker.value.park() } else { parker.value.unpark() }
      }
    }
  }

  func testParkGoesOnWaitingWhenSignalsInterruptIt() throws {
    let parker = Shared(Parker())
    let isUnparked = Shared(Atomic(false))
    let ready = Signal("the thread to take signals")
    let ended = Signal("park to return")
    // Without SA_RESTART, so that the system does not go on waiting by itself.
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in interruptions.add(1, ordering: .relaxed) }
    var old = sigaction()
    sigaction(SIGUSR2, &action, &old)
    defer { sigaction(SIGUSR2, &old, nil) }
    let handle = Shared(Atomic<UInt>(0))
    let thread = try WorkerThread(name: "parked") {
      // Workers block signals; this one shall be interrupted.
      var mask = sigset_t()
      sigemptyset(&mask)
      sigaddset(&mask, SIGUSR2)
      pthread_sigmask(SIG_UNBLOCK, &mask, nil)
      handle.value.store(ThreadID.current, ordering: .releasing)
      ready.fire()
      parker.value.park()
      XCTAssertTrue(isUnparked.value.load(ordering: .relaxed), "returned without a permit")
      ended.fire()
    }
    guard ready.wait() else { return abandon([thread]) }
    let target = pthread_t(handle.value.load(ordering: .acquiring))
    // Some may come before the thread waits; at the latest those after the first find it waiting.
    for count in 1...100 {
      pthread_kill(target, SIGUSR2)
      guard eventually("signal \(count)", { interruptions.load(ordering: .relaxed) >= count }) else { break }
    }
    isUnparked.value.store(true, ordering: .relaxed)
    parker.value.unpark()
    guard ended.wait() else { return abandon([thread]) }
    thread.join()
  }
}

/// How many signals were handled: global, because a signal handler has no context.
private let interruptions = Atomic(0)
