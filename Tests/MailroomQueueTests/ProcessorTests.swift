import MailroomQueue
import XCTest

final class ProcessorTests: XCTestCase {
  func testWaitsUnlessItIsTimeToSleep() {
    XCTAssertTrue(Processor.waits(.look))
    XCTAssertTrue(Processor.waits(.yield))
    XCTAssertFalse(Processor.waits(.sleep))
  }
}
