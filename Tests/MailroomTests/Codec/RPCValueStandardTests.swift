import MailroomTransport
import XCTest

@testable import Mailroom

/// The standard library's types on the wire.
final class RPCValueStandardTests: XCTestCase {
  // MARK: Round trips

  func testIntegersAreReadBack() throws {
    try assertIntegersAreReadBack(Int8.self)
    try assertIntegersAreReadBack(Int16.self)
    try assertIntegersAreReadBack(Int32.self)
    try assertIntegersAreReadBack(Int64.self)
    try assertIntegersAreReadBack(Int.self)
    try assertIntegersAreReadBack(UInt8.self)
    try assertIntegersAreReadBack(UInt16.self)
    try assertIntegersAreReadBack(UInt32.self)
    try assertIntegersAreReadBack(UInt64.self)
    try assertIntegersAreReadBack(UInt.self)
  }

  private func assertIntegersAreReadBack<Integer: FixedWidthInteger & RPCValue>(_ type: Integer.Type) throws {
    for value in [.min, .max, 0, 1, .min + 1, .max - 1, .max / 3] as [Integer] {
      XCTAssertEqual(try written(value).count, MemoryLayout<Integer>.size)
      try assertReadBack(value)
    }
  }

  func testFloatingPointNumbersAreReadBackBitByBit() throws {
    let doubles = [0, -0.0, 1.5, .infinity, -.infinity, .leastNonzeroMagnitude, .greatestFiniteMagnitude, .pi]
    for value in doubles + [.nan, .signalingNaN] {
      let copy = try read(Double.self, from: written(value))
      XCTAssertEqual(copy.bitPattern, value.bitPattern)
    }
    for value in [0, -0.0, 1.5, .infinity, .leastNonzeroMagnitude, .nan] as [Float] {
      XCTAssertEqual(try read(Float.self, from: written(value)).bitPattern, value.bitPattern)
    }
  }

  func testTextsAreReadBack() throws {
    let long = [127, 20_000].map { String(repeating: "x", count: $0) }
    for text in ["", "a", "h\u{E4}uschen \u{1F3E0}", "\u{0}"] + long {
      try assertReadBack(text)
    }
  }

  func testOptionalsArraysAndDictionariesAreReadBack() throws {
    try assertReadBack(true)
    try assertReadBack(false)
    try assertReadBack(Int64?.none)
    try assertReadBack(Int64?.some(7))
    try assertReadBack(Int64??.some(nil))
    try assertReadBack([Int32]())
    try assertReadBack((0..<1000).map { Int32($0) })
    try assertReadBack([UInt8](0...255))
    try assertReadBack([UInt8]())
    try assertReadBack([["a", "b"], [], ["c"]])
    try assertReadBack([String: [Int16?]]())
    try assertReadBack(["one": [1, nil], "": []] as [String: [Int16?]])
    try assertReadBack(Dictionary(uniqueKeysWithValues: (0..<300).map { (Int64($0), "\($0)") }))
    XCTAssertEqual(try written(RPCDone()), [])
    try assertReadBack(RPCDone())
    try assertReadBack([RPCDone](repeating: RPCDone(), count: 1000))
  }

  // MARK: Known bytes

  func testBytesAreTheDocumentedOnes() throws {
    XCTAssertEqual(try written(Int32(-2)), bytes(hex: "fffffffe"))
    XCTAssertEqual(try written(UInt16(0x0102)), bytes(hex: "0102"))
    XCTAssertEqual(try written(true), [1])
    XCTAssertEqual(try written(1.0), bytes(hex: "3ff0000000000000"))
    XCTAssertEqual(try written(Float(1)), bytes(hex: "3f800000"))
    XCTAssertEqual(try written("\u{E9}a"), bytes(hex: "03 c3a961"))
    XCTAssertEqual(try written(Int16?.none), [0])
    XCTAssertEqual(try written(Int16?.some(5)), bytes(hex: "01 0005"))
    XCTAssertEqual(try written([Int16(1), 2]), bytes(hex: "02 0001 0002"))
    XCTAssertEqual(try written([UInt8(7), 8]), bytes(hex: "02 07 08"))
    XCTAssertEqual(try written(["k": true]), bytes(hex: "01 01 6b 01"))
    XCTAssertEqual(try written(String(repeating: "x", count: 200)).prefix(2), [0xC8, 0x01])
  }

  func testBytesAreAnArrayOfTheirTypeOnly() throws {
    // One byte each, but other types; blocks of bytes must not be mistaken for them.
    XCTAssertEqual(try written([Int8(-1), 1]), bytes(hex: "02 ff 01"))
    try assertReadBack([Int8(-1), 1])
    XCTAssertEqual(try written([true, false]), bytes(hex: "02 01 00"))
    try assertReadBack([true, false])
  }

  // MARK: Bytes of strangers

