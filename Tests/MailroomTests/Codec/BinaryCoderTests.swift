import XCTest

@testable import Mailroom

// MARK: - Messages

private enum Color: String, Codable, Sendable { case red, green }

private enum Shape: Codable, Equatable, Sendable {
  case empty
  case circle(radius: Double)
  case polygon([Point], name: String?)
  indirect case group(Shape, Shape)
}

private struct Point: Codable, Hashable, Sendable {
  var x: Int
  var y: Int
}

private struct Nothing: Codable, Equatable, Sendable {}

private struct Order: Codable, Equatable, Sendable {
  struct Item: Codable, Equatable, Sendable {
    var name: String
    var price: Double
    var tags: Set<String>
  }
  var id: UInt64
  var color: Color
  var note: String?
  var items: [Item]
  var stock: [String: Int]
  var byNumber: [Int: String]
  var byPoint: [Point: Bool]
  var shapes: [Shape]
  var payload: [UInt8]
  var nested: Int??
  var ratio: Float
  var nothing: Nothing

  static let sample = Self(
    id: .max, color: .green, note: nil,
    items: [
      .init(name: "pen", price: 1.25, tags: ["blue", "fine"]), .init(name: "häuschen 🏠", price: -0.0, tags: []),
    ],
    stock: ["pen": 3, "": -1], byNumber: [1: "one", -70000: "many"], byPoint: [Point(x: 1, y: -1): true],
    shapes: [.empty, .circle(radius: 2.5), .polygon([Point(x: 0, y: 300)], name: nil), .group(.empty, .empty)],
    payload: [0, 127, 128, 255], nested: .some(.none), ratio: 0.1, nothing: Nothing())
}

private class Animal: Codable {
  var name: String
  init(name: String) { self.name = name }
}

private final class Dog: Animal {
  var tricks: [String]

  init(name: String, tricks: [String]) {
    self.tricks = tricks
    super.init(name: name)
  }

  private enum CodingKeys: CodingKey { case tricks }

  required init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    tricks = try container.decode([String].self, forKey: .tricks)
    try super.init(from: container.superDecoder())
  }

  override func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(tricks, forKey: .tricks)
    try super.encode(to: container.superEncoder())
  }
}

/// A list with one array and one map per link.
private final class Link: Codable {
  var next: [Link]
  init(next: [Link]) { self.next = next }

  static func chain(count: Int) -> Link { (1..<count).reduce(Link(next: [])) { link, _ in Link(next: [link]) } }
}

/// A type that is coded by functions.
private struct Custom: Encodable {
  var body: (any Encoder) throws -> Void
  func encode(to encoder: any Encoder) throws { try body(encoder) }
}

private enum Key: String, CodingKey { case a, b, c }

private struct Failure: Error, Equatable {}

/// Reproducible random numbers.
private struct Random: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

// MARK: - Helpers

private func encode(_ value: some Encodable) throws -> [UInt8] { try BinaryEncoder().encode(value) }

private func decode<T: Decodable>(_ type: T.Type, _ bytes: [UInt8]) throws -> T {
  try BinaryDecoder().decode(type, from: bytes)
}

private func assertRoundTrip<T: Codable & Equatable>(
  _ value: T, file: StaticString = #filePath, line: UInt = #line
) throws {
  XCTAssertEqual(try decode(T.self, encode(value)), value, file: file, line: line)
}

private func assertEncoding(
  _ value: some Encodable, is bytes: [UInt8], file: StaticString = #filePath, line: UInt = #line
) throws {
  XCTAssertEqual(try encode(value), bytes, file: file, line: line)
}

/// Checks that decoding fails as it should, with all the texts in the error message.
private func assertUndecodable<T: Decodable>(
  _ type: T.Type, _ bytes: [UInt8], _ texts: String..., file: StaticString = #filePath, line: UInt = #line
) {
  XCTAssertThrowsError(try decode(type, bytes), file: file, line: line) { error in
    check(error, .undecodable, texts, file: file, line: line)
  }
}

/// Checks that encoding fails as it should, with all the texts in the error message.
private func assertUnencodable(
  _ value: some Encodable, _ texts: String..., file: StaticString = #filePath, line: UInt = #line
) {
  XCTAssertThrowsError(try encode(value), file: file, line: line) { error in
    check(error, .unencodable, texts, file: file, line: line)
    XCTAssertEqual((error as? RPCError)?.execution, .notExecuted, file: file, line: line)
  }
}

