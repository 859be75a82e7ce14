import XCTest

@testable import Mailroom

/// Rows AD1 and AD2 of the acceptance table, then what endpoint addresses refuse.
final class RPCEndpointAddressTests: XCTestCase {
  // MARK: Acceptance rows

  func testAD1ToString() throws {
    let address = try RPCEndpointAddress(name: "test", host: "localhost", port: 12345)
    XCTAssertEqual(address.sparkURI, "spark://test@localhost:12345")
    XCTAssertEqual(address.description, "rpc://test@localhost:12345")
  }

  func testAD2ToStringForClientMode() throws {
    let address = try RPCEndpointAddress(name: "test", rpcAddress: nil)
    XCTAssertEqual(address.sparkURI, "spark-client://test")
    XCTAssertEqual(address.description, "rpc-client://test")
  }

  // MARK: Text

  func testTextIsReadBackInBothSchemes() throws {
    for name in ["echo", "endpoint-verifier", "a:b", "-._~!$&'()*+,;=:", String(repeating: "n", count: 65535)] {
      for host in ["localhost", "1.2.3.4", "::1"] {
        let address = try RPCEndpointAddress(name: name, host: host, port: 7077)
        XCTAssertEqual(try RPCEndpointAddress(address.description), address)
        XCTAssertEqual(try RPCEndpointAddress(address.sparkURI), address)
      }
    }
  }

  func testParts() throws {
    let address = try RPCEndpointAddress("spark://echo@[::0:1]:7077")
    XCTAssertEqual(address.name, "echo")
    XCTAssertEqual(address.rpcAddress, try RPCAddress(host: "::1", port: 7077))
    XCTAssertEqual(address.description, "rpc://echo@[::1]:7077")
  }

  func testIdentityIsNameAndAddress() throws {
    let here = try RPCEndpointAddress("rpc://a@h:1")
    XCTAssertEqual(here, try RPCEndpointAddress("spark://a@h:1"))
    XCTAssertNotEqual(here, try RPCEndpointAddress("rpc://b@h:1"))
    XCTAssertNotEqual(here, try RPCEndpointAddress("rpc://A@h:1"))
    XCTAssertNotEqual(here, try RPCEndpointAddress("rpc://a@h:2"))
    XCTAssertNotEqual(here, try RPCEndpointAddress(name: "a", rpcAddress: nil))
  }

  // MARK: Refusals

  func testMalformedNamesAreRefused() {
    let malformed = [
      "", " ", "a b", "a\tb", "a\n", "a\u{0}", "a\u{7F}", "a@b", "a/b", "a?b", "a#b", "a%20b", "a[b", "a]b", "a\\b",
      "a\"b",
      "<a>", "{a}", "a|b", "a^b", "a`b", "\u{E9}", "e\u{301}", "\u{1F4EC}", "a\u{202E}", "\u{FEFF}a",
      String(repeating: "n", count: 65536),
    ]
    for name in malformed {
      XCTAssertThrowsError(try RPCEndpointAddress(name: name, rpcAddress: nil), String(name.prefix(80))) { error in
        let error = error as? RPCError
        XCTAssertEqual(error?.code, .invalidAddress)
        XCTAssertEqual(error?.execution, .notExecuted)
      }
      guard name.utf8.count < 100 else { continue }
      assertRefused("rpc://\(name)@h:1")
    }
  }

  func testEveryASCIICharacterIsANameOrIsEscapedInURLs() {
    let allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:"
    for byte in UInt8(0)..<128 {
      let name = String(Character(Unicode.Scalar(byte)))
      XCTAssertEqual((try? RPCEndpointAddress("rpc://\(name)@h:1")) != nil, allowed.contains(name), name)
    }
  }

