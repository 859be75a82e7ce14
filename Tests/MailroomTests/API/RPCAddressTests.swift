import TestSupport
import XCTest

@testable import Mailroom

/// Rows AD3 to AD12 of the acceptance table, then what addresses refuse.
final class RPCAddressTests: XCTestCase {
  // MARK: Acceptance rows

  func testAD3HostPort() throws {
    let address = try RPCAddress(host: "1.2.3.4", port: 1234)
    XCTAssertEqual(address.hostPort, "1.2.3.4:1234")
  }

  func testAD4FromSparkURL() throws {
    let address = try RPCAddress(url: "spark://1.2.3.4:1234")
    XCTAssertEqual(address.host, "1.2.3.4")
    XCTAssertEqual(address.port, 1234)
  }

  func testAD5FromSparkURLWithTypo() {
    assertRefused("spark://1.2. 3.4:1234")
  }

  func testAD6FromSparkURLWithInvalidScheme() {
    assertRefused("invalid://1.2.3.4:1234")
  }

  func testAD7ToSparkURL() throws {
    XCTAssertEqual(try RPCAddress(host: "1.2.3.4", port: 1234).sparkURL, "spark://1.2.3.4:1234")
  }

  func testAD8IPv6HostPort() throws {
    XCTAssertEqual(try RPCAddress(host: "::1", port: 1234).hostPort, "[::1]:1234")
  }

  func testAD9IPv6FromSparkURL() throws {
    let address = try RPCAddress(url: "spark://[::1]:1234")
    XCTAssertEqual(address.host, "[::1]")
    XCTAssertEqual(address.port, 1234)
  }

  func testAD10IPv6ToSparkURL() throws {
    XCTAssertEqual(try RPCAddress(host: "::1", port: 1234).sparkURL, "spark://[::1]:1234")
  }

  func testAD11IPv6SparseMappingWithInnerZeros() throws {
    let address = try RPCAddress(host: "::0:1", port: 1234)
    XCTAssertEqual(address.sparkURL, "spark://[::1]:1234")
    XCTAssertEqual(address.host, "[::1]")
  }

  func testAD12IPv6SparseMappingWithTrailingZeros() throws {
    let address = try RPCAddress(host: "2600::", port: 1234)
    XCTAssertEqual(address.sparkURL, "spark://[2600::]:1234")
    XCTAssertEqual(address.host, "[2600::]")
  }

  // MARK: Text

  func testURLIsReadBackInBothSchemes() throws {
    for host in ["localhost", "1.2.3.4", "::1", "my_host-1.example.com", "::ffff:1.2.3.4"] {
      let address = try RPCAddress(host: host, port: 7077)
      XCTAssertEqual(try RPCAddress(url: address.url), address)
      XCTAssertEqual(try RPCAddress(url: address.sparkURL), address)
      XCTAssertEqual(address.url, "rpc://\(address.hostPort)")
      XCTAssertEqual(address.description, address.hostPort)
    }
  }

  func testHostNamesAreKeptAsWritten() throws {
    XCTAssertEqual(try RPCAddress(host: "LocalHost", port: 1).host, "LocalHost")
    XCTAssertNotEqual(try RPCAddress(host: "localhost", port: 1), try RPCAddress(host: "127.0.0.1", port: 1))
  }

  func testDialHostHasNoBrackets() throws {
    XCTAssertEqual(try RPCAddress(host: "[2001:DB8::1]", port: 1).dialHost, "2001:db8::1")
    XCTAssertEqual(try RPCAddress(host: "example.com", port: 1).dialHost, "example.com")
  }

  func testPortsAtTheirBounds() throws {
    for port in [0, 1, 65535] {
      XCTAssertEqual(try RPCAddress(host: "h", port: port).port, port)
      XCTAssertEqual(try RPCAddress(url: "rpc://h:\(port)").port, port)
    }
    for port in [-1, 65536, Int.min, Int.max] { assertRefused(host: "h", port: port) }
    XCTAssertEqual(try RPCAddress(url: "rpc://h:0080").port, 80)
  }

  func testSpellingsOfOneIPv6AddressAreOneAddress() throws {
    let spellings = [
      "2001:db8::1", "[2001:db8::1]", "2001:DB8:0:0:0:0:0:1", "2001:0db8::0001", "2001:db8:0::0:1",
      "2001:db8::0.0.0.1",
    ]
    let addresses = try Set(spellings.map { try RPCAddress(host: $0, port: 1) })
    XCTAssertEqual(addresses.map(\.host), ["[2001:db8::1]"])
  }

  // MARK: IPv6 spelling

