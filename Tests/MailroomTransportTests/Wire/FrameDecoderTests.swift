import TestSupport
import XCTest

@testable import MailroomTransport

final class FrameDecoderTests: XCTestCase {
  private static let limit = 16 * 1024 * 1024

  /// What came out of a decoder that was fed `pieces`: the frames, and the error that ended it.
  private func decode(
    _ pieces: [[UInt8]], limit: Int = FrameDecoderTests.limit
  ) -> (frames: [[UInt8]], error: FrameError?) {
    var decoder = FrameDecoder(limit: limit)
    var frames: [[UInt8]] = []
    do throws(FrameError) {
      for piece in pieces {
        try decoder.decode(piece.rawSpan) { payload in
          frames.append(payload.array())
          return true
        }
      }
    } catch {
      return (frames, error)
    }
    return (frames, nil)
  }

  /// `bytes` in pieces of random sizes of up to `most` bytes.
  private func cut(_ bytes: [UInt8], most: Int, _ random: inout SeededRandom) -> [[UInt8]] {
    var pieces: [[UInt8]] = []
    var offset = 0
    while offset < bytes.count {
      let count = min(bytes.count - offset, Int.random(in: 1...most, using: &random))
      pieces.append(Array(bytes[offset..<offset + count]))
      offset += count
    }
    return pieces
  }

  // MARK: Pieces

  func testFD1RandomFramesInRandomSlices() {
    for seed in 1...20 {
      var random = SeededRandom(seed: UInt64(seed))
      let payloads = (0..<100).map { _ in random.bytes(Int.random(in: 1...2000, using: &random)) }
      let pieces = cut(payloads.flatMap { [UInt8].frame($0) }, most: 1 << (seed % 14), &random)
      let (frames, error) = decode(pieces)
      XCTAssertNil(error)
      XCTAssertEqual(frames, payloads, "with seed \(seed)")
    }
  }

  func testFD5SplitLengthField() {
    let first = [UInt8].frame([1, 2, 3])
    let second = [UInt8].frame([4])
    for count in 0...8 {
      let pieces = [Array(first[..<count]), Array(first[count...]) + second[..<count], Array(second[count...])]
      let (frames, error) = decode(pieces)
      XCTAssertNil(error)
      XCTAssertEqual(frames, [[1, 2, 3], [4]], "with \(count) bytes of the length first")
    }
  }

  func testGoldenFramesComeOutWholeWhenSplitAtEveryByte() {
    for golden in GoldenFrame.all {
      for split in 0...golden.bytes.count {
        let (frames, error) = decode([Array(golden.bytes[..<split]), Array(golden.bytes[split...])])
        XCTAssertNil(error)
        XCTAssertEqual(frames, [Array(golden.bytes.dropFirst(8))], "\(golden.name), split at \(split)")
      }
    }
  }

  func testGoldenFramesComeOutWholeWhenCoalescedOrSingleBytes() throws {
    let bytes = GoldenFrame.all.flatMap(\.bytes)
    for pieces in [[bytes], bytes.map { [$0] }, [[], bytes, []]] {
      let (frames, error) = decode(pieces)
      XCTAssertNil(error)
      XCTAssertEqual(try frames.map { try ReadMessage(payload: $0) }, GoldenFrame.all.map(\.message))
    }
    for split in 0...bytes.count {
      let (frames, _) = decode([Array(bytes[..<split]), Array(bytes[split...])])
      XCTAssertEqual(frames.count, GoldenFrame.all.count, "all frames in two pieces, split at \(split)")
    }
  }

  func testIsAtFrameBoundaryOnlyBetweenFrames() throws {
    var decoder = FrameDecoder(limit: Self.limit)
    XCTAssertTrue(decoder.isAtFrameBoundary)
    let bytes = [UInt8].frame([1, 2, 3])
    for (index, byte) in bytes.enumerated() {
      try decoder.decode([byte].rawSpan) { _ in true }
      XCTAssertEqual(decoder.isAtFrameBoundary, index == bytes.count - 1, "behind byte \(index)")
    }
  }

  // MARK: Illegal lengths

  /// Checks that a frame of this length is refused, however its length arrives, after a good one was delivered.
  private func expectRefusal(
    of length: Int64, limit: Int = FrameDecoderTests.limit, _ expected: FrameError, line: UInt = #line
  ) {
    let good = [UInt8].frame([42])
    let header = length.wireBytes
    let ways: [[[UInt8]]] = [
      [good + header], [good, header], [good + header + [UInt8](repeating: 3, count: 64)], (good + header).map { [$0] },
      [good + header[..<3], Array(header[3...])],
    ]
    for pieces in ways {
      let (frames, error) = decode(pieces, limit: limit)
      XCTAssertEqual(frames, [[42]], line: line)
      XCTAssertEqual(error, expected, line: line)
    }
  }

  func testFD6NegativeFrameSize() {
    expectRefusal(of: -1, .tooShort(-1))
    expectRefusal(of: .min, .tooShort(.min))
  }

  func testFD7EmptyFrame() {
    expectRefusal(of: 8, .tooShort(8))
  }

