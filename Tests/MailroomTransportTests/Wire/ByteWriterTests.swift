import TestSupport
import XCTest

@testable import MailroomTransport

final class ByteWriterTests: XCTestCase {
  func testTakesNoMemoryBeforeTheFirstByte() {
    let writer = ByteWriter()
    XCTAssertEqual(writer.capacity, 0)
    XCTAssertEqual(writer.count, 0)
    XCTAssertTrue(writer.isEmpty)
    XCTAssertEqual(writer.array(), [])
    XCTAssertEqual(writer.bytes.byteCount, 0)
  }

  func testCapacityIsThereFromTheStart() {
    for capacity in [-1, 0] { XCTAssertEqual(ByteWriter(capacity: capacity).capacity, 0) }
    var writer = ByteWriter(capacity: 1000)
    XCTAssertGreaterThanOrEqual(writer.capacity, 1000)
    let capacity = writer.capacity
    writer.append([UInt8](repeating: 1, count: capacity))
    XCTAssertEqual(writer.capacity, capacity)
    writer.append(UInt8(2))
    XCTAssertGreaterThan(writer.capacity, capacity)
    XCTAssertEqual(writer.array(), [UInt8](repeating: 1, count: capacity) + [2])
  }

  func testIntegersAreBigEndian() {
    var writer = ByteWriter()
    writer.append(UInt8(0xFE))
    writer.append(integer: Int8(-1))
    writer.append(integer: UInt16(0x0102))
    writer.append(integer: Int32(-2))
    writer.append(integer: Int64(0x0102_0304_0506_0708))
    XCTAssertEqual(
      writer.array(), [UInt8](hex: "fe ff 0102 fffffffe 0102030405060708"))
  }

  func testGrowingKeepsWhatIsWritten() {
    var random = SeededRandom(seed: 1)
    var writer = ByteWriter()
    var expected: [UInt8] = []
    for _ in 0..<2000 {
      let bytes = random.bytes(Int.random(in: 0...200, using: &random))
      switch Int.random(in: 0...3, using: &random) {
      case 0: writer.append(bytes)
      case 1: writer.append(bytes.rawSpan)
      case 2:
        writer.reserve(bytes.count)
        let capacity = writer.capacity
        writer.append(bytes)
        XCTAssertEqual(writer.capacity, capacity, "room was reserved")
      default: for byte in bytes { writer.append(byte) }
      }
      expected += bytes
    }
    XCTAssertEqual(writer.count, expected.count)
    XCTAssertTrue(writer.bytes.equals(expected))
    XCTAssertEqual(writer.array(), expected)
  }

  func testTextIsWrittenAsUTF8() {
    var writer = ByteWriter()
    for text in ["", "a", "ä€😀", String(repeating: "long enough not to be stored inline ", count: 10)] {
      writer.truncate(to: 0)
      writer.append(utf8: text)
      XCTAssertEqual(writer.array(), Array(text.utf8))
    }
  }

  func testVarintHasSevenBitsPerByte() {
    let cases: [(UInt64, [UInt8])] = [
      (0, [0]), (1, [1]), (127, [0x7F]), (128, [0x80, 1]), (300, [0xAC, 2]), (16_383, [0xFF, 0x7F]),
      (16_384, [0x80, 0x80, 1]), (.max, [UInt8](repeating: 0xFF, count: 9) + [1]),
    ]
    for (value, bytes) in cases {
      var writer = ByteWriter()
      writer.append(varint: value)
      XCTAssertEqual(writer.array(), bytes)
    }
  }

