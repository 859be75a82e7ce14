import XCTest

@testable import Mailroom

final class BinaryFormatTests: XCTestCase {
  func testEncoderWritesKnownBytesWhenValueIsScalar() throws {
    try assertEncoding(0, is: [0x00])
    try assertEncoding(127, is: [0x7F])
    try assertEncoding(128, is: [0xE3, 0x80, 0x01])
    try assertEncoding(UInt64.max, is: [0xE3] + [UInt8](repeating: 0xFF, count: 9) + [0x01])
    try assertEncoding(-1, is: [0xC0])
    try assertEncoding(-16, is: [0xCF])
    try assertEncoding(-17, is: [0xE4, 0x10])
    try assertEncoding(Int64.min, is: [0xE4] + [UInt8](repeating: 0xFF, count: 8) + [0x7F])
    try assertEncoding(Int?.none, is: [0xE0])
    try assertEncoding(Int??.some(.none), is: [0xEB, 0x01])
    try assertEncoding(false, is: [0xE1])
    try assertEncoding(true, is: [0xE2])
    try assertEncoding(Float(1), is: [0xE5, 0x00, 0x00, 0x80, 0x3F])
    try assertEncoding(1.0, is: [0xE6, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F])
    try assertEncoding("", is: [0x80])
    try assertEncoding("hé", is: [0x83, 0x68, 0xC3, 0xA9])
    try assertEncoding(String(repeating: "a", count: 31), is: [0x9F] + [UInt8](repeating: 0x61, count: 31))
    try assertEncoding(String(repeating: "a", count: 200), is: [0xE7, 0xC8, 1] + [UInt8](repeating: 0x61, count: 200))
    try assertEncoding([UInt8](), is: [0xE8, 0x00])
    try assertEncoding([1, 255] as [UInt8], is: [0xE8, 0x02, 0x01, 0xFF])
    try assertEncoding(Color.green, is: [0x85] + bytes("green"))
  }

  func testEncoderWritesKnownBytesWhenValueIsContainer() throws {
    try assertEncoding([Int](), is: [0xA0])
    try assertEncoding([String](), is: [0xA0])
    try assertEncoding([Bool](), is: [0xA0])
    try assertEncoding([1, -2], is: [0xA2, 0x01, 0xC1])
    try assertEncoding(Array(0..<16), is: [0xE9, 0x10] + (0..<16))
    try assertEncoding(Point(x: 1, y: 2), is: [0xB2, 2, 0x78, 1, 2, 0x79, 2])
    try assertEncoding(
      [Point(x: 1, y: 2), Point(x: 3, y: 4)], is: [0xA2, 0xB2, 2, 0x78, 1, 2, 0x79, 2, 0xB2, 1, 3, 3, 4])
    try assertEncoding([5: 6], is: [0xB1, 2, 0x35, 6])
    try assertEncoding(
      Shape.circle(radius: 0),
      is: [0xB1, 12] + bytes("circle") + [0xB1, 12] + bytes("radius") + [0xE6]
        + [UInt8](repeating: 0, count: 8))
    try assertEncoding(
      Dog(name: "Rex", tricks: ["sit"]),
      is: [0xB2, 12] + bytes("tricks") + [0xA1, 0x83] + bytes("sit")
        + [10] + bytes("super") + [0xB1, 8] + bytes("name") + [0x83] + bytes("Rex"))
  }

  func testEncoderSpellsKeyOnceWhenManyMapsHaveIt() throws {
    struct Long: Codable {
      var aRatherLongNameForAField = 1
      var anotherRatherLongNameForAField = 2
    }
    let one = try encode([Long()]).count
    let names = "aRatherLongNameForAField".utf8.count + "anotherRatherLongNameForAField".utf8.count
    XCTAssertEqual(one, 1 + 1 + 2 + names + 2)
    XCTAssertEqual(try encode([Long](repeating: Long(), count: 15)).count, one + 14 * 5)
  }

