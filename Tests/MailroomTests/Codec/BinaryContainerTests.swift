import TestSupport
import XCTest

@testable import Mailroom

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
    var random = SeededRandom(seed: 7)
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
