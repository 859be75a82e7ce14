import TestSupport
import XCTest

@testable import Mailroom

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
        XCTAssertThrowsError(try BinaryReader.read(Array(message.prefix(count))).count, "\(count) of \(message)")
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
        for byte in stride(from: UInt8(index % 7), to: 249, by: 7) where byte != message[index] {
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
    var random = SeededRandom(seed: 42)
    var working = 0
    for _ in 0..<60_000 {
      let count = Int.random(in: 0...40, using: &random)
      let bytes = (0..<count).map { _ in
        // Half of the bytes are ones that begin containers, numbers with varints and the like.
        Bool.random(using: &random)
          ? UInt8.random(in: .min ... .max, using: &random) : .random(in: 0xA0...0xEB, using: &random)
      }
      if (try? BinaryReader.read(bytes).count) != nil {
        working += 1
        decodeAll(bytes)
      }
    }
    XCTAssertGreaterThan(working, 100)
  }

  func testDecoderSurvivesWhenMessagesAreSpliced() throws {
    var random = SeededRandom(seed: 43)
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
    XCTAssertThrowsError(try BinaryReader.read(bytes).count) { XCTAssertEqual(($0 as? BinaryMalformation)?.offset, 4) }
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

  func testDecoderTakesLinearWorkWhenMessageIsLarge() throws {
    // Anything quadratic would need minutes for these.
    let marks = "a" + String(repeating: "\u{301}\u{316}", count: 400_000)
    XCTAssertThrowsError(try decode(Shape.self, encode(Color.red) + bytes(marks)))
    assertUndecodable([String: Int].self, [0xB1, 0x82, 0x88, 0xB5, 0x01] + bytes(marks) + [1], "combining")
    try assertRoundTrip(Dictionary(uniqueKeysWithValues: (0..<60_000).map { ("key\($0)", $0) }))
    XCTAssertEqual(
      try decode([[Int]].self, [0xE9, 0xA0, 0x8D, 0x06] + [UInt8](repeating: 0xA0, count: 100_000)).count, 100_000)
  }
}
