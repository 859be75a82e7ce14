import MailroomQueue
import XCTest

/// Explores the queue's protocol in every order in which its threads can take their steps.
///
/// Each scenario checks, in every state: exactly one of an idle word, a wake that is owed, a permit and a running consumer
/// exists, so no wake-up is lost and none is made twice; what comes out is the oldest that was accepted; and the closed bit
/// stays. And in every end: nothing is left over.
final class QueueWordModelTests: XCTestCase {
  @discardableResult
  private func explore(
    _ programs: QueueModel.Program..., file: StaticString = #filePath, line: UInt = #line
  ) -> QueueExplorer.Result {
    let result = QueueExplorer(QueueModel(programs)).explore()
    if let violation = result.violation {
      XCTFail("\(violation), by \(result.schedule)", file: file, line: line)
    }
    XCTAssertGreaterThan(result.ends, 0, "no schedule ends", file: file, line: line)
    return result
  }

  // MARK: Every order is right

  func testProtocolHoldsWhenProducersRace() {
    explore(.producer(2), .producer(2), .consumer())
  }

  func testProtocolHoldsWhenThreeProducersRace() {
    explore(.producer(1), .producer(1), .producer(2), .consumer())
  }

  func testProtocolHoldsWhenConsumerTriesToSleepAfterEachElement() {
    explore(.producer(2), .producer(2), .consumer(limit: 1))
  }

  func testProtocolHoldsWhenQueueClosesMeanwhile() {
    explore(.producer(2), .producer(2), .closer, .consumer())
  }

  func testProtocolHoldsWhenTwoClose() {
    explore(.producer(2), .closer, .closer, .consumer())
  }

  func testProtocolHoldsWhenOneProducerPushesTheLast() {
    explore(.producer(2), .producer(2, last: true), .consumer())
  }

  func testProtocolHoldsWhenTwoPushTheLast() {
    explore(.producer(2, last: true), .producer(2, last: true), .consumer())
  }

  func testProtocolHoldsWhenQueueClosesWhileTheLastIsPushed() {
    explore(.producer(2), .producer(2, last: true), .closer, .consumer())
  }

  func testProtocolHoldsWhenTurnBeginsInPlace() {
    explore(.producer(2), .producer(1), .turn(), .consumer())
  }

  func testProtocolHoldsWhenTurnInPlaceHandsOver() {
    explore(.producer(2), .turn(handsOver: true), .closer, .consumer())
  }

  func testProtocolHoldsWhenTurnsRace() {
    explore(.producer(1), .turn(), .turn(handsOver: true), .closer, .consumer())
  }

  func testProtocolHoldsWhenTheLastIsPushedDuringTurns() {
    explore(.producer(1), .producer(1, last: true), .turn(), .turn(handsOver: true), .consumer())
  }

  func testProtocolHoldsWhenWhoeverMustWakeConsumes() {
    explore(.producer(2, consumes: true), .producer(2, consumes: true))
    explore(.producer(1, consumes: true), .producer(1, consumes: true), .closer, .turn(), .consumer())
  }

  // MARK: The explorer sees everything

  func testExplorerTakesEveryTransitionOfTheDiagram() {
    let result = explore(.producer(2), .producer(1, last: true), .closer, .turn(), .consumer())
    XCTAssertEqual(
      result.edges,
      [
        .init(.idle, .push, .list), .init(.busy, .push, .list), .init(.list, .push, .list),
        .init(.idle, .pushLast, .closedList), .init(.busy, .pushLast, .closedList),
        .init(.list, .pushLast, .closedList),
        .init(.list, .take, .busy), .init(.closedList, .take, .closed),
        .init(.busy, .sleep, .idle), .init(.idle, .beginTurn, .busy),
        .init(.idle, .close, .closed), .init(.busy, .close, .closed), .init(.closed, .close, .closed),
        .init(.list, .close, .closedList), .init(.closedList, .close, .closedList),
      ])
  }

  func testExplorerCountsStatesWhenThereIsOneOrder() {
    // Load, exchange, wake; unpark, pop (nothing), take, pop, pop (nothing), sleep; nothing can run side by side but
    // what the consumer does after the wake.
    let result = explore(.producer(1), .consumer())
    XCTAssertEqual(result.states, 10)
    XCTAssertEqual(result.ends, 1)
  }

