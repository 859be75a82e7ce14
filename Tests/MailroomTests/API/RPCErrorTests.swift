import MailroomTransport
import XCTest

@testable import Mailroom

final class RPCErrorTests: XCTestCase {
  private struct Boom: Error, CustomStringConvertible {
    let description = "Boom"
  }

  func testDescriptionNamesACauseThatSaysMore() {
    XCTAssertEqual("\(RPCError(.unencodable, "no", cause: Boom()))", "unencodable: no [caused by Boom]")
  }

  func testDescriptionDoesNotSayTheSameTwice() {
    let transport = RPCError(TransportError(.connectFailed, "nobody listens there", isNotSent: true))
    XCTAssertEqual("\(transport)", "connectFailed: nobody listens there")
    XCTAssertNotNil(transport.cause)
    XCTAssertEqual("\(RPCError(.full, "full up", cause: NoRoom()))", "full: full up")
  }
}