  func testIPv6IsSpelledAsRFC5952Says() {
    let canonical = [
      "::": "::",
      "0:0:0:0:0:0:0:0": "::",
      "::1": "::1",
      "1::": "1::",
      "2001:DB8:0:0:8:800:200C:417A": "2001:db8::8:800:200c:417a",
      // The longest run is compressed,
      "2001:0:0:1:0:0:0:1": "2001:0:0:1::1",
      "0:0:1:0:0:0:1:0": "0:0:1::1:0",
      // the first of equally long ones,
      "2001:db8:0:0:1:0:0:1": "2001:db8::1:0:0:1",
      // and one group is no run.
      "2001:db8:0:1:1:1:1:1": "2001:db8:0:1:1:1:1:1",
      "2001:db8::1:1:1:1:1": "2001:db8:0:1:1:1:1:1",
      "1:2:3:4:5:6:7::": "1:2:3:4:5:6:7:0",
      "::2:3:4:5:6:7:8": "0:2:3:4:5:6:7:8",
      "ff02::0:2": "ff02::2",
      "1:2:3:4:5:6:1.2.3.4": "1:2:3:4:5:6:102:304",
      // Dotted only where the prefix alone says that an IPv4 address follows.
      "::FFFF:1.2.3.4": "::ffff:1.2.3.4",
      "::ffff:0102:0304": "::ffff:1.2.3.4",
      "::ffff:0:0": "::ffff:0.0.0.0",
      "0:0:0:0:0:ffff:255.255.255.255": "::ffff:255.255.255.255",
      "::1.2.3.4": "::102:304",
      "64:ff9b::1.2.3.4": "64:ff9b::102:304",
      "::ffff:0:1.2.3.4": "::ffff:0:102:304",
    ]
    for (text, expected) in canonical {
      let literal = IPv6Literal(text[...].utf8)
      XCTAssertEqual(literal?.description, expected, text)
      XCTAssertEqual(IPv6Literal(expected[...].utf8), literal, text)
    }
  }

  func testEveryPatternOfZeroGroupsIsReadBack() {
    for pattern in 0..<256 {
      let groups = (0..<8).map { pattern >> $0 & 1 == 0 ? "0" : "a\($0)" }
      let full = groups.joined(separator: ":")
      guard let literal = IPv6Literal(full[...].utf8) else {
        XCTFail("refused: \(full)")
        continue
      }
      XCTAssertEqual(IPv6Literal(literal.description[...].utf8), literal, full)
      XCTAssertLessThanOrEqual(literal.description.utf8.count, full.utf8.count)
    }
  }

  func testMalformedIPv6IsRefused() {
    let malformed = [
      ":", ":::", "1:", ":1", "1:2", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8",
      "1::2:3:4:5:6:7:8", "1::2::3", "::1::", "1:::2", ":1::2", "1::2:", "12345::", "::g", "::+1", "::-1", "::-0",
      "0x1::",
      "::1.2.3", "::1.2.3.4.5", "::1.2.3.256", "::01.2.3.4", "::1..3.4", "::1.2.3.", "::.2.3.4", "::1.2.3.4:5",
      "1.2.3.4::",
      "::+1.2.3.4", "::1.2.3.0004", "1:2:3:4:5:6:7:1.2.3.4", "fe80::1%eth0", "fe80::1%25eth0", "::1 ", " ::1",
      "::1\u{0}",
      "::\u{661}", "[::1", "::1]", "[]", "[", "]", "[1.2.3.4]", "[localhost]", "[[::1]]", "[::1]]", "[::1]:80",
      "::1/64",
      ":\u{301}:1", String(repeating: ":", count: 100), String(repeating: "0", count: 100) + "::",
    ]
    for text in malformed {
      XCTAssertNil(IPv6Literal(text[...].utf8), text)
      assertRefused(host: text, port: 1)
    }
  }

  // MARK: Refusals

  func testMalformedHostsAreRefused() {
    let malformed = [
      "", " ", "a b", " a", "a ", "a\tb", "a\n", "a\u{0}b", "a\u{7F}", "a/b", "a@b", "a?b", "a#b", "a%20b", "a\\b",
      "a,b",
      "a\"b", "<a>", "a{b}", "a|b", "a^b", "a`b", "a;b", "a=b", "a&b", "a+b", "a*b", "(a)", "a!b", "a$b", "a'b", "a~b",
      "b\u{FC}cher.example", "e\u{301}", "\u{4F8B}", "\u{1F4EC}", "a\u{202E}b", "h:80",
      String(repeating: "a", count: 256), String(repeating: "a", count: 1_000_000),
    ]
    for host in malformed { assertRefused(host: host, port: 1) }
    XCTAssertNoThrow(try RPCAddress(host: String(repeating: "a", count: 255), port: 1))
  }