  // MARK: The explorer finds faults

  /// Explores a protocol with a fault planted, and checks that the shortest schedule that goes wrong does so as expected.
  private func assertFinds(
    _ violation: QueueModel.Violation, _ programs: QueueModel.Program..., file: StaticString = #filePath,
    line: UInt = #line, when fault: (inout QueueModel.Rules) -> Void
  ) {
    XCTAssertNil(QueueExplorer(QueueModel(programs)).explore().violation, "without the fault", file: file, line: line)
    var rules = QueueModel.Rules()
    fault(&rules)
    let result = QueueExplorer(QueueModel(programs, rules: rules)).explore()
    XCTAssertEqual(result.violation, violation, "by \(result.schedule)", file: file, line: line)
    XCTAssertFalse(result.schedule.isEmpty, file: file, line: line)
  }

  func testExplorerFindsSleepThatDoesNotCompare() {
    assertFinds(.lost, .producer(2), .consumer()) { $0.sleepCompares = false }
  }

  func testExplorerFindsSleepOverAList() {
    assertFinds(.lost, .producer(2), .consumer()) { $0.sleeping = { $0.isClosed ? nil : .idle } }
  }

  func testExplorerFindsSleepOverAPrivateList() {
    assertFinds(.lost, .producer(2), .consumer(limit: 1)) { $0.sleepLooksAtTaken = false }
  }

  func testExplorerFindsSleepOfAClosedQueue() {
    assertFinds(.closedBit, .producer(1), .closer, .consumer()) { $0.sleeping = { $0.list == 0 ? .idle : nil } }
  }

  func testExplorerFindsTakeThatClearsTheClosedBit() {
    assertFinds(.closedBit, .producer(1), .closer, .consumer()) { $0.taking = { _ in .busy } }
  }

  func testExplorerFindsPushThatWakesNobody() {
    assertFinds(.notOneConsumer(0), .producer(1), .consumer()) { $0.mustWake = { _ in false } }
  }

  func testExplorerFindsPushThatAlwaysWakes() {
    assertFinds(.notOneConsumer(2), .producer(2), .consumer()) { $0.mustWake = { _ in true } }
  }

  func testExplorerFindsPushThatDoesNotCompare() {
    assertFinds(.notOneConsumer(2), .producer(1), .producer(1), .consumer()) { $0.pushCompares = false }
  }

  func testExplorerFindsPushThatDoesNotLinkAgain() {
    assertFinds(.notTheOldest, .producer(1), .producer(1), .consumer()) { $0.pushLinksAgain = false }
  }

  func testExplorerFindsPushIntoAClosedQueue() {
    assertFinds(.acceptedAfterClosing, .producer(1), .closer, .consumer()) {
      $0.pushing = { word, node, last in QueueWord(bits: node | (last ? 2 : word.bits & 2)) }
    }
  }

  func testExplorerFindsPushOfTheLastThatDoesNotClose() {
    assertFinds(.closedBit, .producer(1, last: true), .consumer()) {
      $0.pushing = { word, node, _ in word.pushing(node) }
    }
  }

  func testExplorerFindsTurnBegunBesideTheConsumer() {
    assertFinds(.notOneConsumer(2), .producer(1), .turn(), .consumer()) {
      $0.beginningTurn = { $0.list == 0 && !$0.isClosed ? .busy : nil }
    }
  }

  func testExplorerFindsCloseThatDropsTheList() {
    assertFinds(.lost, .producer(1), .closer, .consumer()) {
      $0.closing = { _ in QueueWord(bits: QueueWord.closedBit) }
    }
  }

  func testExplorerFindsCloseThatLeavesTheConsumerAsleep() {
    assertFinds(.notOneConsumer(2), .closer, .consumer()) {
      $0.closing = { QueueWord(bits: $0.bits | QueueWord.closedBit) }
    }
  }

  func testExplorerFindsCloseThatWakesNobody() {
    assertFinds(.notOneConsumer(0), .closer, .consumer()) { $0.mustWake = { _ in false } }
  }
}
