import TestSupport
import XCTest

@testable import Mailroom

/// One table of handlers for each type of endpoint.
final class HandlerTablesTests: XCTestCase {
  private final class Counted: RPCEndpoint {
    static let calls = Box<[Int]>([])

    static func handlers(_ on: inout RPCHandlers<Counted>) {
      calls.append(1)
      on.receiveBytes { _, _ in }
    }
  }

  private final class Other: RPCEndpoint {
    static func handlers(_ on: inout RPCHandlers<Other>) {
      on.askBytes { _, bytes, context in try context.reply(bytes) }
    }
  }

  func testTypeIsAskedOnce() throws {
    let tables = HandlerTables()
    for _ in 0..<3 {
      XCTAssertNotNil(try tables.table(of: Counted.self).onBytes)
      XCTAssertNil(try tables.table(of: Counted.self).onBytesRequest)
      XCTAssertNil(try tables.table(of: Other.self).onBytes)
      XCTAssertNotNil(try tables.table(of: Other.self).onBytesRequest)
    }
    XCTAssertEqual(Counted.calls.value, [1])
  }
}
