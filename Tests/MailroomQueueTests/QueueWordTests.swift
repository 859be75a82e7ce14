import MailroomQueue
import XCTest

final class QueueWordTests: XCTestCase {
  private let idle = QueueWord.idle
  private let busy = QueueWord.busy
  private let closed = QueueWord(bits: QueueWord.closedBit)
  private let list = QueueWord(bits: 0x1000)
  private let closedList = QueueWord(bits: 0x1000 | QueueWord.closedBit)
  private let node: UInt = 0x2000

  // MARK: What a word says

  func testIdleIsAsleepOpenAndEmpty() {
    XCTAssertTrue(idle.isIdle)
    XCTAssertFalse(idle.isClosed)
    XCTAssertEqual(idle.list, 0)
  }

  func testBusyIsAwakeOpenAndEmpty() {
    XCTAssertFalse(busy.isIdle)
    XCTAssertFalse(busy.isClosed)
    XCTAssertEqual(busy.list, 0)
  }

  func testListIsAwakeAndOpen() {
    XCTAssertFalse(list.isIdle)
    XCTAssertFalse(list.isClosed)
    XCTAssertEqual(list.list, 0x1000)
  }

  func testClosedIsAwakeAndEmpty() {
    XCTAssertFalse(closed.isIdle)
    XCTAssertTrue(closed.isClosed)
    XCTAssertEqual(closed.list, 0)
  }

  func testClosedListKeepsItsAddressApartFromTheBit() {
    XCTAssertFalse(closedList.isIdle)
    XCTAssertTrue(closedList.isClosed)
    XCTAssertEqual(closedList.list, 0x1000)
  }

  func testListKeepsEveryBitOfAnAddressButTheLowestTwo() {
    XCTAssertEqual(QueueWord(bits: .max).list, .max - 3)
    XCTAssertEqual(QueueWord(bits: 4).list, 4)
  }

  // MARK: Pushing

  func testPushingMakesAListWhenOpen() {
    for word in [idle, busy, list] { XCTAssertEqual(word.pushing(node), QueueWord(bits: node)) }
  }

  func testPushingTheLastMakesAClosedListWhenOpen() {
    let expected = QueueWord(bits: node | QueueWord.closedBit)
    for word in [idle, busy, list] { XCTAssertEqual(word.pushing(node, last: true), expected) }
  }

  func testPushingIsRefusedWhenClosed() {
    for word in [closed, closedList] {
      XCTAssertNil(word.pushing(node))
      XCTAssertNil(word.pushing(node, last: true))
    }
  }

  // MARK: Taking

  func testTakingEmptiesAndStaysAwakeWhenOpen() {
    for word in [idle, busy, list] { XCTAssertEqual(word.taking, busy) }
  }

  func testTakingKeepsTheQueueClosed() {
    for word in [closed, closedList] { XCTAssertEqual(word.taking, closed) }
  }

  // MARK: Sleeping and beginning a turn

  func testSleepingLeadsFromBusyToIdle() {
    XCTAssertEqual(busy.sleeping, idle)
  }

  func testSleepingIsRefusedUnlessBusy() {
    for word in [idle, list, closed, closedList] { XCTAssertNil(word.sleeping) }
  }

  func testBeginningTurnLeadsFromIdleToBusy() {
    XCTAssertEqual(idle.beginningTurn, busy)
  }

  func testBeginningTurnIsRefusedUnlessIdle() {
    for word in [busy, list, closed, closedList] { XCTAssertNil(word.beginningTurn) }
  }

  // MARK: Closing

  func testClosingLeavesNothingAsleepWhenEmpty() {
    for word in [idle, busy] { XCTAssertEqual(word.closing, closed) }
  }

  func testClosingKeepsTheList() {
    XCTAssertEqual(list.closing, closedList)
  }

  func testClosingChangesNothingWhenClosed() {
    XCTAssertEqual(closed.closing, closed)
    XCTAssertEqual(closedList.closing, closedList)
  }
}