  func testMalformedURLsAreRefused() {
    let authorities = [
      "", ":", "h", "h:", ":1", "h:65536", "h:-1", "h:+1", "h:12a", "h:a", "h: 1", "h:1 ", "h:1\n", "h:0x10", "h:1.0",
      "h:\u{661}", "h:99999999999999999999999999", "h:1:2", "::1:80", "[::1]", "[::1]:", "[::1]80", "[::1:80",
      "::1]:80",
      "[::1]x:80", "[]:80", "[fe80::1%25eth0]:80", "[::1]:80:80", "h:1/", "h:1/path", "h/path:1", "h:1?", "h:1?q=1",
      "h:1#", "h:1#f", "@h:1", "user@h:1", "user:password@h:1", "a@b@h:1", "h@:1", "h:1@", "h%41:1", "%:1", "a,b:1",
      "h:1,h:2", "h\u{301}:1", "h:\u{301}1", "\u{301}h:1", "h:1\u{301}", "h:1\u{200D}",
    ]
    for authority in authorities {
      for scheme in ["rpc://", "spark://"] { assertRefused(scheme + authority) }
    }
    let long = String(repeating: "9", count: 1_000_000)
    for text in ["rpc://h:" + long, "rpc://" + long + ":1", long] { assertRefused(text, excerptOnly: true) }
  }

  func testOtherSchemesAreRefused() {
    let texts = [
      "", "h:1", "//h:1", "://h:1", "rpc", "rpc:", "rpc:/", "rpc://", "rpc:h:1", "rpc:/h:1", "rpc:///h:1", " rpc://h:1",
      "RPC://h:1", "Spark://h:1", "rpcs://h:1", "http://h:1", "spark-client://h:1", "rpc-client://h:1",
      "rpc:/\u{301}/h:1",
      "rpc://\u{301}h:1", "\u{FEFF}rpc://h:1",
    ]
    for text in texts { assertRefused(text) }
  }

  func testMessageQuotesPrintableTextOnly() {
    XCTAssertThrowsError(try RPCAddress(url: "rpc://h\n2026 all is well\u{202E}:1")) { error in
      XCTAssertEqual(
        (error as? RPCError)?.message,
        #"Invalid master URL: rpc://h\n2026 all is well\u{202E}:1 "#
          + #"(a host has letters, digits, "-", "." and "_" only)"#)
    }
  }

  func testMutatedURLsAreRefusedOrReadBack() {
    var random = SeededRandom(seed: 1)
    let seeds = ["rpc://[2001:db8::1.2.3.4]:7077", "spark://my-host.example_1:65535", "rpc://[::ffff:0:0]:0"]
    let alphabet = Array("0123456789afg:.[]@%/ -+\u{301}\u{1F4EC}".unicodeScalars)
    for round in 0..<20_000 {
      var scalars = Array(seeds[round % seeds.count].unicodeScalars)
      for _ in 0...(round % 4) {
        let index = Int.random(in: scalars.indices, using: &random)
        let scalar = alphabet[Int.random(in: alphabet.indices, using: &random)]
        switch Int.random(in: 0..<3, using: &random) {
        case 0: scalars[index] = scalar
        case 1: scalars.insert(scalar, at: index)
        default: scalars.remove(at: index)
        }
      }
      var text = ""
      text.unicodeScalars.append(contentsOf: scalars)
      guard let address = try? RPCAddress(url: text) else { continue }
      XCTAssertEqual(try RPCAddress(url: address.url), address, text)
      XCTAssertEqual(try RPCAddress(host: address.dialHost, port: address.port), address, text)
    }
  }

  // MARK: Helpers

  private func assertRefused(_ url: String, excerptOnly: Bool = false, line: UInt = #line) {
    XCTAssertThrowsError(try RPCAddress(url: url), String(url.prefix(80)), line: line) { error in
      let error = error as? RPCError
      XCTAssertEqual(error?.code, .invalidAddress, line: line)
      XCTAssertEqual(error?.execution, .notExecuted, line: line)
      let quoted = excerptOnly ? String(url.prefix(256)) + "..." : AddressFlaw.excerpt(of: url)
      XCTAssertEqual(error?.message.hasPrefix("Invalid master URL: \(quoted) ("), true, line: line)
    }
  }

  private func assertRefused(host: String, port: Int, line: UInt = #line) {
    XCTAssertThrowsError(try RPCAddress(host: host, port: port), String(host.prefix(80)), line: line) { error in
      let error = error as? RPCError
      XCTAssertEqual(error?.code, .invalidAddress, line: line)
      XCTAssertEqual(error?.execution, .notExecuted, line: line)
      XCTAssertLessThan(error?.message.utf8.count ?? .max, 4096, line: line)
    }
  }
}
