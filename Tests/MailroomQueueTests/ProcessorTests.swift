import MailroomQueue
import XCTest

final class ProcessorTests: XCTestCase {
  func testWaitsUnlessItIsTimeToSleep() {
    XCTAssertTrue(Processor.waits(.look))
    XCTAssertTrue(Processor.waits(.yield))
    XCTAssertFalse(Processor.waits(.sleep))
  }

  func testAllowedProcessorsAreThoseOfTheCaller() throws {
    let all = Processor.allowed
    XCTAssertFalse(all.isEmpty)
    XCTAssertEqual(all, all.sorted())
    for number in all {
      let found = Locked<[Int]>([])
      let box = Shared(found)
      try WorkerThread(name: "bound", processors: [number]) { box.value.withLock { $0 = Processor.allowed } }.join()
      XCTAssertEqual(box.value.withLock { $0 }, [number])
    }
    XCTAssertEqual(Processor.allowed, all)
  }

  func testThreadsRunOnlyWhereThereIsAProcessor() throws {
    for number in Processor.allowed { XCTAssertTrue(try Processor.canRun(on: number)) }
    for number in [-1, 60_000, .max, .min] { XCTAssertFalse(try Processor.canRun(on: number), "\(number)") }
  }

  func testThreadsOfSeveralProcessorsPassOverThoseThatAreNone() throws {
    let number = try XCTUnwrap(Processor.allowed.last)
    let box = Shared(Locked<[Int]>([]))
    try WorkerThread(name: "bound", processors: [number, 60_000]) { box.value.withLock { $0 = Processor.allowed } }
      .join()
    XCTAssertEqual(box.value.withLock { $0 }, [number])
  }

  func testNoThreadStartsWithoutProcessors() {
    for numbers in [[], [-1], [60_000]] {
      XCTAssertThrowsError(try WorkerThread(name: "bound", processors: numbers) { XCTFail("runs") }) { error in
        XCTAssertTrue((error as? WorkerThread.StartError)?.isForProcessors ?? false)
      }
    }
  }
}