private func check(_ error: any Error, _ code: RPCError.Code, _ texts: [String], file: StaticString, line: UInt) {
  guard let error = error as? RPCError else { return XCTFail("\(error)", file: file, line: line) }
  XCTAssertEqual(error.code, code, file: file, line: line)
  XCTAssertNotNil(error.cause, file: file, line: line)
  for text in texts {
    XCTAssertTrue(error.message.contains(text), "\(error.message) lacks \(text)", file: file, line: line)
  }
}

private func greeting(in userInfo: [CodingUserInfoKey: Any]) -> String {
  CodingUserInfoKey(rawValue: "greeting").flatMap { userInfo[$0] as? String } ?? ""
}

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

// MARK: - Tests

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
    let keys = try decode([[String: Int]].self, encode([["\u{E9}": 1], ["e\u{301}": 2]])).flatMap(\.keys)
    XCTAssertEqual(keys.map { Array($0.utf8) }, [[0xC3, 0xA9], [0x65, 0xCC, 0x81]])
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
    let bytes = try BinaryEncoder(userInfo: [key: "hello"]).encode([["key": Greeting()]])
    XCTAssertEqual(try decode([[String: String]].self, bytes), [["key": "hello"]])
    let greetings = try BinaryDecoder(userInfo: [key: "oh "]).decode([[String: Greeting]].self, from: bytes)
    XCTAssertEqual(greetings.first?["key"]?.text, "oh hello")
  }
}

final class BinaryContainerTests: XCTestCase {
  func testContainersKeepTheirPlacesWhenTheyAreFilledInTurns() throws {
    let value = Custom { encoder in
      var map = encoder.container(keyedBy: Key.self)
      var first = map.nestedUnkeyedContainer(forKey: .a)
      var second = map.nestedContainer(keyedBy: Key.self, forKey: .b)
      try first.encode(1)
      try map.encode("last", forKey: .c)
      try second.encode(2, forKey: .a)
      var third = first.nestedUnkeyedContainer()
      try first.encodeNil()
      var fourth = first.nestedContainer(keyedBy: Key.self)
      try second.encodeNil(forKey: .b)
      try fourth.encode(true, forKey: .c)
      try third.encode(3)
      XCTAssertEqual(first.count, 4)
      XCTAssertEqual(third.codingPath.map(\.stringValue), ["a", "1"])
      XCTAssertEqual(fourth.codingPath.map(\.intValue), [nil, 3])
    }
    let map: [UInt8] = [0xB3, 2, 0x61, 0xA4, 1, 0xA1, 3, 0xE0, 0xB1, 2, 0x63, 0xE2]
    let bytes = try encode(value)
    XCTAssertEqual(bytes, map + [2, 0x62, 0xB2, 1, 2, 5, 0xE0, 3, 0x84] + Array("last".utf8))
    try decode(Reading.self, bytes).body { decoder in
      let map = try decoder.container(keyedBy: Key.self)
      XCTAssertEqual(Set(map.allKeys), [.a, .b, .c])
      let second = try map.nestedContainer(keyedBy: Key.self, forKey: .b)
      XCTAssertEqual(try map.decode(String.self, forKey: .c), "last")
      var first = try map.nestedUnkeyedContainer(forKey: .a)
      XCTAssertEqual(first.count, 4)
      XCTAssertFalse(try first.decodeNil())
      XCTAssertEqual(try first.decode(Int.self), 1)
      var third = try first.nestedUnkeyedContainer()
      XCTAssertEqual(try third.decode(Int.self), 3)
      XCTAssertTrue(third.isAtEnd)
      XCTAssertThrowsError(try third.decode(Int.self))
      XCTAssertNil(try third.decodeIfPresent(Int.self))
      XCTAssertTrue(try first.decodeNil())
      XCTAssertEqual(first.currentIndex, 3)
      XCTAssertThrowsError(try first.decode(Int.self))
      XCTAssertEqual(first.currentIndex, 3)
      XCTAssertTrue(try first.nestedContainer(keyedBy: Key.self).decode(Bool.self, forKey: .c))
      XCTAssertTrue(try second.decodeNil(forKey: .b))
      XCTAssertNil(try second.decodeIfPresent(Int.self, forKey: .b))
      XCTAssertThrowsError(try second.decodeNil(forKey: .c))
      XCTAssertFalse(second.contains(.c))
    }
  }

