import MailroomTransport
import XCTest

@testable import Mailroom

final class EventLoopSchedulerTests: EnvironmentTestCase {
  func testKeepsHandlersOnRequest() throws {
    let loop = try makeGroup().loops[0]
    XCTAssertNil(EventLoopScheduler(loop, name: "loop").handlerExecutor)
    let executor = EventLoopScheduler(loop, name: "loop", keepsHandlers: true).handlerExecutor
    XCTAssertTrue(executor as? EventLoop === loop)
  }
}
