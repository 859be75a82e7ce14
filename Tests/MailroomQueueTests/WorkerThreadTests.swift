import Foundation
import Glibc
import MailroomQueue
import Synchronization
import TestSupport
import XCTest

final class WorkerThreadTests: XCTestCase {
  /// The names of all threads of this process, as the kernel has them.
  private func threadNames() -> [String] {
    let ids = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
    return ids.compactMap { id in
      // A thread may end meanwhile.
      guard let name = try? String(contentsOfFile: "/proc/self/task/\(id)/comm", encoding: .utf8) else { return nil }
      return name.trimmingCharacters(in: .newlines)
    }
  }

  // MARK: Running and joining

  func testThreadRunsItsBodyOnceOnAnotherThread() throws {
    let caller = ThreadID.current
    let runs = Shared(Locked<[UInt]>([]))
    let thread = try WorkerThread(name: "runner") { runs.value.withLock { $0.append(ThreadID.current) } }
    thread.join()
    let ids = runs.value.withLock { $0 }
    XCTAssertEqual(ids.count, 1)
    XCTAssertFalse(ids.contains(caller))
  }

  func testJoinWaitsUntilBodyHasEnded() throws {
    // Not atomic: joining orders what the thread did before what comes after.
    let written = Shared(Confined(0))
    let thread = try WorkerThread(name: "writer") {
      for _ in 0..<100 {
        written.value.value += 1
        ThreadID.yield()
      }
    }
    thread.join()
    let seen = written.value.value
    XCTAssertEqual(seen, 100)
  }

  func testJoinReturnsAtOnceWhenCalledAgain() throws {
    let thread = try WorkerThread(name: "joined-twice") {}
    thread.join()
    thread.join()
  }

  func testJoinWaitsInOneThreadWhenSeveralCallIt() throws {
    let parker = Shared(Parker())
    let returned = Signal("join to return")
    let hasEnded = Shared(Atomic(false))
    let waited = Shared(Atomic(0))
    let thread = try WorkerThread(name: "joined") {
      parker.value.park()
      hasEnded.value.store(true, ordering: .relaxed)
    }
    let joiners = try (0..<4).map { index in
      try WorkerThread(name: "joiner-\(index)") {
        thread.join()
        if hasEnded.value.load(ordering: .relaxed) { waited.value.add(1, ordering: .relaxed) }
        returned.fire()
      }
    }
    // The thread still runs, and all but one return.
    XCTAssertTrue(returned.wait(3))
    XCTAssertEqual(waited.value.load(ordering: .relaxed), 0)
    parker.value.unpark()
    guard returned.wait() else { return abandon(joiners) }
    XCTAssertEqual(waited.value.load(ordering: .relaxed), 1)
    for joiner in joiners { joiner.join() }
  }

  func testJoinReturnsAtOnceOnTheThreadItself() throws {
    let own = Shared(Locked<WorkerThread?>(nil))
    let mayJoin = Shared(Parker())
    let returned = Signal("join to return")
    let thread = try WorkerThread(name: "joins-itself") {
      mayJoin.value.park()
      own.value.withLock { $0 }?.join()
      returned.fire()
    }
    own.value.withLock { $0 = thread }
    mayJoin.value.unpark()
    guard returned.wait() else { return abandon([thread]) }
    thread.join()
    own.value.withLock { $0 = nil }
  }

  func testThreadIsGoneWhenItWasJoined() throws {
    let names = (0..<4).map { "gone-\($0)" }
    let parkers = names.map { _ in Shared(Parker()) }
    let started = Signal("the threads to start")
    let threads = try names.indices.map { index in
      try WorkerThread(name: names[index]) {
        started.fire()
        parkers[index].value.park()
      }
    }
    started.wait(names.count)
    XCTAssertEqual(Set(threadNames()).intersection(names), Set(names))
    for parker in parkers { parker.value.unpark() }
    for thread in threads { thread.join() }
    // The kernel lets the joiner go shortly before it takes the thread off its list.
    eventually("the kernel to forget the threads") { Set(threadNames()).isDisjoint(with: names) }
  }

  func testBodyIsReleasedWhenThreadHasEnded() throws {
    let lifetimes = Lifetimes(1)
    let thread: WorkerThread
    do {
      let object = TrackedObject(0, lifetimes)
      thread = try WorkerThread(name: "releasing") { XCTAssertEqual(object.index, 0) }
    }
    thread.join()
    lifetimes.assertAllDroppedOnce()
  }