  /// A type that lends its decoder.
  private struct Reading: Decodable {
    let decoder: any Decoder
    init(from decoder: any Decoder) throws { self.decoder = decoder }
    func body(_ body: (any Decoder) throws -> Void) throws { try body(decoder) }
  }

  func testDecoderFindsPropertiesWhenKeysAreInAnyOrder() throws {
    var random = Random(state: 7)
    let pairs = (0..<40).map { ("key\($0)", $0) }
    for _ in 0..<20 {
      let shuffled = pairs.shuffled(using: &random)
      let bytes = try encode(
        Custom { encoder in
          var map = encoder.container(keyedBy: AnyKey.self)
          for (key, value) in shuffled { try map.encode(value, forKey: AnyKey(stringValue: key)) }
        })
      let map = try decode(Reading.self, bytes).decoder.container(keyedBy: AnyKey.self)
      XCTAssertEqual(map.allKeys.map(\.stringValue), shuffled.map(\.0))
      for (key, value) in pairs { XCTAssertEqual(try map.decode(Int.self, forKey: AnyKey(stringValue: key)), value) }
      XCTAssertFalse(map.contains(AnyKey(stringValue: "key40")))
    }
  }

  private struct AnyKey: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  func testDecoderIgnoresFieldsWhenTypeDoesNotKnowThem() throws {
    struct Wide: Codable {
      var before = [["x": Order.sample]]
      var x = 1
      var between: Int??? = .some(.some(nil))
      var y = 2
    }
    XCTAssertEqual(try decode(Point.self, encode(Wide())), Point(x: 1, y: 2))
  }

  func testDecoderGivesNilWhenOptionalFieldIsMissing() throws {
    struct Narrow: Codable { var x: Int }
    struct Wide: Codable, Equatable {
      var x: Int
      var number: Int?
      var point: Point?
      var nested: Int??
    }
    XCTAssertEqual(try decode(Wide.self, encode(Narrow(x: 1))), Wide(x: 1))
  }

  func testEncoderKeepsLastValueWhenKeyIsEncodedTwice() throws {
    let value = Custom { encoder in
      var map = encoder.container(keyedBy: Key.self)
      try map.encode([1, 2], forKey: .a)
      try map.encode(3, forKey: .b)
      try map.encode(Point(x: 4, y: 5), forKey: .a)
    }
    XCTAssertEqual(try encode(value).count, try encode(["a": 3]).count + 3 + 6)
    struct Both: Codable { var a: Point, b: Int }
    XCTAssertEqual(try decode(Both.self, encode(value)).a, Point(x: 4, y: 5))
  }

  func testEncoderKeepsBothPartsWhenNestedContainerIsAskedForTwice() throws {
    let value = Custom { encoder in
      var map = encoder.container(keyedBy: Key.self)
      var first = map.nestedContainer(keyedBy: Key.self, forKey: .a)
      try first.encode(1, forKey: .b)
      var second = map.nestedContainer(keyedBy: Key.self, forKey: .a)
      try second.encode(2, forKey: .c)
    }
    XCTAssertEqual(try decode([String: [String: Int]].self, encode(value)), ["a": ["b": 1, "c": 2]])
  }

  func testEncoderLeavesValueOutWhenItsEncodingFailed() throws {
    let failing = Custom { encoder in
      var array = encoder.unkeyedContainer()
      try array.encode(1)
      throw Failure()
    }
    let value = Custom { encoder in
      var array = encoder.unkeyedContainer()
      try? array.encode(failing)
      XCTAssertEqual(array.count, 0)
      try array.encode(2)
      try array.encode(
        Custom { encoder in
          var container = encoder.singleValueContainer()
          try? container.encode(failing)
          try container.encode(3)
        })
    }
    try assertEncoding(value, is: [0xA2, 2, 3])
  }

