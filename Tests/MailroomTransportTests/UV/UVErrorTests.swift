import Glibc
import XCTest

@testable import MailroomTransport

final class UVErrorTests: XCTestCase {
  func testSaysWhatFailedAndWhy() {
    let error = UVError("connect", code: -ECONNREFUSED)
    XCTAssertEqual(error.name, "ECONNREFUSED")
    XCTAssertEqual(error.description, "connect: connection refused (ECONNREFUSED)")
    XCTAssertTrue(UVError("bind", code: -EADDRINUSE).isAddressInUse)
    XCTAssertFalse(error.isAddressInUse)
    XCTAssertTrue(UVError("read", code: -ECANCELED).isCancelled)
    XCTAssertFalse(error.isCancelled)
  }

  func testOnlyNegativeResultsAreErrors() throws {
    for result: Int32 in [0, 1, .max] { XCTAssertNoThrow(try UVError.check(result, "read")) }
    XCTAssertThrowsError(try UVError.check(-EBADF, "read")) {
      XCTAssertEqual($0 as? UVError, UVError("read", code: -EBADF))
    }
  }

  func testVersionIsThatOfTheLibrary() {
    XCTAssertEqual(UVVersion.runtime.split(separator: ".").count, 3, UVVersion.runtime)
  }
}
