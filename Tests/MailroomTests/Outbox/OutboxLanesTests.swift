import MailroomQueue
import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// What is held back for endpoints that asked for a pause, without any connection.
final class OutboxLanesTests: EnvironmentTestCase {
  private let lanes = OutboxLanes()

  private func hold(_ number: UInt8, _ route: RemoteRoute) {
    var body = ByteWriter()
    body.append(number)
    lanes.hold(OutboxMessage(body, to: route))
  }

  private func dropThirds(_ message: consuming OutboxMessage) -> OutboxMessage? {
    if message.content.array()[0] % 3 == 0 { return nil }
    return message
  }

  private func drop(_ message: consuming OutboxMessage) -> OutboxMessage? { nil }

  /// Takes all that may leave.
  private func takeReady() -> [UInt8] {
    var numbers: [UInt8] = []
    while let message = lanes.nextReady()?.held.popFirst() { numbers += message.content.array() }
    return numbers
  }

  func testHeldMessagesLeaveInOrderOnceResumed() throws {
    let a = try makeRoutes("a")[0]
    lanes.pause("a")
    for number: UInt8 in 0..<5 { hold(number, a) }
    XCTAssertEqual(takeReady(), [])
    XCTAssertFalse(lanes.holdsReady)
    XCTAssertTrue(lanes.holdsMessages)
    lanes.resume("a")
    XCTAssertTrue(lanes.holdsReady)
    XCTAssertTrue(lanes.hasLane(for: a), "what comes now has to queue behind")
    hold(5, a)
    XCTAssertEqual(takeReady(), [0, 1, 2, 3, 4, 5])
    XCTAssertTrue(lanes.isEmpty)
    XCTAssertFalse(lanes.holdsReady)
    XCTAssertFalse(lanes.holdsMessages)
  }

  func testLaneThatIsPausedAgainKeepsTheRest() throws {
    let a = try makeRoutes("a")[0]
    lanes.pause("a")
    for number: UInt8 in 0..<4 { hold(number, a) }
    lanes.resume("a")
    XCTAssertEqual(lanes.nextReady()?.held.popFirst()?.content.array(), [0])
    lanes.pause("a")
    XCTAssertNil(lanes.nextReady()?.held.popFirst()?.content.array())
    hold(4, a)
    lanes.resume("a")
    XCTAssertEqual(takeReady(), [1, 2, 3, 4])
    XCTAssertTrue(lanes.isEmpty)
  }

  func testLanesDoNotWaitForEachOther() throws {
    let routes = try makeRoutes("a", "b", "c")
    for name in ["a", "b", "c"] { lanes.pause(name) }
    for number: UInt8 in 0..<9 { hold(number, routes[Int(number) % 3]) }
    lanes.resume("c")
    lanes.resume("a")
    XCTAssertEqual(takeReady(), [2, 5, 8, 0, 3, 6])
    XCTAssertTrue(lanes.hasLane(for: routes[1]))
    XCTAssertFalse(lanes.hasLane(for: routes[0]))
    lanes.resumeAll()
    XCTAssertEqual(takeReady(), [1, 4, 7])
    XCTAssertTrue(lanes.isEmpty)
  }

  func testPausesAndResumptionsMayBeRepeated() throws {
    let a = try makeRoutes("a")[0]
    lanes.resume("a")
    XCTAssertTrue(lanes.isEmpty, "nothing was paused")
    lanes.pause("a")
    lanes.pause("a")
    hold(0, a)
    lanes.resume("a")
    lanes.resume("a")
    XCTAssertEqual(takeReady(), [0])
    lanes.resume("a")
    XCTAssertTrue(lanes.isEmpty)
    XCTAssertFalse(lanes.holdsReady)
  }

  func testPausesAndResumptionsInTurnsTakeNoMemory() throws {
    let a = try makeRoutes("a")[0]
    lanes.pause("a")
    hold(0, a)
    for _ in 0..<1000 {
      lanes.resume("a")
      lanes.pause("a")
    }
    XCTAssertLessThanOrEqual(lanes.readyCount, 1)
    lanes.resume("a")
    XCTAssertEqual(lanes.readyCount, 1)
    XCTAssertEqual(takeReady(), [0])
    XCTAssertEqual(lanes.readyCount, 0)
  }

  func testMessageThatIsHeldWithoutAPauseMayLeave() throws {
    let a = try makeRoutes("a")[0]
    hold(1, a)
    XCTAssertTrue(lanes.holdsReady)
    XCTAssertEqual(takeReady(), [1])
  }

  func testAnyMessageCanBeTakenForTheEnd() throws {
    let routes = try makeRoutes("a", "b")
    lanes.pause("a")
    lanes.pause("b")
    lanes.resume("b")
    for number: UInt8 in 0..<6 { hold(number, routes[Int(number) % 2]) }
    var taken: [UInt8] = []
    while let message = lanes.popAny() { taken += message.content.array() }
    XCTAssertEqual(taken.filter { $0 % 2 == 0 }, [0, 2, 4])
    XCTAssertEqual(taken.filter { $0 % 2 == 1 }, [1, 3, 5])
    XCTAssertEqual(taken.count, 6)
    XCTAssertFalse(lanes.holdsMessages)
  }

  func testFilterKeepsTheOrderOfWhatStays() throws {
    let routes = try makeRoutes("a", "b")
    for name in ["a", "b"] { lanes.pause(name) }
    for number: UInt8 in 0..<12 { hold(number, routes[Int(number) % 2]) }
    lanes.filter(dropThirds)
    lanes.resume("a")
    XCTAssertEqual(takeReady(), [2, 4, 8, 10])
    lanes.filter(drop)
    XCTAssertFalse(lanes.holdsMessages)
    lanes.resumeAll()
    XCTAssertEqual(takeReady(), [])
    XCTAssertTrue(lanes.isEmpty)
  }

  func testLaneThatHasEndedIsNotTakenForTheNextOne() throws {
    let a = try makeRoutes("a")[0]
    lanes.pause("a")
    hold(0, a)
    lanes.resume("a")
    XCTAssertEqual(takeReady(), [0])
    XCTAssertFalse(lanes.hasLane(for: a), "the route may still know the lane, which is none any more")
    lanes.pause("a")
    hold(1, a)
    XCTAssertTrue(lanes.hasLane(for: a))
    XCTAssertEqual(takeReady(), [], "the endpoint is paused")
    lanes.resume("a")
    XCTAssertEqual(takeReady(), [1])
  }
}