  func testEncoderWritesEmptyMapWhenTypeEncodesNothing() throws {
    try assertEncoding(Custom { _ in }, is: [0xB0])
    try assertEncoding(Nothing(), is: [0xB0])
    try assertEncoding(
      Custom { encoder in
        var array = encoder.unkeyedContainer()
        _ = array.superEncoder()
        try array.encode(Custom { _ in })
      }, is: [0xA2, 0xB0, 0xB0])
  }

  func testEncoderFailsWhenTypeAsksForTwoKindsOfContainer() throws {
    assertUnencodable(
      [
        "k": [
          Custom { encoder in
            _ = encoder.container(keyedBy: Key.self)
            var array = encoder.unkeyedContainer()
            try? array.encode(1)
            _ = array.nestedUnkeyedContainer()
          }
        ]
      ], "at 'k[0]'", "another kind")
    assertUnencodable(
      Custom { encoder in
        var container = encoder.singleValueContainer()
        try container.encode(1)
        try container.encode(2)
      }, "at the top level", "second value")
    assertUnencodable(
      Custom { encoder in
        var container = encoder.singleValueContainer()
        try container.encode("text")
        try container.encodeNil()
      }, "second value")
  }
}

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
    let literals = (0..<150).reduce(0) { $0 + "key\($1)".utf8.count }
    let containers = 3 + 200 * (2 + 20 * 2)
    XCTAssertLessThanOrEqual(try encode(rows).count, literals + containers + 200 * 20 * 2)
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

final class BinaryErrorTests: XCTestCase {
  func testErrorNamesPathWhenValueIsOfOtherKind() throws {
    struct Outer: Codable { var list: [[String: Point]] }
    struct Wrong: Codable { var list: [[String: [String: String]]] }
    let bytes = try encode(Wrong(list: [[:], ["k": ["x": "text", "y": ""]]]))
    assertUndecodable(Outer.self, bytes, "Outer", "at 'list[1].k.x'", "expected Int, found a string")
    assertUndecodable([Int].self, try encode(["a"]), "at '[0]'")
    assertUndecodable([Int].self, try encode([Int?.none]), "at '[0]'", "found nil")
    assertUndecodable([String].self, try encode(true), "top level", "found a Boolean")
    assertUndecodable(Point.self, try encode([1]), "found an array")
    assertUndecodable([Point].self, try encode([2.5]), "at '[0]'", "found a floating-point number")
    assertUndecodable(Bool.self, try encode(["a": 1]), "found a map")
    assertUndecodable([Int].self, try encode(Int??.some(.none)), "found nil")
  }

  func testErrorNamesKeyWhenItIsMissing() throws {
    assertUndecodable([Point].self, try encode([["x": 1]]), "at '[0].y'", "no such key")
  }

  func testErrorNamesPathWhenRawValueIsUnknown() throws {
    assertUndecodable([String: [Color]].self, try encode(["c": ["red", "blue"]]), "at 'c[1]'", "blue")
  }

  func testErrorNamesPathWhenTypeThrowsItsOwnError() throws {
    struct Picky: Decodable {
      init(from decoder: any Decoder) throws { throw Failure() }
    }
    let failing = ["k": [Custom { _ in }, Custom { _ in throw Failure() }]]
    assertUnencodable(failing, "at 'k[1]'", "Failure")
    assertUndecodable([String: [Picky]].self, try encode(["k": [1]]), "at 'k[0]'", "Failure")
    XCTAssertThrowsError(try encode(failing)) { XCTAssertEqual(($0 as? RPCError)?.cause as? Failure, Failure()) }
  }

  func testErrorNamesItsOwnPathWhenProgramRecoveredFromAnother() throws {
    let value = Custom { encoder in
      var map = encoder.container(keyedBy: Key.self)
      try? map.encode(Custom { _ in throw Failure() }, forKey: .a)
      try map.encode([Point(x: 1, y: 1)], forKey: .b)
      try map.encode(Custom { _ in throw Failure() }, forKey: .c)
    }
    assertUnencodable(value, "at 'c'")
  }
}

final class BinaryDepthTests: XCTestCase {
  func testCoderWorksWhenNestingIsAtItsLimit() throws {
    // A link is a map with an array in it.
    let bytes = try encode(Link.chain(count: 32))
    XCTAssertEqual(try encode(decode(Link.self, bytes)), bytes)
    let arrays = [UInt8](repeating: 0xA1, count: 63) + [0xA0]
    XCTAssertNoThrow(try decode(Anything.self, arrays))
  }