  func testX4LengthBelowNineIsRefused() {
    for length in Int64(-1)...8 { expectRefusal(of: length, .tooShort(length)) }
  }

  func testX4LengthAboveTheLimitIsRefused() {
    for limit in [9, 64, 1000, Self.limit] {
      expectRefusal(of: Int64(limit) + 1, limit: limit, .tooLarge(length: Int64(limit) + 1, limit: limit))
      expectRefusal(of: .max, limit: limit, .tooLarge(length: .max, limit: limit))
    }
  }

  func testFrameOfExactlyTheLimitIsDelivered() {
    for limit in [9, 64, 100_000] {
      let payload = [UInt8](repeating: 7, count: limit - 8)
      let bytes = [UInt8].frame(payload)
      for pieces in [[bytes], [Array(bytes[..<5]), Array(bytes[5...])], [Array(bytes.dropLast()), [7]]] {
        let (frames, error) = decode(pieces, limit: limit)
        XCTAssertNil(error)
        XCTAssertEqual(frames, [payload])
      }
    }
  }

  func testLengthIsRefusedAsSoonAsItIsComplete() {
    var decoder = FrameDecoder(limit: 100)
    for byte in Int64(101).wireBytes.dropLast() {
      XCTAssertNoThrow(try decoder.decode([byte].rawSpan) { _ in true })
    }
    XCTAssertThrowsError(try decoder.decode([101].rawSpan) { _ in true })
  }

  // MARK: Failing, stopping

  func testDeliversNothingAfterAFailure() {
    var decoder = FrameDecoder(limit: 100)
    let good = [UInt8].frame([1])
    XCTAssertThrowsError(try decoder.decode(Int64(0).wireBytes.rawSpan) { _ in true })
    for _ in 0..<3 {
      XCTAssertThrowsError(
        try decoder.decode(good.rawSpan) { _ in
          XCTFail("delivered after a failure")
          return true
        }
      ) { XCTAssertEqual($0 as? FrameError, .tooShort(0)) }
      XCTAssertThrowsError(
        try decoder.didFillRoom(1) { _ in
          XCTFail("delivered after a failure")
          return true
        }
      ) { XCTAssertEqual($0 as? FrameError, .tooShort(0)) }
      decoder.withRoom { _ in XCTFail("room offered after a failure") }
    }
  }

  func testErrorOfTheReceiverEndsDecodingForGood() {
    let bytes = [UInt8].frame([1]) + [UInt8].frame([2]) + [UInt8].frame([3])
    for split in [0, 1, 12, bytes.count] {
      var decoder = FrameDecoder(limit: 100)
      var frames: [[UInt8]] = []
      var errors: [FrameError] = []
      for piece in [Array(bytes[..<split]), Array(bytes[split...]), bytes] {
        do throws(FrameError) {
          try decoder.decode(piece.rawSpan) { (payload) throws(FrameError) in
            frames.append(payload.array())
            if payload.byte(at: 0) == 2 { throw .unknownType(2) }
            return true
          }
        } catch {
          errors.append(error)
        }
      }
      XCTAssertEqual(frames, [[1], [2]])
      XCTAssertEqual(Set(errors), [.unknownType(2)])
      XCTAssertTrue(decoder.isAtFrameBoundary, "what was kept of the stream is given back")
    }
  }

  func testDeliversNothingMoreWhenTheReceiverStops() throws {
    let bytes = [UInt8].frame([1]) + [UInt8].frame([2]) + [UInt8].frame([3])
    for split in 0...bytes.count {
      var decoder = FrameDecoder(limit: 100)
      var frames: [[UInt8]] = []
      for piece in [Array(bytes[..<split]), Array(bytes[split...]), bytes, Int64(-1).wireBytes] {
        try decoder.decode(piece.rawSpan) { payload in
          frames.append(payload.array())
          return payload.byte(at: 0) != 2
        }
      }
      XCTAssertEqual(frames, [[1], [2]], "split at \(split)")
    }
  }

  func testDeliversNothingMoreWhenTheReceiverOfALargeFrameStops() throws {
    var decoder = FrameDecoder(limit: Self.limit)
    let bytes = [UInt8].frame([UInt8](repeating: 5, count: 100_000))
    var delivered = 0
    _ = try feed(bytes, to: &decoder, room: 1 << 20) { _ in
      delivered += 1
      return false
    }
    XCTAssertEqual(delivered, 1)
    try decoder.decode(bytes.rawSpan) { _ in
      delivered += 1
      return true
    }
    XCTAssertEqual(delivered, 1)
    decoder.withRoom { _ in XCTFail("room offered though nothing more is wanted") }
  }

  // MARK: Large frames