  func testMalformedURIsAreRefused() {
    let rests = [
      "", "@", "h:1", "a@", "@h:1", "a@h", "a@h:", "a@:1", "a@h:65536", "a@h:-1", "a@h:+1", "a@h:12a", "a@h: 1",
      "a@h:1 ", "a@h:99999999999999999999999999", "a@h:1:2", "a@b@h:1", "a@@h:1", "a@h:1@", "a@::1:80", "a@[::1]",
      "a@[::1:80", "a@::1]:80", "a@[::1]80", "a@[]:80", "a@[fe80::1%25eth0]:80", "a@h:1/", "a@h:1/path", "a@h:1?q",
      "a@h:1#f", "a/b@h:1", "a%20b@h:1", "%61@h:1", "a@%68:1", "\u{E9}@h:1", "a\u{301}@h:1", "a@\u{301}h:1",
      "a@h\u{301}:1",
      "a@h:1\u{301}", "a@h:\u{661}", "a\u{0}@h:1", "a @h:1", "a@h h:1",
    ]
    for rest in rests {
      for scheme in ["rpc://", "spark://"] { assertRefused(scheme + rest) }
    }
    for text in ["", "a@h:1", "rpc:a@h:1", "rpc:/a@h:1", "http://a@h:1", "RPC://a@h:1", " rpc://a@h:1", "rpc"] {
      assertRefused(text)
    }
  }

  func testLongURIsAreRefusedWithAShortMessage() {
    let long = String(repeating: "9", count: 1_000_000)
    for text in ["rpc://\(long)@h:1", "rpc://a@\(long):1", "rpc://a@h:\(long)", "rpc://\(long)", long] {
      XCTAssertThrowsError(try RPCEndpointAddress(text)) { error in
        let error = error as? RPCError
        XCTAssertEqual(error?.code, .invalidAddress)
        XCTAssertLessThan(error?.message.utf8.count ?? .max, 512)
      }
    }
  }

  func testClientModeURIsAreRefusedWithTheReason() throws {
    let inClientMode = try RPCEndpointAddress(name: "test", rpcAddress: nil)
    for text in [inClientMode.description, inClientMode.sparkURI, "spark-client://test@localhost:1"] {
      assertRefused(text, because: "a client-mode endpoint has no address to connect to")
    }
  }

  func testReasonsNameTheFault() {
    assertRefused("rpc://h:1", because: "there is no endpoint name before an @")
    assertRefused("rpc://@h:1", because: "the endpoint name is empty")
    assertRefused("rpc://a@h", because: "there is no port")
    assertRefused("rpc://a@h:", because: "the port is empty")
    assertRefused("rpc://a@h:65536", because: "a port is 0 to 65535")
    assertRefused("rpc://a@:1", because: "the host is empty")
    assertRefused("rpc://a@::1:80", because: "an IPv6 host has to be in brackets")
    assertRefused("rpc://a@[::1:80", because: "the host's brackets do not enclose it")
    assertRefused("rpc://a@[::g]:80", because: "the host is not an IPv6 address")
    assertRefused("rpc://a@[fe80::1%25eth0]:80", because: "an IPv6 zone has a meaning on one machine only")
    assertRefused("rpc://a@h:1/", because: "nothing may follow the port")
    assertRefused("rpc://a@b@h:1", because: "there is an @ where the host should be")
    assertRefused("http://a@h:1", because: "the scheme is neither rpc:// nor spark://")
  }

  // MARK: Helpers

  private func assertRefused(_ uri: String, because reason: String = "", line: UInt = #line) {
    XCTAssertThrowsError(try RPCEndpointAddress(uri), uri, line: line) { error in
      let error = error as? RPCError
      XCTAssertEqual(error?.code, .invalidAddress, line: line)
      XCTAssertEqual(error?.execution, .notExecuted, line: line)
      let start = "Invalid Spark URL: \(AddressFlaw.excerpt(of: uri)) (\(reason)"
      XCTAssertEqual(error?.message.hasPrefix(start), true, error?.message ?? "", line: line)
    }
  }
}