  /// A type that decodes from everything.
  private struct Anything: Decodable {
    init(from decoder: any Decoder) {}
  }

  func testEncoderFailsWhenNestingIsTooDeep() throws {
    assertUnencodable(Link.chain(count: 33), "Link", "nested", "at 'next[0].next[0]")
    assertUnencodable(Link.chain(count: 500), "nested")
  }

  func testEncoderFailsWhenNestedContainersAreTooDeep() throws {
    func nest(_ depth: Int) -> Custom {
      Custom { encoder in
        var array = encoder.unkeyedContainer()
        for _ in 1..<depth {
          var inner = array.nestedUnkeyedContainer()
          swap(&array, &inner)
        }
      }
    }
    XCTAssertEqual(try encode(nest(64)).count, 64)
    assertUnencodable(nest(65), "nested")
    assertUnencodable(nest(100_000), "nested")
  }

  func testEncoderFailsWhenArraysOfScalarsAreTooDeep() throws {
    func nest(_ depth: Int) -> Custom {
      Custom { encoder in
        var array = encoder.unkeyedContainer()
        if depth == 1 { try array.encode([1]) } else { try array.encode(nest(depth - 1)) }
      }
    }
    XCTAssertEqual(try encode(nest(63)).count, 65)
    assertUnencodable(nest(64), "nested")
  }

  func testCoderFailsWhenValuesAreInEachOthersPlaceForever() throws {
    struct Forever: Codable {
      init() {}
      init(from decoder: any Decoder) throws { self = try decoder.singleValueContainer().decode(Forever.self) }
      func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(Forever())
      }
    }
    assertUnencodable(Forever(), "values within values")
    assertUndecodable([Forever].self, [0xA1, 0x01], "at '[0]'", "values within values")
  }

  func testDecoderFailsWhenNestingIsTooDeep() throws {
    assertUndecodable(Anything.self, [UInt8](repeating: 0xA1, count: 64) + [0xA0], "nested")
    assertUndecodable(Link.self, [UInt8](repeating: 0xA1, count: 1_000_000) + [0xA0], "nested")
    let map: [UInt8] = [0xB1, 0x00]
    assertUndecodable(Anything.self, (0..<500_000).flatMap { _ in map } + [0xB0], "nested")
  }
}

final class BinaryHostileTests: XCTestCase {
  /// Well-formed messages to break.
  private func messages() throws -> [[UInt8]] {
    [
      try encode(Order.sample),
      try encode([Point(x: 1, y: 2), Point(x: 300, y: -300)]),
      try encode(Dictionary(uniqueKeysWithValues: (0..<20).map { ("k\($0)", $0) })),
      try encode([Double.pi, 0]),
      try encode(Link.chain(count: 5)),
    ]
  }

  /// Decodes bytes as many types, and says how many of them worked.
  @discardableResult
  private func decodeAll(_ bytes: [UInt8]) -> Int {
    Self.types.count { (try? decode($0, bytes)) != nil }
  }

  /// Types to decode anything as; those of ``messages()`` come first, in the same order.
  private static var types: [any Decodable.Type] {
    [
      Order.self, [Point].self, [String: Int].self, [Double].self, Link.self,
      [Int: String].self, Shape.self, [UInt8].self, Int???.self, Dog.self, [Int].self, String.self,
    ]
  }

  func testDecoderFailsWhenMessageIsTruncated() throws {
    for message in try messages() {
      XCTAssertGreaterThan(decodeAll(message), 0)
      for count in 0..<message.count {
        XCTAssertThrowsError(try BinaryReader.read(Array(message.prefix(count))), "\(count) of \(message)")
        XCTAssertEqual(decodeAll(Array(message.prefix(count))), 0)
      }
    }
  }

  func testDecoderFailsWhenMessageHasSurplusBytes() throws {
    for message in try messages() {
      for byte in [0x00, 0x80, 0xE0, 0xFF] as [UInt8] { XCTAssertEqual(decodeAll(message + [byte]), 0) }
    }
    assertUndecodable(Int.self, [1, 1], "surplus", "byte 1")
  }