  /// Feeds `bytes` as a socket does.
  ///
  /// They go into the offered room when there is some, at most `room` bytes at a time, else through `decode` in pieces
  /// of up to `piece` bytes.
  ///
  /// - Returns: how many bytes went into rooms.
  private func feed(
    _ bytes: [UInt8], to decoder: inout FrameDecoder, room: Int, piece: Int = 64 * 1024,
    _ deliver: (RawSpan) throws(FrameError) -> Bool
  ) throws(FrameError) -> Int {
    var offset = 0
    var direct = 0
    while offset < bytes.count {
      var filled = 0
      decoder.withRoom { space in
        filled = min(space.byteCount, bytes.count - offset, room)
        space.withUnsafeMutableBytes { $0.copyBytes(from: bytes[offset..<offset + filled]) }
      }
      if filled > 0 {
        try decoder.didFillRoom(filled, deliver)
        direct += filled
        offset += filled
      } else {
        let count = min(piece, bytes.count - offset)
        try decoder.decode(bytes.rawSpan.extracting(offset..<offset + count), deliver)
        offset += count
      }
    }
    return direct
  }

  func testLargeFramesAreReadStraightIntoTheirStorage() throws {
    var random = SeededRandom(seed: 3)
    for size in [40_000, 256 * 1024, 1_000_000, 5_000_000] {
      var decoder = FrameDecoder(limit: Self.limit)
      let payload = random.bytes(size)
      var frames: [[UInt8]] = []
      let direct = try feed([UInt8].frame(payload), to: &decoder, room: .max, piece: 8) { payload in
        frames.append(payload.array())
        return true
      }
      XCTAssertTrue(frames == [payload], "\(size) bytes")
      XCTAssertEqual(direct, size, "all but the length is read without a copy")
      XCTAssertTrue(decoder.isAtFrameBoundary)
    }
  }

  func testMixOfRoomAndPiecesKeepsEveryFrame() throws {
    for seed in 1...8 {
      var random = SeededRandom(seed: UInt64(seed))
      let sizes = [1, 40_000, 3, 700_000, 32 * 1024, 9, 100_000, 3_000_000, 50, 32 * 1024 - 1, 300_000]
      let payloads = sizes.shuffled(using: &random).map { random.bytes($0) }
      let room = [1000, 65_536, .max][seed % 3]
      let piece = [100, 4096, 65_536, 300_000][seed % 4]
      var decoder = FrameDecoder(limit: Self.limit)
      var count = 0
      _ = try feed(payloads.flatMap { [UInt8].frame($0) }, to: &decoder, room: room, piece: piece) { payload in
        XCTAssertTrue(payload.equals(payloads[count]), "frame \(count) with seed \(seed)")
        count += 1
        return true
      }
      XCTAssertEqual(count, payloads.count)
      XCTAssertTrue(decoder.isAtFrameBoundary)
    }
  }

  func testRoomIsOfferedOnlyForLargeRests() throws {
    var decoder = FrameDecoder(limit: Self.limit)
    decoder.withRoom { _ in XCTFail("room offered at the start") }
    try decoder.decode([UInt8](repeating: 0, count: 7).rawSpan) { _ in true }
    decoder.withRoom { _ in XCTFail("room offered before the length is known") }

    for (missing, isOffered) in [(32 * 1024 - 1, false), (32 * 1024, true)] {
      var decoder = FrameDecoder(limit: Self.limit)
      let bytes = [UInt8].frame([UInt8](repeating: 1, count: missing))
      try decoder.decode(bytes.rawSpan.extracting(first: 8)) { _ in true }
      var offered = 0
      decoder.withRoom { offered = $0.byteCount }
      XCTAssertEqual(offered > 0, isOffered, "with \(missing) bytes missing")
    }
  }

  func testRoomNeverReachesBeyondTheFrame() throws {
    var decoder = FrameDecoder(limit: Self.limit)
    let bytes = [UInt8].frame([UInt8](repeating: 1, count: 100_000))
    try decoder.decode(bytes.rawSpan.extracting(first: 20)) { _ in true }
    decoder.withRoom { XCTAssertLessThanOrEqual($0.byteCount, bytes.count - 20) }
  }

  func testMemoryGrowsWithBytesThatArriveNotWithTheAnnouncedLength() throws {
    var decoder = FrameDecoder(limit: .max)
    // Announces an exbibyte.
    try decoder.decode((Int64(1) << 60).wireBytes.rawSpan) { _ in true }
    var arrived = 8
    for _ in 0..<60 {
      var room = 0
      decoder.withRoom { room = $0.byteCount }
      XCTAssertGreaterThan(room, 0)
      XCTAssertLessThanOrEqual(room, max(256 * 1024, arrived + 64), "after \(arrived) bytes arrived")
      let count = min(room, 100_000)
      try decoder.didFillRoom(count) { _ in true }
      arrived += count
    }
  }

  func testRoomMayBeLeftUnused() throws {
    var decoder = FrameDecoder(limit: Self.limit)
    let payload = [UInt8](repeating: 9, count: 100_000)
    let bytes = [UInt8].frame(payload)
    var frames: [[UInt8]] = []
    for byte in 0..<3 {
      decoder.withRoom { _ in }
      try decoder.decode(bytes.rawSpan.extracting(byte * 30_000..<(byte + 1) * 30_000)) { _ in true }
    }
    decoder.withRoom { _ in }
    try decoder.decode(bytes.rawSpan.extracting(90_000..<bytes.count)) { payload in
      frames.append(payload.array())
      return true
    }
    XCTAssertEqual(frames, [payload])
  }
}
