import TestSupport
import XCTest

@testable import Mailroom

final class ModifiedUTF8Tests: XCTestCase {
  func testKnownBytes() {
    let known: [(text: String, bytes: [UInt8])] = [
      ("", []),
      ("echo", [0x65, 0x63, 0x68, 0x6F]),
      ("\u{0}", [0xC0, 0x80]),
      ("a\u{0}b", [0x61, 0xC0, 0x80, 0x62]),
      ("\u{1}\u{7F}", [0x01, 0x7F]),
      ("\u{80}", [0xC2, 0x80]),
      ("\u{E9}", [0xC3, 0xA9]),
      ("\u{7FF}", [0xDF, 0xBF]),
      ("\u{800}", [0xE0, 0xA0, 0x80]),
      ("\u{20AC}", [0xE2, 0x82, 0xAC]),
      ("\u{D7FF}\u{E000}", [0xED, 0x9F, 0xBF, 0xEE, 0x80, 0x80]),
      ("\u{FFFF}", [0xEF, 0xBF, 0xBF]),
      ("\u{10000}", [0xED, 0xA0, 0x80, 0xED, 0xB0, 0x80]),
      ("\u{1F4EC}", [0xED, 0xA0, 0xBD, 0xED, 0xB3, 0xAC]),
      ("\u{10FFFF}", [0xED, 0xAF, 0xBF, 0xED, 0xBF, 0xBF]),
    ]
    for (text, bytes) in known {
      XCTAssertEqual(ModifiedUTF8.encode(text), bytes, text)
      XCTAssertEqual(decode(bytes).map(scalars), scalars(text), text)
    }
  }

  func testEveryScalarIsReadBack() {
    for value in UInt32(0)...0x10FFFF {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let text = String(Character(scalar))
      guard scalars(text) == decode(ModifiedUTF8.encode(text)).map(scalars) else {
        return XCTFail("U+\(String(value, radix: 16))")
      }
    }
  }

  func testCanonicallyEqualTextsStayApart() {
    XCTAssertEqual(decode(ModifiedUTF8.encode("e\u{301}")).map(scalars), scalars("e\u{301}"))
    XCTAssertEqual(decode(ModifiedUTF8.encode("\u{E9}")).map(scalars), scalars("\u{E9}"))
  }

  func testMalformedBytesAreRefused() {
    let malformed: [[UInt8]] = [
      // A zero byte, and forms longer than needed.
      [0x00], [0x61, 0x00], [0xC1, 0xBF], [0xC0, 0x81], [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF],
      // Stray and missing continuations.
      [0x80], [0xBF], [0x61, 0x80], [0xC3], [0xC3, 0x41], [0xC3, 0xC3], [0xE2], [0xE2, 0x82], [0xE2, 0x82, 0x41],
      [0xE2, 0x41, 0x82], [0xC3, 0xA9, 0xA9],
      // UTF-8's own form of a supplementary character, and bytes no encoding has.
      [0xF0, 0x9F, 0x93, 0xAC], [0xF8], [0xFE], [0xFF],
      // Lone and swapped surrogates.
      [0xED, 0xA0, 0x80], [0xED, 0xB0, 0x80], [0xED, 0xB0, 0x80, 0xED, 0xA0, 0x80], [0xED, 0xA0, 0x80, 0x61],
      [0xED, 0xA0, 0x80, 0xED, 0xA0, 0x80, 0xED, 0xB0, 0x80], [0xED, 0xA0, 0x80, 0xED, 0xB0],
    ]
    for bytes in malformed { XCTAssertNil(decode(bytes), "\(bytes)") }
  }

  /// What is read is what the writer would have written: no two byte strings are one text.
  func testEveryTwoByteStringIsRefusedOrReadBack() {
    for value in UInt16.min...UInt16.max {
      let bytes = [UInt8(value >> 8), UInt8(value & 0xFF)]
      guard let text = decode(bytes) else { continue }
      guard ModifiedUTF8.encode(text) == bytes else { return XCTFail("\(bytes)") }
    }
  }

  func testRandomBytesAreRefusedOrReadBack() {
    // Drawn from the bytes at which the decoder decides, or next to none would be well-formed.
    let edges: [UInt8] = [
      0x00, 0x41, 0x7F, 0x80, 0x9F, 0xA0, 0xAF, 0xB0, 0xBF, 0xC0, 0xC2, 0xE0, 0xE1, 0xED, 0xEF, 0xF0,
    ]
    var random = SeededRandom(seed: 2)
    var accepted = 0
    for _ in 0..<100_000 {
      let bytes = (0..<Int.random(in: 1...7, using: &random)).map { _ in
        edges[Int.random(in: edges.indices, using: &random)]
      }
      guard let text = decode(bytes) else { continue }
      accepted += 1
      guard ModifiedUTF8.encode(text) == bytes else { return XCTFail("\(bytes)") }
    }
    XCTAssertGreaterThan(accepted, 1000)
  }

  private func decode(_ bytes: [UInt8]) -> String? { ModifiedUTF8.decode(bytes.span.bytes) }

  /// Strings compare by canonical equivalence, which would hide a changed character.
  private func scalars(_ text: String) -> [Unicode.Scalar] { Array(text.unicodeScalars) }
}