  func testDecoderSurvivesWhenAnyByteIsChanged() throws {
    var (working, failing) = (0, 0)
    for (message, type) in zip(try messages(), Self.types) {
      for index in message.indices {
        for byte in UInt8.min...UInt8.max where byte != message[index] {
          var mutant = message
          mutant[index] = byte
          if (try? decode(type, mutant)) != nil { working += 1 } else { failing += 1 }
        }
      }
    }
    XCTAssertGreaterThan(working, 1000)
    XCTAssertGreaterThan(failing, 1000)
  }

  func testDecoderSurvivesWhenBytesAreRandom() throws {
    var random = Random(state: 42)
    var working = 0
    for _ in 0..<60_000 {
      let count = Int.random(in: 0...40, using: &random)
      let bytes = (0..<count).map { _ in
        // Half of the bytes are ones that begin containers, numbers with varints and the like.
        Bool.random(using: &random)
          ? UInt8.random(in: .min ... .max, using: &random) : .random(in: 0xA0...0xEB, using: &random)
      }
      if (try? BinaryReader.read(bytes)) != nil {
        working += 1
        decodeAll(bytes)
      }
    }
    XCTAssertGreaterThan(working, 100)
  }

  func testDecoderSurvivesWhenMessagesAreSpliced() throws {
    var random = Random(state: 43)
    let messages = try messages()
    for _ in 0..<5000 {
      let left = messages[Int.random(in: messages.indices, using: &random)]
      let right = messages[Int.random(in: messages.indices, using: &random)]
      let bytes =
        Array(left.prefix(.random(in: 0...left.count, using: &random)))
        + right.suffix(.random(in: 0...right.count, using: &random))
      decodeAll(bytes)
    }
  }