  func testOverwriteChangesOnlyBytesThatAreWritten() {
    var writer = ByteWriter()
    writer.overwrite(Int32(1), at: 0)
    XCTAssertTrue(writer.isEmpty)
    writer.append([UInt8](repeating: 0xAA, count: 6))
    for offset in [-1, 3, 4, 6, 100, Int.max] { writer.overwrite(Int32(0), at: offset) }
    XCTAssertEqual(writer.array(), [UInt8](repeating: 0xAA, count: 6))
    writer.overwrite(Int32(0x0102_0304), at: 2)
    XCTAssertEqual(writer.array(), [0xAA, 0xAA, 1, 2, 3, 4])
    writer.overwrite(Int64(5), at: 0)
    XCTAssertEqual(writer.array(), [0xAA, 0xAA, 1, 2, 3, 4], "eight bytes do not fit in six")
  }

  func testTruncateForgetsAndKeepsTheStorage() {
    var writer = ByteWriter()
    writer.append([1, 2, 3, 4])
    let capacity = writer.capacity
    for count in [-1, 4, 5] { writer.truncate(to: count) }
    XCTAssertEqual(writer.array(), [1, 2, 3, 4])
    writer.truncate(to: 2)
    XCTAssertEqual(writer.array(), [1, 2])
    writer.truncate(to: 0)
    XCTAssertTrue(writer.isEmpty)
    XCTAssertEqual(writer.capacity, capacity)
  }

  func testResetGivesUpTheStorage() {
    var writer = ByteWriter()
    writer.reset()
    writer.append([1, 2, 3])
    writer.reset()
    XCTAssertEqual(writer.capacity, 0)
    XCTAssertEqual(writer.array(), [])
    writer.append([4])
    XCTAssertEqual(writer.array(), [4])
  }

  func testRoomIsFilledInAndCounted() {
    var writer = ByteWriter()
    writer.withRoom(limit: 10) { _ in XCTFail("there is no room yet") }
    writer.append([1, 2])
    let capacity = writer.capacity
    writer.withRoom(limit: 0) { _ in XCTFail("nothing is wanted") }
    writer.withRoom(limit: -1) { _ in XCTFail("nothing is wanted") }
    writer.withRoom(limit: 3) { space in
      XCTAssertEqual(space.byteCount, 3)
      space.withUnsafeMutableBytes { $0.copyBytes(from: [7, 8, 9]) }
    }
    writer.withRoom(limit: .max) { XCTAssertEqual($0.byteCount, capacity - 2) }
    XCTAssertEqual(writer.array(), [1, 2], "nothing counts before it is said to")
    writer.advance(2)
    XCTAssertEqual(writer.array(), [1, 2, 7, 8])
    writer.advance(-1)
    XCTAssertEqual(writer.count, 4)
    writer.advance(capacity)
    XCTAssertEqual(writer.count, capacity, "no more than the storage has")
    writer.withRoom(limit: 1) { _ in XCTFail("the storage is full") }
  }

  func testCountIsPutInFrontOfWhatItCounts() {
    for (count, bytes) in [(0, [0]), (1, [1]), (127, [127]), (128, [128, 1]), (20_000, [0xA0, 0x9C, 1])]
      as [(Int, [UInt8])]
    {
      var writer = ByteWriter()
      writer.append([1, 2, 3])
      let body = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
      writer.append(body)
      writer.insertCount(at: 3)
      XCTAssertEqual(writer.array(), [1, 2, 3] + bytes + body, "\(count)")
    }
    var writer = ByteWriter()
    writer.append([1, 2])
    writer.insertCount(at: 3)
    writer.insertCount(at: -1)
    XCTAssertEqual(writer.array(), [1, 2])
  }

  func testRemovedBytesAreClosedUp() {
    let bytes = [UInt8](0..<10)
    for offset in -1...11 {
      for count in -1...11 {
        var writer = ByteWriter()
        writer.append(bytes)
        writer.remove(at: offset, count: count)
        var expected = bytes
        if offset >= 0, count >= 0, offset + count <= bytes.count { expected.removeSubrange(offset..<offset + count) }
        XCTAssertEqual(writer.array(), expected, "\(count) at \(offset)")
      }
    }
    var empty = ByteWriter()
    empty.remove(at: 0, count: 0)
    XCTAssertTrue(empty.isEmpty)
  }
}