  func testManyThreadsStartAndEnd() throws {
    let count = Shared(Atomic(0))
    for _ in 0..<10 { try race(16, "many") { _ in count.value.add(1, ordering: .relaxed) } }
    XCTAssertEqual(count.value.load(ordering: .relaxed), 160)
  }

  // MARK: Names

  /// The name of a running thread that was given `name`.
  private func keptName(_ name: String) throws -> String? {
    let comm = try onThread(name) { try? Data(contentsOf: URL(fileURLWithPath: "/proc/thread-self/comm")) }
    return comm.flatMap { $0 }.map { String(decoding: $0.dropLast(), as: UTF8.self) }
  }

  func testNameIsVisibleToTheKernel() throws {
    let parker = Shared(Parker())
    let started = Signal("the thread to start")
    let thread = try WorkerThread(name: "mailroom-named") {
      started.fire()
      parker.value.park()
    }
    started.wait()
    XCTAssertEqual(threadNames().count { $0 == "mailroom-named" }, 1)
    parker.value.unpark()
    thread.join()
  }

  func testNameIsCutWhenItIsTooLong() throws {
    let parker = Shared(Parker())
    let started = Signal("the thread to start")
    let thread = try WorkerThread(name: "a-name-of-more-than-15-bytes") {
      started.fire()
      parker.value.park()
    }
    started.wait()
    XCTAssertTrue(threadNames().contains("a-name-of-more-"))
    parker.value.unpark()
    thread.join()
  }

  func testNameOfTheStarterStays() throws {
    let names = threadNames()
    let own = try String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)
    let thread = try WorkerThread(name: "other") {}
    thread.join()
    XCTAssertEqual(try String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8), own)
    XCTAssertFalse(names.contains("other"))
  }

  // MARK: Which thread it is

  func testIsCurrentOnlyOnTheThreadItself() throws {
    let own = Shared(Locked<WorkerThread?>(nil))
    let mayLook = Shared(Parker())
    let thread = try WorkerThread(name: "current") {
      mayLook.value.park()
      XCTAssertEqual(own.value.withLock { $0?.isCurrent }, true)
    }
    own.value.withLock { $0 = thread }
    XCTAssertFalse(thread.isCurrent)
    XCTAssertEqual(try onThread("other") { thread.isCurrent }, false)
    mayLook.value.unpark()
    thread.join()
    own.value.withLock { $0 = nil }
  }

  func testIsCurrentIsFalseOnALaterThreadWhenItsOwnHasEnded() throws {
    let thread = try WorkerThread(name: "earlier") {}
    thread.join()
    // The system likes to give the same number, and the same stack, to the next thread.
    for _ in 0..<10 { XCTAssertEqual(try onThread("later") { thread.isCurrent }, false) }
  }

  // MARK: Signals

  func testThreadBlocksSignalsButThoseOfFaults() throws {
    let blocked = try onThread("blocking") { () -> [Int32] in
      var mask = sigset_t()
      pthread_sigmask(SIG_BLOCK, nil, &mask)
      return (1...31).filter { sigismember(&mask, $0) == 1 }
    }
    // The last two cannot be blocked.
    let open = [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS, SIGKILL, SIGSTOP]
    XCTAssertEqual(blocked, (1...31).filter { !open.contains($0) })
  }

  func testSignalsOfTheStarterStay() throws {
    var old = sigset_t()
    var mask = sigset_t()
    sigemptyset(&mask)
    sigaddset(&mask, SIGUSR1)
    pthread_sigmask(SIG_SETMASK, &mask, &old)
    defer { pthread_sigmask(SIG_SETMASK, &old, nil) }
    let thread = try WorkerThread(name: "blocking") {}
    pthread_sigmask(SIG_BLOCK, nil, &mask)
    XCTAssertEqual((1...31).filter { sigismember(&mask, $0) == 1 }, [SIGUSR1])
    thread.join()
  }

  func testBrokenPipeIsAnErrorAndNotASignal() throws {
    // The default would end the process.
    let old = signal(SIGPIPE, SIG_DFL)
    defer { signal(SIGPIPE, old) }
    let error = try onThread("writing") { () -> Int32 in
      var ends: [Int32] = [0, 0]
      guard pipe(&ends) == 0 else { return -1 }
      close(ends[0])
      defer { close(ends[1]) }
      return write(ends[1], "x", 1) == -1 ? errno : 0
    }
    XCTAssertEqual(error, EPIPE)
  }
}
