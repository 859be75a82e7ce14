import TestSupport
import XCTest

@testable import MailroomTransport

final class ByteReaderTests: XCTestCase {
  func testIntegersAreReadBigEndian() throws {
    let bytes = [UInt8](hex: "fe ff 0102 fffffffe 0102030405060708 ffffffffffffffff")
    var reader = ByteReader(bytes.rawSpan)
    XCTAssertEqual(try reader.readByte(), 0xFE)
    XCTAssertEqual(try reader.read(Int8.self), -1)
    XCTAssertEqual(try reader.read(UInt16.self), 0x0102)
    XCTAssertEqual(try reader.read(Int32.self), -2)
    XCTAssertEqual(reader.offset, 8)
    XCTAssertEqual(reader.remaining, 16)
    XCTAssertEqual(try reader.read(Int64.self), 0x0102_0304_0506_0708)
    XCTAssertEqual(try reader.read(UInt64.self), .max)
    XCTAssertEqual(reader.remaining, 0)
  }

  func testReadsUpToTheEndAndNotBeyond() throws {
    for available in 0...9 {
      let bytes = [UInt8](repeating: 1, count: available)
      expect(available >= 1, bytes, "an integer of 1 bytes") { (reader) throws(ByteReader.Malformed) in
        _ = try reader.read(Int8.self)
      }
      expect(available >= 2, bytes, "an integer of 2 bytes") { (reader) throws(ByteReader.Malformed) in
        _ = try reader.read(Int16.self)
      }
      expect(available >= 4, bytes, "an integer of 4 bytes") { (reader) throws(ByteReader.Malformed) in
        _ = try reader.read(Int32.self)
      }
      expect(available >= 8, bytes, "an integer of 8 bytes") { (reader) throws(ByteReader.Malformed) in
        _ = try reader.read(Int64.self)
      }
      expect(available >= 1, bytes, "a byte") { (reader) throws(ByteReader.Malformed) in _ = try reader.readByte() }
      for count in [0, 1, 8, 9, 10, Int.max, -1, .min] {
        let isThere = count >= 0 && count <= available
        expect(isThere, bytes, "\(count) bytes") { (reader) throws(ByteReader.Malformed) in
          _ = try reader.read(count: count).byteCount
        }
        expect(isThere, bytes, "\(count) bytes") { (reader) throws(ByteReader.Malformed) in
          _ = try reader.readArray(count: count)
        }
        expect(isThere, bytes, "\(count) bytes") { (reader) throws(ByteReader.Malformed) in
          _ = try reader.readUTF8(count: count)
        }
      }
    }
  }

  /// Checks that `read` succeeds or fails as expected, and that a failed one reads nothing.
  private func expect(
    _ succeeds: Bool, _ bytes: [UInt8], _ what: String, line: UInt = #line,
    _ read: (inout ByteReader) throws(ByteReader.Malformed) -> Void
  ) {
    var reader = ByteReader(bytes.rawSpan)
    do throws(ByteReader.Malformed) {
      try read(&reader)
      XCTAssertTrue(succeeds, "\(what) of \(bytes.count)", line: line)
      XCTAssertEqual(reader.offset + reader.remaining, bytes.count, line: line)
    } catch {
      XCTAssertFalse(succeeds, "\(what) of \(bytes.count)", line: line)
      XCTAssertEqual(error, ByteReader.Malformed(expected: what, offset: 0), line: line)
      XCTAssertEqual(reader.offset, 0, line: line)
    }
  }

  func testBytesAreReadInPlace() throws {
    let bytes: [UInt8] = [1, 2, 3, 4, 5, 6]
    var reader = ByteReader(bytes.rawSpan)
    XCTAssertEqual(try reader.read(count: 2).array(), [1, 2])
    XCTAssertEqual(try reader.read(count: 0).array(), [])
    XCTAssertEqual(try reader.readArray(count: 1), [3])
    XCTAssertEqual(reader.readRest().array(), [4, 5, 6])
    XCTAssertEqual(reader.remaining, 0)
    XCTAssertEqual(reader.readRest().array(), [])
    XCTAssertEqual(try reader.read(count: 0).array(), [])
    XCTAssertEqual(try reader.readUTF8(count: 0), "")
  }

