import MailroomQueue
import TestSupport
import XCTest

@testable import MailroomTransport

final class EventLoopGroupTests: TransportTestCase {
  func testHasAtLeastOneLoop() throws {
    for (asked, count) in [(-1, 1), (0, 1), (1, 1), (3, 3)] {
      let group = try makeGroup(count: asked)
      XCTAssertEqual(group.loops.count, count)
    }
  }

  func testLoopsTakeTurns() throws {
    let group = try makeGroup(count: 3)
    let turns = (0..<9).map { _ in group.next() }
    for index in 0..<6 { XCTAssertTrue(turns[index] === turns[index + 3]) }
    XCTAssertEqual(Set(turns.map(ObjectIdentifier.init)).count, 3)
    let single = try makeGroup()
    for _ in 0..<3 { XCTAssertTrue(single.next() === single.loops[0]) }
  }

  func testLoopsHaveThreadsOfTheirOwn() throws {
    let group = try makeGroup(count: 3)
    let threads = Box<Set<UInt>>([])
    let done = Signal("a task")
    for loop in group.loops {
      loop.execute {
        threads.update { $0.insert(ThreadID.current) }
        done.fire()
      }
    }
    done.wait(3)
    XCTAssertEqual(threads.value.count, 3)
    XCTAssertFalse(threads.value.contains(ThreadID.current))
    let names = ProcessResources.threads.filter { $0.hasPrefix(Self.loopName) }
    XCTAssertEqual(names.sorted(), (0..<3).map { "\(Self.loopName)-\($0)" })
  }

  func testShutdownEndsAllLoopsAndMayBeRepeated() throws {
    let group = try makeGroup(count: 3)
    for _ in 0..<2 { try shutDown(group) }
    for loop in group.loops { XCTAssertFalse(loop.execute {}) }
    expectNothingLeft()
  }

  func testConcurrentShutdownsAllReturn() throws {
    let group = try makeGroup(count: 3)
    try awaited("four shutdowns") {
      await withTaskGroup(of: Void.self) { tasks in
        for _ in 0..<4 { tasks.addTask { await group.shutdown() } }
      }
    }
    for loop in group.loops { XCTAssertFalse(loop.execute {}) }
  }

  func testLoopsAreBoundToProcessorsInTurn() throws {
    let all = Processor.allowed
    let group = try EventLoopGroup(count: all.count + 1, name: "\(Self.loopName)-bound", processors: all)
    for (index, loop) in group.loops.enumerated() {
      let found = Box<[Int]>([])
      let done = Signal("a task")
      loop.execute {
        found.update { $0 = Processor.allowed }
        done.fire()
      }
      done.wait()
      XCTAssertEqual(found.value, [all[index % all.count]])
    }
    try awaited("the group's shutdown") { await group.shutdown() }
  }

  func testNumbersThatNoProcessorHasAreErrors() throws {
    let number = try XCTUnwrap(Processor.allowed.first)
    for numbers in [[-1], [number, 60_000]] {
      XCTAssertThrowsError(try EventLoopGroup(count: 2, name: "\(Self.loopName)-bound", processors: numbers)) { error in
        XCTAssertEqual((error as? TransportError)?.reason, .system)
      }
    }
    // The loop that was started before the number was found has no owner to shut it down but the failure itself, and its thread has
    // no name yet when it has not run.
    waitUntil("the loop that was started to end") { isNothingOpen }
  }
}
