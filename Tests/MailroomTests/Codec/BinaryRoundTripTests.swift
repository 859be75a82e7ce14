import XCTest

@testable import Mailroom

final class BinaryRoundTripTests: XCTestCase {
  func testCoderKeepsIntegersWhenTheyAreExtreme() throws {
    for value in [Int.min, -70000, -129, -128, -17, -16, -1, 0, 1, 127, 128, 16383, 16384, .max] {
      try assertRoundTrip(value)
    }
    try assertRoundTrip([Int8.min, .max])
    try assertRoundTrip([Int16.min, .max])
    try assertRoundTrip([Int32.min, .max])
    try assertRoundTrip([Int64.min, .max])
    try assertRoundTrip([UInt8.min, .max])
    try assertRoundTrip([UInt16.min, .max])
    try assertRoundTrip([UInt32.min, .max])
    try assertRoundTrip([UInt64.min, .max])
    try assertRoundTrip([UInt.min, .max])
  }

  func testCoderKeepsFloatingPointNumbersWhenTheyAreExtreme() throws {
    for value in [0, -0.0, 0.1, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, .greatestFiniteMagnitude] {
      XCTAssertEqual(try decode(Double.self, encode(value)).bitPattern, value.bitPattern)
      let single = Float(value)
      XCTAssertEqual(try decode(Float.self, encode(single)).bitPattern, single.bitPattern)
    }
  }

  func testCoderKeepsStringsWhenTheyHaveAnyLength() throws {
    for count in [0, 1, 15, 16, 31, 32, 127, 128, 20000] {
      try assertRoundTrip(String(repeating: "x", count: count))
      try assertRoundTrip(String(repeating: "é🏠", count: count))
    }
    XCTAssertEqual(Array(try decode(String.self, encode("e\u{301}\0é")).utf8), bytes("e\u{301}\0é"))
  }

  func testCoderKeepsArraysWhenTheyHaveAnyCount() throws {
    for count in [0, 1, 15, 16, 127, 128, 3000] {
      try assertRoundTrip(Array(0..<count))
      try assertRoundTrip((0..<count).map { Point(x: $0, y: -$0) })
      try assertRoundTrip((0..<count).map { "\($0)" })
      try assertRoundTrip((0..<count).map { Double($0) / 3 })
      try assertRoundTrip((0..<count).map { Float($0) / 3 })
      try assertRoundTrip((0..<count).map { $0 % 3 == 0 })
      try assertRoundTrip((0..<count).map { $0 % 3 == 0 ? nil : $0 })
      try assertRoundTrip((0..<count).map { UInt8(truncatingIfNeeded: $0) })
      try assertRoundTrip(Set(0..<count))
      try assertRoundTrip([[Int]](repeating: [1], count: count))
    }
  }

  func testCoderKeepsDictionariesWhenTheyHaveAnyCount() throws {
    for count in [0, 1, 8, 9, 10, 15, 16, 17, 1000] {
      let pairs = (0..<count).map { ($0 * 7 - 50, "\($0)") }
      try assertRoundTrip(Dictionary(uniqueKeysWithValues: pairs))
      try assertRoundTrip(Dictionary(uniqueKeysWithValues: pairs.map { ($1, $0) }))
      try assertRoundTrip(Dictionary(uniqueKeysWithValues: pairs.map { (Point(x: $0, y: 0), [$1]) }))
      try assertRoundTrip(Dictionary(uniqueKeysWithValues: pairs.map { ($1, $0 > 0 ? nil : $0) }))
    }
  }

  func testCoderKeepsMessageWhenItHasEverything() throws {
    try assertRoundTrip(Order.sample)
    try assertRoundTrip([Order.sample, .sample])
  }

  func testCoderKeepsBothClassesWhenSubclassUsesSuperEncoder() throws {
    let bytes = try encode([Dog(name: "Rex", tricks: ["sit", "roll"]), Dog(name: "Bob", tricks: [])])
    let dogs = try decode([Dog].self, bytes)
    XCTAssertEqual(dogs.map(\.name), ["Rex", "Bob"])
    XCTAssertEqual(dogs.map(\.tricks), [["sit", "roll"], []])
  }

