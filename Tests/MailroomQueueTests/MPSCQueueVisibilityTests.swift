import MailroomQueue
import Synchronization
import TestSupport
import XCTest

/// What threads see of each other through the queue, without any order of their own; see ``MPSCQueueThreadTests``.
final class MPSCQueueVisibilityTests: XCTestCase {
  // In these, a relaxed flag says when to look. It orders nothing, so only the queue can.

  func testConsumerSeesWhatTheOneBeforeItDid() throws {
    let ways: [(name: String, becomeConsumer: @Sendable (borrowing MPSCQueue<Int>) -> Bool)] = [
      ("push", { if case .wake = $0.push(0) { true } else { false } }),
      ("pushLast", { if case .wake = $0.pushLast(0) { true } else { false } }),
      ("close", { $0.close() }),
      ("beginTurn", { $0.beginTurn() }),
    ]
    for way in ways {
      let queue = Shared(MPSCQueue<Int>())
      let written = Shared(Confined(0))
      let isAsleep = Shared(Atomic(false))
      let before = try WorkerThread(name: "consumer-before") {
        guard queue.value.beginTurn() else { return }
        written.value.value = 1
        isAsleep.value.store(queue.value.sleep() == .asleep, ordering: .relaxed)
      }
      eventually("the consumer to sleep") { isAsleep.value.load(ordering: .relaxed) }
      let isConsumer = way.becomeConsumer(queue.value)
      let seen = written.value.value
      XCTAssertTrue(isConsumer, way.name)
      XCTAssertEqual(seen, 1, way.name)
      before.join()
    }
  }

  func testConsumerSeesWhatEachPusherDid() throws {
    let queue = Shared(MPSCQueue<Int>())
    let written = (0..<2).map { _ in Shared(Confined(0)) }
    let pushed = Shared(Atomic(0))
    XCTAssertTrue(queue.value.beginTurn())
    let pushers = try written.indices.map { index in
      try WorkerThread(name: "pusher-\(index)") {
        written[index].value.value = 1
        _ = queue.value.push(index)
        pushed.value.add(1, ordering: .relaxed)
      }
    }
    eventually("both pushes") { pushed.value.load(ordering: .relaxed) == 2 }
    var seen = 0
    let drained = queue.value.drain(limit: 2) { seen += written[$0].value.value }
    XCTAssertEqual(drained, 2)
    XCTAssertEqual(seen, 2)
    for pusher in pushers { pusher.join() }
  }

  func testConsumerSeesWhatTheCloserDidWhenItFindsQueueClosed() throws {
    let queue = Shared(MPSCQueue<Int>())
    let written = Shared(Confined(0))
    let isClosed = Shared(Atomic(false))
    XCTAssertTrue(queue.value.beginTurn())
    let closer = try WorkerThread(name: "closer") {
      written.value.value = 1
      _ = queue.value.close()
      isClosed.value.store(true, ordering: .relaxed)
    }
    eventually("the queue to be closed") { isClosed.value.load(ordering: .relaxed) }
    let slept = queue.value.sleep()
    let seen = written.value.value
    XCTAssertEqual(slept, .closed)
    XCTAssertEqual(seen, 1)
    closer.join()
  }

  func testProducerSeesWhatTheCloserDidWhenItIsRefused() throws {
    let queue = Shared(MPSCQueue<Int>())
    let written = Shared(Confined(0))
    let isClosed = Shared(Atomic(false))
    let closer = try WorkerThread(name: "closer") {
      written.value.value = 1
      _ = queue.value.close()
      isClosed.value.store(true, ordering: .relaxed)
    }
    eventually("the queue to be closed") { isClosed.value.load(ordering: .relaxed) }
    guard case .closed = queue.value.push(0) else { return XCTFail("accepted") }
    let seen = written.value.value
    XCTAssertEqual(seen, 1)
    closer.join()
  }
}
