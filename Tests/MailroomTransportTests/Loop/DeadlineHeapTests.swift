import MailroomQueue
import TestSupport
import XCTest

@testable import MailroomTransport

final class DeadlineHeapTests: XCTestCase {
  private func time(_ nanoseconds: Int) -> MonotonicTime { MonotonicTime(nanoseconds: UInt64(nanoseconds)) }

  /// Everything that is due by `now`, in the order it comes up.
  private func drain(_ heap: inout DeadlineHeap<Int>, now: Int = .max) -> [Int] {
    var actions: [Int] = []
    while let action = heap.popDue(now: time(now)) { actions.append(action) }
    return actions
  }

  func testEmptyHeapHasNothing() {
    var heap = DeadlineHeap<Int>()
    XCTAssertNil(heap.nextDeadline())
    XCTAssertNil(heap.popDue(now: .distantFuture))
    XCTAssertEqual(heap.count, 0)
  }

  func testSoonestComesUpFirst() {
    var heap = DeadlineHeap<Int>()
    for deadline in [50, 10, 40, 20, 30] { _ = heap.insert(deadline, at: time(deadline)) }
    XCTAssertEqual(heap.nextDeadline(), time(10))
    XCTAssertEqual(drain(&heap), [10, 20, 30, 40, 50])
    XCTAssertEqual(heap.count, 0)
  }

  func testEntriesOfOneDeadlineComeUpInTheOrderSet() {
    var heap = DeadlineHeap<Int>()
    for index in 0..<200 { _ = heap.insert(index, at: time(index % 2 == 0 ? 7 : 5)) }
    XCTAssertEqual(drain(&heap), Array(stride(from: 1, to: 200, by: 2)) + Array(stride(from: 0, to: 200, by: 2)))
  }

  func testNothingComesUpBeforeItsDeadline() {
    var heap = DeadlineHeap<Int>()
    for deadline in [10, 20, 20, 30] { _ = heap.insert(deadline, at: time(deadline)) }
    XCTAssertEqual(drain(&heap, now: 9), [])
    XCTAssertEqual(drain(&heap, now: 10), [10])
    XCTAssertEqual(drain(&heap, now: 29), [20, 20])
    XCTAssertEqual(heap.nextDeadline(), time(30))
    XCTAssertEqual(heap.count, 1)
  }

  func testCancelledEntriesDoNotComeUp() {
    var heap = DeadlineHeap<Int>()
    let ids = (0..<5).map { heap.insert($0, at: time($0)) }
    XCTAssertTrue(heap.cancel(ids[0]))
    XCTAssertTrue(heap.cancel(ids[3]))
    XCTAssertFalse(heap.cancel(ids[3]))
    XCTAssertEqual(heap.count, 3)
    XCTAssertEqual(heap.nextDeadline(), time(1))
    XCTAssertEqual(drain(&heap), [1, 2, 4])
    for id in ids { XCTAssertFalse(heap.cancel(id)) }
  }

  func testIDsAreNotUsedAgain() {
    var heap = DeadlineHeap<Int>()
    let old = heap.insert(1, at: time(1))
    heap.cancel(old)
    let new = heap.insert(2, at: time(1))
    XCTAssertNotEqual(old, new)
    XCTAssertFalse(heap.cancel(old))
    XCTAssertEqual(drain(&heap), [2])
  }

  func testRebuildingKeepsOrder() {
    var heap = DeadlineHeap<Int>()
    var random = SeededRandom(seed: 9)
    let deadlines = (0..<1000).map { _ in Int.random(in: 0...100, using: &random) }
    let ids = deadlines.enumerated().map { heap.insert($0.offset, at: time($0.element)) }
    // Enough to be rebuilt several times on the way.
    for index in 0..<1000 where index % 10 != 0 { XCTAssertTrue(heap.cancel(ids[index])) }
    let kept = stride(from: 0, to: 1000, by: 10).sorted { (deadlines[$0], $0) < (deadlines[$1], $1) }
    XCTAssertEqual(heap.count, 100)
    XCTAssertEqual(drain(&heap), kept)
  }

  func testCancellingReleasesTheAction() {
    final class Token {}
    var heap = DeadlineHeap<Token>()
    weak var released: Token?
    let id: DeadlineHeap<Token>.ID
    do {
      let token = Token()
      released = token
      id = heap.insert(token, at: time(1))
    }
    XCTAssertNotNil(released)
    heap.cancel(id)
    XCTAssertNil(released)
  }

  func testRandomUseAgreesWithASortedList() {
    for seed in 1...10 {
      var random = SeededRandom(seed: UInt64(seed))
      var heap = DeadlineHeap<Int>()
      var model: [(deadline: Int, number: Int, id: DeadlineHeap<Int>.ID)] = []
      var now = 0
      for number in 0..<3000 {
        switch Int.random(in: 0...9, using: &random) {
        case 0...4:
          let deadline = now + Int.random(in: 0...500, using: &random)
          model.append((deadline, number, heap.insert(number, at: time(deadline))))
        case 5...7:
          guard let index = model.indices.randomElement(using: &random) else { continue }
          XCTAssertTrue(heap.cancel(model[index].id))
          model.remove(at: index)
        default:
          now += Int.random(in: 0...50, using: &random)
          let due = model.filter { $0.deadline <= now }.sorted { ($0.deadline, $0.number) < ($1.deadline, $1.number) }
          XCTAssertEqual(drain(&heap, now: now), due.map(\.number), "with seed \(seed)")
          model.removeAll { $0.deadline <= now }
        }
        XCTAssertEqual(heap.count, model.count)
        XCTAssertEqual(heap.nextDeadline(), model.map(\.deadline).min().map { time($0) })
      }
    }
  }
}