  func testDecoderFailsWhenCountIsHuge() throws {
    let huge = [UInt8](repeating: 0xFF, count: 9) + [0x01]
    let large: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0x07]
    for tag in [0xE7, 0xE8, 0xE9, 0xEA] as [UInt8] {
      assertUndecodable([Int].self, [tag] + huge, "too few bytes")
      assertUndecodable([Int].self, [tag] + large + [0, 0, 0], "too few bytes")
      assertUndecodable([Int].self, [tag] + huge.dropLast() + [0x7F], "64 bits")
    }
    assertUndecodable([String: Int].self, [0xB1] + huge, "key number")
    assertUndecodable([String: Int].self, [0xB1, 0xFE] + huge.dropFirst(), "too few bytes")
  }

  func testDecoderFailsAtOnceWhenCountsAddUpToMoreThanTheMessage() throws {
    // Each count alone is in bounds; together they are not.
    let bytes: [UInt8] = [0xE9, 0x0C, 0xE9, 0x0A] + [UInt8](repeating: 1, count: 12)
    XCTAssertThrowsError(try BinaryReader.read(bytes)) { XCTAssertEqual(($0 as? BinaryMalformation)?.offset, 4) }
    assertUndecodable([Int].self, [0xA2, 0x01], "too few bytes", "byte 1")
    assertUndecodable([String: Int].self, [0xB1, 0x00], "too few bytes", "byte 1")
  }

  func testDecoderFailsWhenLengthIsAboveTheRest() throws {
    assertUndecodable(String.self, [0x82, 0x61])
    assertUndecodable(String.self, [0xE7, 0x02, 0x61], "length of 2")
    assertUndecodable([UInt8].self, [0xE8, 0x02, 0x61], "length of 2")
    assertUndecodable([String: Int].self, [0xB1, 0x06, 0x61, 0x01], "length of 3")
    assertUndecodable(Double.self, [0xE6, 0, 0, 0, 0, 0, 0, 0])
    assertUndecodable(Float.self, [0xE5, 0, 0, 0])
    assertUndecodable(Int.self, [], "byte 0")
  }

  func testDecoderFailsWhenTextIsNotUTF8() throws {
    for text in [[0xFF], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80]] as [[UInt8]] {
      assertUndecodable(String.self, [0x80 + UInt8(text.count)] + text, "UTF-8")
      assertUndecodable(String.self, [0xE7, UInt8(text.count)] + text, "UTF-8")
      assertUndecodable([String: Int].self, [0xB1, UInt8(text.count) * 2] + text + [1], "UTF-8")
    }
  }

  func testDecoderFailsWhenTagIsUnknown() throws {
    for tag in Array(0xD0...0xDF) + Array(0xEC...0xFF) as [UInt8] {
      assertUndecodable(Nothing.self, [tag], "unknown tag \(tag)")
      assertUndecodable([Nothing].self, [0xA2, tag, 0xB0], "unknown tag \(tag)")
    }
  }

  func testDecoderFailsWhenKeyIsThereTwice() throws {
    assertUndecodable([String: Int].self, [0xB2, 2, 0x61, 1, 2, 0x61, 2], "twice")
    assertUndecodable([String: Int].self, [0xB2, 2, 0x61, 1, 1, 2], "twice")
    // Small and large maps find out in different ways; an inner map with the same keys is no reason.
    for count in [2, 8, 9, 10, 40] as [UInt8] {
      let keys = (0..<count).map { [4, 0x6B, 0x30 + $0] }
      let entries = Array(keys.map { $0 + [1] }.joined())
      XCTAssertEqual(try decode([String: Int].self, [0xEA, count] + entries).count, Int(count))
      XCTAssertNoThrow(try decode(Nothing.self, [0xEA, count] + entries.dropLast() + [0xEA, count] + entries))
      for key in keys {
        assertUndecodable([String: Int].self, [0xEA, count + 1] + entries + key + [1], "twice")
      }
    }
  }

  func testDecoderFailsWhenKeyNumberIsUnknown() throws {
    assertUndecodable([String: Int].self, [0xB1, 1, 1], "key number")
    assertUndecodable([[String: Int]].self, [0xA2, 0xB1, 2, 0x61, 1, 0xB1, 3, 1], "key number")
    let long = [0x82, 0x01] + [UInt8](repeating: 0x61, count: 65)
    assertUndecodable([[String: Int]].self, [0xA2, 0xB1] + long + [1, 0xB1, 1, 1], "key number")
  }

  func testDecoderFailsWhenNullLevelIsOutOfRange() throws {
    assertUndecodable(Int??.self, [0xEB, 0], "optionals")
    assertUndecodable(Int??.self, [0xEB, 65], "optionals")
    assertUndecodable(Int??.self, [0xEB, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1], "optionals")
    assertUndecodable(Int??.self, [0xEB, 64], "found nil")
  }

  func testDecoderFailsWhenIntegerIsBelow64Bits() throws {
    XCTAssertEqual(try decode(Int.self, [0xE4] + [UInt8](repeating: 0xFF, count: 8) + [0x7F]), .min)
    assertUndecodable(Int.self, [0xE4] + [UInt8](repeating: 0x80, count: 9) + [0x01], "below")
  }

  func testDecoderFailsWhenTextHasEndlessCombiningCharacters() throws {
    func text(_ count: Int) -> String { "a" + String(repeating: "\u{301}\u{316}", count: count / 2) }
    try assertRoundTrip(String(repeating: text(256), count: 10))
    assertUndecodable(String.self, try encode(text(258)), "combining")
    assertUndecodable(String.self, try encode(String(repeating: "\u{F73}", count: 257)), "combining")
    assertUndecodable([String: Int].self, try encode(["a": ["b": 1], text(258): [:]]), "combining")
  }

  func testDecoderTakesLittleTimeWhenMessageIsLarge() throws {
    // Anything quadratic would need minutes for these; the bound leaves a slow machine a lot of room.
    let clock = ContinuousClock()
    let elapsed = try clock.measure {
      let marks = "a" + String(repeating: "\u{301}\u{316}", count: 400_000)
      XCTAssertThrowsError(try decode(Shape.self, encode(Color.red) + bytes(marks)))
      assertUndecodable([String: Int].self, [0xB1, 0x82, 0x88, 0xB5, 0x01] + bytes(marks) + [1], "combining")
      try assertRoundTrip(Dictionary(uniqueKeysWithValues: (0..<60_000).map { ("key\($0)", $0) }))
      XCTAssertEqual(
        try decode([[Int]].self, [0xE9, 0xA0, 0x8D, 0x06] + [UInt8](repeating: 0xA0, count: 100_000)).count, 100_000)
    }
    XCTAssertLessThan(elapsed, .seconds(60))
  }
}
