import Glibc
import MailroomQueue
import XCTest

final class SystemInfoTests: XCTestCase {
  func testCoreCountIsBetweenOneAndWhatTheMachineHas() {
    XCTAssertGreaterThanOrEqual(SystemInfo.coreCount, 1)
    XCTAssertLessThanOrEqual(SystemInfo.coreCount, max(1, sysconf(Int32(_SC_NPROCESSORS_CONF))))
  }
}
