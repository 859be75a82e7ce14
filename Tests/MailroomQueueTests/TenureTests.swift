import MailroomQueue
import Synchronization
import TestSupport
import XCTest

@testable import MailroomQueue

final class TenureTests: XCTestCase {
  func testPlaceOfASleeperIsLentToOneAtATime() {
    let tenure = Tenure()
    XCTAssertEqual(tenure.state, .asleep)
    XCTAssertTrue(tenure.borrow())
    XCTAssertEqual(tenure.state, .borrowed)
    XCTAssertFalse(tenure.borrow())
    tenure.giveBack()
    XCTAssertEqual(tenure.state, .asleep)
    XCTAssertTrue(tenure.borrow())
    tenure.giveBack()
  }

  func testOwnerThatIsAwakeLendsNothing() {
    let tenure = Tenure()
    for _ in 0..<3 {
      tenure.take()
      XCTAssertEqual(tenure.state, .awake)
      XCTAssertFalse(tenure.borrow())
      tenure.give()
      XCTAssertTrue(tenure.borrow())
      tenure.giveBack()
    }
  }

  func testOwnerWaitsForTheBorrowerAndIsNext() throws {
    let tenure = Shared(Tenure())
    let isBack = Shared(Atomic(false))
    XCTAssertTrue(tenure.value.borrow())
    let ended = Signal("the owner to act again")
    let owner = try WorkerThread(name: "owner") {
      tenure.value.take()
      XCTAssertTrue(isBack.value.load(ordering: .relaxed), "acted beside the borrower")
      XCTAssertEqual(tenure.value.state, .awake)
      ended.fire()
    }
    guard eventually("the owner to wait", { tenure.value.state == .awaited }) else { return abandon([owner]) }
    XCTAssertFalse(tenure.value.borrow(), "lent to another one before the owner")
    isBack.value.store(true, ordering: .relaxed)
    tenure.value.giveBack()
    XCTAssertFalse(tenure.value.borrow(), "lent though the owner is awake")
    guard ended.wait() else { return abandon([owner]) }
    owner.join()
    tenure.value.give()
    XCTAssertEqual(tenure.value.state, .asleep)
  }

  func testWhoeverActsSeesWhatWasDoneBefore() throws {
    // A variable without another guard: lost additions, or the thread sanitizer, tell when two act at once.
    let tenure = Shared(Tenure())
    let count = Shared(Confined(0))
    let lent = Shared(Atomic(0))
    let turns = 20_000
    try race(4, "acting") { index in
      if index == 0 {
        for _ in 0..<turns {
          tenure.value.take()
          count.value.value += 1
          tenure.value.give()
        }
        return
      }
      // Not only while the owner acts: on a busy machine all tries may fall into a moment in which it is off its processor.
      var tries = 0
      while tries < turns || lent.value.load(ordering: .relaxed) == 0 {
        tries += 1
        guard tenure.value.borrow() else { continue }
        count.value.value += 1
        lent.value.add(1, ordering: .relaxed)
        tenure.value.giveBack()
      }
    }
    tenure.value.take()
    XCTAssertEqual(count.value.value, turns + lent.value.load(ordering: .relaxed))
    XCTAssertGreaterThan(lent.value.load(ordering: .relaxed), 0)
  }
}