  func testCoderKeepsBothClassesWhenSubclassSharesItsEncoder() throws {
    class Base: Codable {
      var a = 1
    }
    final class Sub: Base {
      var b = 2
      override init() { super.init() }
      init(from decoder: any Decoder, _: Void = ()) throws {
        b = try decoder.container(keyedBy: Key.self).decode(Int.self, forKey: .b)
        try super.init(from: decoder)
      }
      required convenience init(from decoder: any Decoder) throws { try self.init(from: decoder, ()) }
      override func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(b, forKey: .b)
        try super.encode(to: encoder)
      }
    }
    let sub = Sub()
    (sub.a, sub.b) = (10, 20)
    let bytes = try encode(sub)
    XCTAssertEqual(try decode([String: Int].self, bytes), ["a": 10, "b": 20])
    let copy = try decode(Sub.self, bytes)
    XCTAssertEqual(copy.a, 10)
    XCTAssertEqual(copy.b, 20)
  }

  func testCoderKeepsOptionalsApartWhenTheyAreNested() throws {
    struct Fields: Codable, Equatable {
      var one: Int?
      var two: Int??
      var three: Point???
    }
    for two in [Int??.none, .some(.none), 5] {
      try assertRoundTrip(two)
      try assertRoundTrip([two])
      try assertRoundTrip(["key": two])
      for three in [Point???.none, .some(.none), .some(.some(.none)), Point(x: 1, y: 2)] {
        try assertRoundTrip(three)
        try assertRoundTrip([three])
        try assertRoundTrip(Fields(one: nil, two: two, three: three))
        try assertRoundTrip([Fields(one: 1, two: two, three: three)])
      }
    }
  }

  func testCoderKeepsNullWhenOtherTypeThanOptionalEncodesIt() throws {
    struct Box: Codable, Equatable {
      var value: Int?
      init(value: Int?) { self.value = value }
      init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        value = container.decodeNil() ? nil : try container.decode(Int.self)
      }
      func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
      }
    }
    try assertRoundTrip(Box(value: nil))
    try assertRoundTrip([Box(value: nil), Box(value: 1)])
    XCTAssertEqual(try decode([Box].self, encode([Box?.some(Box(value: nil))])), [Box(value: nil)])
  }

  func testCoderKeepsEachKeyWhenKeysAreCanonicallyEquivalent() throws {
    for (left, right) in [("\u{E9}", "e\u{301}"), ("a\u{301}\u{316}", "a\u{316}\u{301}")] {
      XCTAssertEqual(left, right)
      let keys = try decode([[String: Int]].self, encode([[left: 1], [right: 2]])).flatMap(\.keys)
      XCTAssertEqual(keys.map { Array($0.utf8) }, [bytes(left), bytes(right)])
    }
  }

  /// One property of each type for which containers have functions of their own.
  private struct Scalars: Codable, Equatable {
    var a = Int.min, b = Int8.min, c = Int16.max, d = Int32.min, e = Int64.max
    var f = UInt.max, g = UInt8.max, h = UInt16.max, i = UInt32.max, j = UInt64.max
    var k = true, l = -0.5, m = Float.leastNonzeroMagnitude, n = "ünder 🏠"
  }

  func testCoderKeepsPropertiesWhenTheyAreScalars() throws {
    let scalars = Scalars()
    try assertRoundTrip(scalars)
    // The same values, through the functions for any type.
    let each: [[UInt8]] = try [
      encode(["a": scalars.a]), encode(["d": scalars.d]), encode(["j": scalars.j]), encode(["k": scalars.k]),
      encode(["l": scalars.l]), encode(["m": scalars.m]), encode(["n": scalars.n]),
    ]
    let all = try encode(scalars)
    for bytes in each {
      let property = bytes.dropFirst()
      XCTAssertTrue(all.indices.contains { all[$0...].starts(with: property) }, "\(bytes)")
    }
  }

  func testNothingIsWrittenWhenAPropertyCannotBeEncoded() throws {
    var writer = RPCWriter()
    writer.append(7)
    let failing = Custom { encoder in
      var container = encoder.container(keyedBy: Key.self)
      try container.encode(1, forKey: .a)
      try container.encode(Custom { _ in throw Failure() }, forKey: .b)
    }
    do {
      try BinaryEncoder().encode(failing, to: &writer)
      XCTFail("it was encoded")
    } catch {
      XCTAssertEqual(error.code, .unencodable)
    }
    XCTAssertEqual(writer.array(), [7])
  }

  func testUserInfoReachesTypesWhenTheyAreCoded() throws {
    struct Greeting: Codable {
      var text = ""
      init() {}
      init(from decoder: any Decoder) throws {
        text = try greeting(in: decoder.userInfo) + decoder.singleValueContainer().decode(String.self)
      }
      func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(greeting(in: encoder.userInfo))
      }
    }
    let key = try XCTUnwrap(CodingUserInfoKey(rawValue: "greeting"))
    let bytes = try encode([["key": Greeting()]], [key: "hello"])
    XCTAssertEqual(try decode([[String: String]].self, bytes), [["key": "hello"]])
    let greetings = try BinaryDecoder(userInfo: [key: "oh "]).decode([[String: Greeting]].self, from: bytes)
    XCTAssertEqual(greetings.first?["key"]?.text, "oh hello")
  }
}