  func testEveryTruncationIsRefused() throws {
    try assertTruncationsAreRefused(Int64(5))
    try assertTruncationsAreRefused(5.5)
    try assertTruncationsAreRefused(Float(5.5))
    try assertTruncationsAreRefused("a text")
    try assertTruncationsAreRefused(String?.some("a text"))
    try assertTruncationsAreRefused([1, 2, 3] as [UInt8])
    try assertTruncationsAreRefused([1, 2, 3] as [Int32])
    try assertTruncationsAreRefused(["a": [true], "b": []])
  }

  private func assertTruncationsAreRefused<Value: RPCValue>(_ value: Value) throws {
    let whole = try written(value)
    for count in 0..<whole.count {
      XCTAssertThrowsError(try read(Value.self, from: Array(whole.prefix(count))), "\(value), \(count) bytes")
    }
  }

  func testHostileCountsAreRefusedWithoutTakingMemory() {
    let most = [UInt8](repeating: 0xFF, count: 9) + [0x01]
    for count in [most, [0xFF, 0xFF, 0xFF, 0xFF, 0x07], [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02]] {
      XCTAssertThrowsError(try read(String.self, from: count))
      XCTAssertThrowsError(try read([UInt8].self, from: count))
      XCTAssertThrowsError(try read([Int64].self, from: count))
      XCTAssertThrowsError(try read([RPCDone].self, from: count))
      XCTAssertThrowsError(try read([String: String].self, from: count))
      XCTAssertThrowsError(try read([Int64: RPCDone].self, from: count))
    }
    // A varint that does not end, or says more than 64 bits.
    XCTAssertThrowsError(try read(String.self, from: [UInt8](repeating: 0x80, count: 20)))
    XCTAssertThrowsError(try read(String.self, from: [UInt8](repeating: 0xFF, count: 20)))
  }

  func testEmptyElementsAreBounded() throws {
    // Elements that take no bytes cannot be counted by bytes; their count has a bound of its own.
    var writer = ByteWriter()
    writer.append(varint: 65536)
    XCTAssertEqual(try read([RPCDone].self, from: writer.array()).count, 65536)
    writer.reset()
    writer.append(varint: 65537)
    let tooMany = writer.array()
    XCTAssertThrowsError(try read([RPCDone].self, from: tooMany)) { assertIs($0 as? RPCError, .undecodable) }
  }

  func testValuesThatAreNoneAreRefused() {
    XCTAssertThrowsError(try read(Bool.self, from: [2])) { assertIs($0 as? RPCError, .undecodable) }
    XCTAssertThrowsError(try read(Int8?.self, from: [2, 0]))
    XCTAssertThrowsError(try read(String.self, from: [1, 0xFF]))
    XCTAssertThrowsError(try read(String.self, from: [2, 0xC3, 0x28]))
    // A surrogate, and a character in more bytes than it needs.
    XCTAssertThrowsError(try read(String.self, from: [3, 0xED, 0xA0, 0x80]))
    XCTAssertThrowsError(try read(String.self, from: [2, 0xC0, 0x80]))
    XCTAssertThrowsError(try read([String: Bool].self, from: bytes(hex: "02 01 6b 01 01 6b 00"))) {
      assertIs($0 as? RPCError, .undecodable)
    }
  }

  func testReaderCountsWhatIsLeft() throws {
    let content = bytes(hex: "05 0102 03 04 61 ff fe")
    var reader = RPCReader(content.rawSpan, from: nil)
    XCTAssertEqual(reader.remaining, 8)
    XCTAssertEqual(try reader.readByte(), 5)
    XCTAssertEqual(try reader.read(UInt16.self), 0x0102)
    XCTAssertEqual(try reader.readVarint(), 3)
    XCTAssertThrowsError(try reader.readCount(), "a count above what is left")
    XCTAssertEqual(reader.remaining, 3)
    XCTAssertEqual(try reader.readUTF8(count: 1), "a")
    XCTAssertThrowsError(try reader.readArray(count: 3))
    XCTAssertThrowsError(try reader.readArray(count: -1))
    XCTAssertEqual(try reader.read(count: 1).array(), [0xFF])
    XCTAssertEqual(reader.readRest().array(), [0xFE])
    XCTAssertEqual(reader.remaining, 0)
    XCTAssertThrowsError(try reader.readByte())
    XCTAssertEqual(try reader.readArray(count: 0), [])
  }

  // MARK: Helpers

  private func written(_ value: some RPCValue) throws -> [UInt8] {
    var writer = ByteWriter()
    try value.encode(into: &writer)
    return writer.array()
  }

  private func read<Value: RPCValue>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
    var reader = RPCReader(bytes.rawSpan, from: nil)
    let value = try Value(from: &reader)
    if reader.remaining > 0 { throw Oops(description: "\(reader.remaining) bytes are left") }
    return value
  }

  private func assertReadBack<Value: RPCValue & Equatable>(
    _ value: Value, file: StaticString = #filePath, line: UInt = #line
  ) throws {
    XCTAssertEqual(try read(Value.self, from: written(value)), value, file: file, line: line)
  }
}
