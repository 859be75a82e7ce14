import XCTest

@testable import Mailroom

/// Against bytes captured from a peer of the reference system.
final class JavaObjectStreamTests: XCTestCase {
  private static let checkExistenceOfEcho = bytes(
    """
    aced0005 73 72 003d
    6f72672e6170616368652e737061726b2e7270632e6e657474792e
    527063456e64706f696e74566572696669657224436865636b4578697374656e6365
    6c191eae8e40c01f 02 0001 4c 0004 6e616d65 74 0012 4c6a6176612f6c616e672f537472696e673b 78 70 74 0004 6563686f
    """)
  private static let booleanTrue = bytes(
    "aced0005 73 72 0011 6a6176612e6c616e672e426f6f6c65616e cd207280d59cfaee 02 0001 5a 0005 76616c7565 78 70 01")
  private static let stringHello = bytes("aced0005 74 0005 68656c6c6f")

  // MARK: Golden bytes

  func testCapturedSizes() {
    // The captured frames' body lengths, the first without the 36 bytes of envelope before the stream.
    XCTAssertEqual(Self.checkExistenceOfEcho.count, 0x99 - 36)
    XCTAssertEqual(Self.booleanTrue.count, 0x2F)
    XCTAssertEqual(Self.stringHello.count, 0x0C)
  }

  func testCheckExistenceIsTheCapturedBytes() throws {
    XCTAssertEqual(try JavaObjectStream.checkExistence(name: "echo"), Self.checkExistenceOfEcho)
  }

  func testBooleanIsTheCapturedBytes() {
    XCTAssertEqual(JavaObjectStream.boolean(true), Self.booleanTrue)
    XCTAssertEqual(JavaObjectStream.boolean(false), Self.booleanTrue.dropLast() + [0])
    XCTAssertEqual(Readings(JavaObjectStream.boolean(false)), Readings(boolean: false))
  }

  // MARK: Texts

  func testTextsAreReadBack() throws {
    for text in ["", "\u{0}", "\u{E9}", "\u{1F4EC}", String(repeating: "n", count: 65535)] {
      XCTAssertEqual(Readings(try JavaObjectStream.checkExistence(name: text)), Readings(name: text))
    }
  }

  func testLengthCountsEncodedBytes() throws {
    XCTAssertEqual(
      try JavaObjectStream.checkExistence(name: "\u{0}\u{1F4EC}"),
      Self.checkExistenceOfEcho.dropLast(6) + Self.bytes("0008 c080 eda0bdedb3ac"))
  }

  func testTooLongTextsAreRefused() {
    // 21,845 euro signs fill the 65,535 bytes, though not the characters.
    XCTAssertNoThrow(try JavaObjectStream.checkExistence(name: String(repeating: "\u{20AC}", count: 21845)))
    for text in [String(repeating: "\u{20AC}", count: 21846), String(repeating: "n", count: 65536)] {
      XCTAssertThrowsError(try JavaObjectStream.checkExistence(name: text), "", assertUnencodable)
    }
  }

  func testMalformedTextsAreRefused() {
    for hex in ["0001 00", "0001 80", "0002 c081", "0003 eda080", "0004 f09f93ac"] {
      XCTAssertEqual(Readings(Self.checkExistenceOfEcho.dropLast(6) + Self.bytes(hex)), Readings(), hex)
    }
  }

  // MARK: Hostile bytes

  func testEveryTruncationIsRefused() {
    for stream in [Self.checkExistenceOfEcho, Self.booleanTrue, Self.stringHello] {
      for count in 0..<stream.count {
        let readings = Readings(Array(stream.prefix(count)))
        XCTAssertEqual(readings, Readings(), "\(count) of \(stream.count) bytes")
      }
    }
  }

  func testTrailingBytesAreRefused() {
    for stream in [Self.checkExistenceOfEcho, Self.booleanTrue, Self.stringHello] {
      for byte: UInt8 in [0x00, 0x70, 0xFF] { XCTAssertEqual(Readings(stream + [byte]), Readings()) }
    }
  }

  func testEachStreamIsReadAsItsOwnKindOnly() {
    XCTAssertEqual(Readings(Self.checkExistenceOfEcho), Readings(name: "echo"))
    XCTAssertEqual(Readings(Self.booleanTrue), Readings(boolean: true))
    XCTAssertEqual(Readings(Self.stringHello), Readings())
    // The null object, a back reference and a long string are other roots.
    for hex in ["", "ff", "aced", "aced0005", "aced0005 70", "aced0005 71 007e0000", "aced0005 7c 0000000000000001 61"]
    {
      XCTAssertEqual(Readings(Self.bytes(hex)), Readings(), hex)
    }
  }

  /// Every byte of every stream, set to every value: refused, or exactly what the writer would have written.
  func testMutationsAreRefusedOrReadBack() throws {
    for stream in [Self.checkExistenceOfEcho, Self.booleanTrue, Self.stringHello] {
      for index in stream.indices {
        for byte in UInt8.min...UInt8.max {
          var mutated = stream
          mutated[index] = byte
          let readings = Readings(mutated)
          if let name = readings.name { XCTAssertEqual(try JavaObjectStream.checkExistence(name: name), mutated) }
          if let boolean = readings.boolean { XCTAssertEqual(JavaObjectStream.boolean(boolean), mutated) }
        }
      }
    }
  }

  // MARK: Helpers

  private func assertUnencodable(_ error: any Error) {
    XCTAssertEqual((error as? RPCError)?.code, .unencodable)
    XCTAssertEqual((error as? RPCError)?.execution, .notExecuted)
  }

  /// What each of the readers makes of some bytes.
  private struct Readings: Equatable {
    var name: String?
    var boolean: Bool?

    init(name: String? = nil, boolean: Bool? = nil) {
      self.name = name
      self.boolean = boolean
    }

    init(_ bytes: [UInt8]) {
      name = JavaObjectStream.parseCheckExistence(bytes.span.bytes)
      boolean = JavaObjectStream.parseBoolean(bytes.span.bytes)
    }
  }

  /// The bytes that pairs of hexadecimal digits spell; white space is for the reader.
  private static func bytes(_ hex: String) -> [UInt8] {
    let digits = hex.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }
}
