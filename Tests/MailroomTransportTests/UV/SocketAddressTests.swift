import Glibc
import XCTest

@testable import MailroomTransport

final class SocketAddressTests: XCTestCase {
  func testNumericHostsAreParsedAndPrinted() throws {
    for (host, printed) in [
      ("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"), ("::", "::"),
      ("::1", "::1"), ("FD00:0:0::12", "fd00::12"), ("::ffff:10.0.0.1", "::ffff:10.0.0.1"),
    ] {
      for port in [0, 1, 80, 65_535] {
        let address = try XCTUnwrap(SocketAddress(numericHost: host, port: port), host)
        XCTAssertEqual(address.host, printed)
        XCTAssertEqual(address.port, port)
      }
    }
  }

  func testOtherHostsAreNotNumeric() {
    for host in ["", "localhost", "1.2.3", "1.2.3.4.5", "256.0.0.1", "[::1]", ":::", "12345::", "127.0.0.1 "] {
      XCTAssertNil(SocketAddress(numericHost: host, port: 1), host)
    }
  }

  func testPortsThatDoNotExistAreRefused() {
    for port in [-1, 65_536, 1 << 32, .max, .min] {
      XCTAssertNil(SocketAddress(numericHost: "127.0.0.1", port: port), "\(port)")
      XCTAssertNil(SocketAddress(numericHost: "::1", port: port), "\(port)")
    }
  }
}