  func testErrorsSayWhereTheyAre() throws {
    let bytes: [UInt8] = [1, 2, 3]
    var reader = ByteReader(bytes.rawSpan)
    _ = try reader.readByte()
    do throws(ByteReader.Malformed) {
      _ = try reader.read(Int32.self)
      XCTFail("no error")
    } catch {
      XCTAssertEqual("\(error)", "expected an integer of 4 bytes at offset 1")
    }
    XCTAssertEqual(reader.malformed("luck"), ByteReader.Malformed(expected: "luck", offset: 1))
  }

  // MARK: Varints

  private func varint(_ bytes: [UInt8]) throws(ByteReader.Malformed) -> (UInt64, read: Int) {
    var reader = ByteReader(bytes.rawSpan)
    return (try reader.readVarint(), reader.offset)
  }

  func testVarintsAreReadAsWritten() throws {
    var random = SeededRandom(seed: 2)
    var values: [UInt64] = [0, 1, 127, 128, 16_383, 16_384, .max, .max - 1, 1 << 63]
    for bits in 0..<64 { values += [1 << UInt64(bits), (1 << UInt64(bits)) &- 1, random.next() >> UInt64(bits)] }
    for value in values {
      var writer = ByteWriter()
      writer.append(varint: value)
      let bytes = writer.array()
      let (read, count) = try varint(bytes)
      XCTAssertEqual(read, value)
      XCTAssertEqual(count, bytes.count)
      XCTAssertLessThanOrEqual(count, 10)
      for end in 0..<bytes.count { XCTAssertThrowsError(try varint(Array(bytes[..<end])), "\(end) bytes of \(value)") }
    }
  }

  func testVarintStopsAtItsLastByte() throws {
    XCTAssertEqual(try varint([0x05, 0xFF, 0xFF]).read, 1)
    XCTAssertEqual(try varint([0x80, 0x01, 0xFF]).read, 2)
  }

  func testOverlongVarintHasTheSameValue() throws {
    XCTAssertEqual(try varint([0x80, 0x00]).0, 0)
    XCTAssertEqual(try varint([0x81, 0x80, 0x80, 0x00]).0, 1)
    XCTAssertEqual(try varint([UInt8](repeating: 0x80, count: 9) + [0]).0, 0, "ten bytes are the most there can be")
  }

  func testVarintAbove64BitsIsMalformed() {
    let nine = [UInt8](repeating: 0xFF, count: 9)
    for last in [0x02, 0x7F, 0x80, 0x81, 0xFF] as [UInt8] {
      XCTAssertThrowsError(try varint(nine + [last, 0, 0])) {
        XCTAssertEqual(($0 as? ByteReader.Malformed)?.expected, "a varint of 64 bits")
      }
    }
    XCTAssertThrowsError(try varint([UInt8](repeating: 0x80, count: 1000)))
  }

  // MARK: Text

  func testTextIsReadAsUTF8() throws {
    for text in ["", "a", "ä€😀", "a\u{0}b"] {
      let bytes = Array(text.utf8) + [0xFF]
      var reader = ByteReader(bytes.rawSpan)
      XCTAssertEqual(try reader.readUTF8(count: bytes.count - 1), text)
      XCTAssertEqual(reader.remaining, 1)
    }
  }

  func testTextThatIsNoUTF8IsMalformed() {
    let invalid: [[UInt8]] = [
      [0xFF], [0x80], [0xC3], [0xE2, 0x82], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0x61, 0xFE],
    ]
    for bytes in invalid {
      let all = [0x61] + bytes
      var reader = ByteReader(all.rawSpan)
      do throws(ByteReader.Malformed) {
        _ = try reader.readByte()
        let text = try reader.readUTF8(count: bytes.count)
        XCTFail("\(bytes) was read as \(text)")
      } catch {
        XCTAssertEqual(error, ByteReader.Malformed(expected: "UTF-8", offset: 1))
      }
    }
  }
}