  func testEncoderNumbersKeysWhenThereAreMany() throws {
    let rows = (0..<200).map { row in (0..<20).map { ["key\(($0 * 7 + row) % 150)": $0] } }
    XCTAssertEqual(try decode([[[String: Int]]].self, encode(rows)), rows)
    // Ten keys of two bytes and ten of three: each spelled once with its length, and then a byte each time.
    let row = Dictionary(uniqueKeysWithValues: (0..<20).map { ("k\($0)", 1) })
    let single = (0..<20).map { ["k\($0)": 1] }
    XCTAssertEqual(
      try encode([[row], [row], single]).count, 1 + (1 + 2 + 10 * 4 + 10 * 5) + (1 + 2 + 20 * 2) + (2 + 20 * 3))
  }

  func testEncoderSpellsKeyEachTimeWhenItIsLong() throws {
    let short = [String(repeating: "k", count: 64): 1]
    let long = [String(repeating: "k", count: 65): 1]
    XCTAssertEqual(try encode([short, short, short]).count, 1 + (1 + 2 + 64 + 1) + 2 * 3)
    XCTAssertEqual(try encode([long, long, long]).count, 1 + 3 * (1 + 2 + 65 + 1))
    try assertRoundTrip([long, short, long, short])
  }

  func testDecoderTakesLongFormWhenShortOneExists() throws {
    XCTAssertEqual(try decode(Int.self, [0xE3, 0x05]), 5)
    XCTAssertEqual(try decode(Int.self, [0xE3, 0x85, 0x80, 0x00]), 5)
    XCTAssertEqual(try decode(Int.self, [0xE4, 0x00]), -1)
    XCTAssertEqual(try decode(String.self, [0xE7, 0x01, 0x61]), "a")
    XCTAssertEqual(try decode([Int].self, [0xE9, 0x01, 0x07]), [7])
    XCTAssertEqual(
      try decode([[String: Int]].self, [0xA2, 0xEA, 1, 2, 0x61, 7, 0xEA, 1, 2, 0x61, 8]), [["a": 7], ["a": 8]])
  }

  func testDecoderConvertsNumbersWhenTheyFit() throws {
    XCTAssertEqual(try decode(UInt8.self, encode(Int64(255))), 255)
    XCTAssertEqual(try decode(Int8.self, encode(Int64(-128))), -128)
    XCTAssertEqual(try decode(Double.self, encode(Float(0.1))), Double(Float(0.1)))
    XCTAssertEqual(try decode(Float.self, encode(0.25)), 0.25)
    XCTAssertEqual(try decode(Float.self, encode(Double.infinity)), .infinity)
    XCTAssertTrue(try decode(Float.self, encode(Double.nan)).isNaN)
  }

  func testDecoderFailsWhenNumberDoesNotFit() throws {
    assertUndecodable([String: UInt8].self, try encode(["n": 256]), "at 'n'", "256", "UInt8")
    assertUndecodable(UInt.self, try encode(-1), "top level")
    assertUndecodable(Int8.self, try encode(128))
    assertUndecodable(Int8.self, try encode(-129))
    assertUndecodable(Int.self, try encode(UInt64(Int64.max) + 1))
    assertUndecodable(Float.self, try encode(0.1))
    assertUndecodable(Float.self, try encode(Double.greatestFiniteMagnitude))
    assertUndecodable(Int.self, try encode(1.0))
    assertUndecodable(Double.self, try encode(1))
  }

  func testBytesAndIntegersConvertWhenTypesDiffer() throws {
    XCTAssertEqual(try decode([Int].self, encode([1, 255] as [UInt8])), [1, 255])
    XCTAssertEqual(try decode([UInt8].self, encode([1, 255])), [1, 255])
    XCTAssertEqual(try decode(Set<UInt8>.self, encode([1, 255] as [UInt8])), [1, 255])
    assertUndecodable([UInt8].self, try encode([1, 256]), "at '[1]'")
    assertUndecodable([Int8].self, try encode([1, 255] as [UInt8]), "at '[1]'")
    assertUndecodable(String.self, try encode([1, 255] as [UInt8]))
  }

  func testWideIntegersAreRejectedWhenCoded() throws {
    guard #available(macOS 15, *) else { return }
    assertUnencodable(Int128(1), "top level", "Int128")
    assertUnencodable(["k": [UInt128(1)]], "at 'k[0]'", "Int128")
    assertUndecodable(Int128.self, [1], "Int128")
    assertUndecodable([UInt128].self, [0xA1, 1], "at '[0]'")
  }
}
