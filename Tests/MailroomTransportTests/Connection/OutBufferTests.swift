import TestSupport
import XCTest

@testable import MailroomTransport

final class OutBufferTests: XCTestCase {
  /// The other end of a socket.
  private struct Peer {
    var received: [UInt8] = []

    /// Flushes `out` into a socket that has room for `room` bytes.
    mutating func flush(_ out: inout OutBuffer, room: Int) -> OutBuffer.Flush {
      var taken = 0
      return out.flush { bytes in
        let count = min(room - taken, bytes.byteCount)
        taken += count
        received += bytes.extracting(first: count).array()
        return count
      }
    }
  }

  private struct Refusal: Error, Equatable {}

  private func frame(_ index: Int, size: Int) -> [UInt8] {
    (0..<size).map { UInt8(truncatingIfNeeded: index &* 31 &+ $0) }
  }

  func testNothingIsWrittenWhenNothingCollected() {
    var out = OutBuffer()
    XCTAssertTrue(out.isDrained)
    XCTAssertEqual(out.pendingBytes, 0)
    let result = out.flush { _ in
      XCTFail("nothing is to be written")
      return 0
    }
    guard case .done = result else { return XCTFail("nothing is to be written") }
  }

  func testShortWriteAtEveryByteKeepsOrderAndBytes() {
    let frames = (0..<4).map { frame($0, size: [1, 7, 16, 40][$0]) }
    let all = frames.flatMap { $0 }
    for room in 0...all.count {
      var out = OutBuffer()
      var peer = Peer()
      for frame in frames { out.collecting.append(frame) }
      XCTAssertEqual(out.pendingBytes, all.count)
      switch peer.flush(&out, room: room) {
      case .done:
        XCTAssertEqual(room, all.count)
        XCTAssertTrue(out.isDrained)
      case .write(let storage, let offset):
        XCTAssertEqual(offset, room)
        XCTAssertEqual(out.pendingBytes, all.count - room)
        XCTAssertFalse(out.isDrained)
        peer.received += storage.array().dropFirst(offset)
        out.didWrite(storage)
        XCTAssertTrue(out.isDrained)
      }
      XCTAssertEqual(out.pendingBytes, 0)
      XCTAssertEqual(peer.received, all, "with room for \(room)")
    }
  }

  func testPartWrittenWithoutAFlushIsNotWrittenAgain() {
    let frames = (0..<3).map { frame($0, size: [1, 7, 16][$0]) }
    let all = frames.flatMap { $0 }
    for first in 0...all.count {
      for room in 0...all.count - first {
        var out = OutBuffer()
        var peer = Peer()
        for frame in frames { out.collecting.append(frame) }
        let isWhole = out.writePart { bytes in
          peer.received += bytes.extracting(first: first).array()
          return first
        }
        XCTAssertEqual(isWhole, first == all.count)
        XCTAssertEqual(out.pendingBytes, all.count - first)
        XCTAssertEqual(out.isDrained, first == all.count)
        if case .write(let storage, let offset) = peer.flush(&out, room: room) {
          XCTAssertEqual(offset, first + room)
          peer.received += storage.array().dropFirst(offset)
          out.didWrite(storage)
        }
        XCTAssertEqual(peer.received, all, "\(first) bytes, then room for \(room)")
        XCTAssertTrue(out.isDrained)
        XCTAssertEqual(out.pendingBytes, 0)
      }
    }
  }

  func testMessageOfWhichAPartWasWrittenIsDropped() {
    let message = [UInt8].oneWay([1, 2, 3])
    for taken in 0...2 * message.count {
      var out = OutBuffer()
      out.collecting.append(message + message)
      _ = out.writePart { _ in taken }
      let lost = taken == 2 * message.count ? 0 : taken >= message.count ? 1 : 2
      XCTAssertEqual(out.discard().oneWays, lost, "\(taken) bytes were taken")
    }
  }

  func testFramesCollectInAnotherBufferWhileOneIsWritten() {
    var out = OutBuffer()
    var peer = Peer()
    out.collecting.append([1, 2, 3])
    guard case .write(let first, let offset) = peer.flush(&out, room: 1) else { return XCTFail("all was taken") }
    XCTAssertEqual(offset, 1)

    out.collecting.append([4, 5])
    XCTAssertEqual(out.pendingBytes, 4)
    guard case .done = peer.flush(&out, room: 100) else { return XCTFail("two writes at a time") }
    XCTAssertEqual(peer.received, [1], "nothing overtakes what is being written")
    out.collecting.append([6])

    peer.received += first.array().dropFirst(offset)
    out.didWrite(first)
    XCTAssertFalse(out.isDrained)
    guard case .done = peer.flush(&out, room: 100) else { return XCTFail("not all was taken") }
    XCTAssertEqual(peer.received, [1, 2, 3, 4, 5, 6])
    XCTAssertTrue(out.isDrained)
  }

  func testMuchThatCollectsBehindAWriteIsSealedAndKeepsItsOrder() {
    let size = 600 * 1024
    for room in [0, 1, size - 1, size, size + 1, 2 * size, .max] {
      var out = OutBuffer()
      var peer = Peer()
      out.collecting.append([UInt8(0)])
      guard case .write(let first, _) = peer.flush(&out, room: 0) else { return XCTFail("all was taken") }
      var sent: [UInt8] = [0]
      for index in 1...4 {
        let bytes = [UInt8](repeating: UInt8(index), count: index == 4 ? 10 : size)
        out.collecting.append(bytes)
        sent += bytes
        guard case .done = peer.flush(&out, room: room) else { return XCTFail("two writes at a time") }
        XCTAssertEqual(out.pendingBytes, sent.count)
        XCTAssertLessThan(out.collecting.capacity, 2 * size, "one buffer does not grow to the size of the backlog")
      }
      XCTAssertEqual(peer.received, [])
      peer.received += first.array()
      out.didWrite(first)
      var writes = 0
      while !out.isDrained {
        if case .write(let rest, let offset) = peer.flush(&out, room: room) {
          peer.received += rest.array().dropFirst(offset)
          out.didWrite(rest)
        }
        writes += 1
        XCTAssertEqual(out.pendingBytes, sent.count - peer.received.count)
      }
      XCTAssertLessThanOrEqual(writes, 5)
      XCTAssertTrue(peer.received == sent, "with room for \(room)")
    }
  }

  func testRandomTrafficKeepsOrderAndBytes() { expectOrder(seeds: 1...20, steps: 500, most: 300) }

  func testRandomTrafficOfLargeFramesKeepsOrderAndBytes() { expectOrder(seeds: 1...4, steps: 40, most: 700_000) }

  private func expectOrder(seeds: ClosedRange<Int>, steps: Int, most: Int) {
    for seed in seeds {
      var random = SeededRandom(seed: UInt64(seed))
      var out = OutBuffer()
      var peer = Peer()
      var sent: [UInt8] = []
      var written: (storage: [UInt8], offset: Int)?
      // The storage that is away is kept as bytes; a fresh one comes back in its place.
      func finishWrite() {
        guard let (storage, offset) = written else { return }
        peer.received += storage[offset...]
        written = nil
        out.didWrite(ByteWriter(capacity: storage.count))
      }
      for _ in 0..<steps {
        switch Int.random(in: 0...3, using: &random) {
        case 0, 1:
          let bytes = random.bytes(Int.random(in: 1...most, using: &random))
          out.collecting.append(bytes)
          sent += bytes
        case 2:
          let room = Int.random(in: 0...2 * most, using: &random)
          if case .write(let storage, let offset) = peer.flush(&out, room: room) { written = (storage.array(), offset) }
        default: finishWrite()
        }
        XCTAssertEqual(out.pendingBytes, sent.count - peer.received.count)
        XCTAssertEqual(out.isDrained, out.pendingBytes == 0)
      }
      finishWrite()
      _ = peer.flush(&out, room: .max)
      XCTAssertTrue(peer.received == sent, "with seed \(seed)")
    }
  }

  func testStorageIsUsedAgain() {
    var out = OutBuffer()
    var peer = Peer()
    for _ in 0..<3 {
      out.collecting.append([UInt8](repeating: 1, count: 10_000))
      let capacity = out.collecting.capacity
      guard case .done = peer.flush(&out, room: .max) else { return XCTFail("not all was taken") }
      XCTAssertEqual(out.collecting.capacity, capacity)
    }
    // With a write under way there are two storages, which take turns.
    for _ in 0..<3 {
      out.collecting.append([UInt8](repeating: 1, count: 10_000))
      guard case .write(let storage, _) = peer.flush(&out, room: 1) else { return XCTFail("all was taken") }
      out.didWrite(storage)
    }
    XCTAssertGreaterThanOrEqual(out.collecting.capacity, 10_000)
  }

  func testLargeStorageIsGivenBack() {
    var out = OutBuffer()
    var peer = Peer()
    let large = [UInt8](repeating: 1, count: 2 * 1024 * 1024)
    out.collecting.append(large)
    guard case .done = peer.flush(&out, room: .max) else { return XCTFail("not all was taken") }
    XCTAssertEqual(out.collecting.capacity, 0)
    out.collecting.append(large)
    guard case .write(let storage, _) = peer.flush(&out, room: 1) else { return XCTFail("all was taken") }
    out.didWrite(storage)
    out.collecting.append([1])
    guard case .write(let small, _) = peer.flush(&out, room: 0) else { return XCTFail("all was taken") }
    XCTAssertLessThan(small.capacity, large.count)
    XCTAssertLessThan(out.collecting.capacity, large.count)
    out.didWrite(small)
  }

  func testErrorOfTheSocketPassesThrough() {
    var out = OutBuffer()
    out.collecting.append([1, 2, 3])
    do throws(Refusal) {
      _ = try out.flush { (_) throws(Refusal) in throw Refusal() }
      XCTFail("no error")
    } catch {
      XCTAssertEqual(error, Refusal())
    }
    XCTAssertEqual(out.pendingBytes, 3)
    XCTAssertFalse(out.isDrained)
  }

  func testErrorOfTheSocketKeepsWhatWasSealed() {
    var out = OutBuffer()
    var peer = Peer()
    out.collecting.append([UInt8(0)])
    guard case .write(let first, _) = peer.flush(&out, room: 0) else { return XCTFail("all was taken") }
    out.collecting.append([UInt8](repeating: 1, count: 1 << 20))
    _ = peer.flush(&out, room: 0)
    out.didWrite(first)
    do throws(Refusal) {
      _ = try out.flush { (_) throws(Refusal) in throw Refusal() }
      XCTFail("no error")
    } catch {
      XCTAssertEqual(out.pendingBytes, 1 << 20)
    }
  }

  func testMessagesThatWereNotTakenAsAWholeAreCountedWhereverTheyAre() {
    let frame = [UInt8].oneWay([UInt8](repeating: 7, count: 87))
    XCTAssertEqual(frame.count, 100)
    for taken in [0, 1, 99, 100, 101, 450, 999, 1000] {
      var out = OutBuffer()
      var peer = Peer()
      for _ in 0..<10 { out.collecting.append(frame) }
      guard case .write(let first, let offset) = peer.flush(&out, room: 0) else { return XCTFail("all was taken") }
      XCTAssertEqual(offset, 0)
      for _ in 0..<6000 { out.collecting.append(frame) }
      _ = peer.flush(&out, room: 0)
      XCTAssertEqual(out.collecting.count, 0, "these are sealed")
      for _ in 0..<3 { out.collecting.append(frame) }
      out.didFail(first, unsent: 1000 - taken)
      XCTAssertEqual(out.discard().total, 10 - taken / 100 + 6000 + 3)
      XCTAssertTrue(out.isDrained)
      XCTAssertEqual(out.discard().total, 0)
    }
  }

  func testWhatADirectWriteTookDoesNotCount() {
    let frame = [UInt8].oneWay([UInt8](repeating: 7, count: 87))
    for (room, expected) in [(0, 10), (99, 10), (100, 9), (950, 1)] {
      var out = OutBuffer()
      var peer = Peer()
      for _ in 0..<10 { out.collecting.append(frame) }
      guard case .write(let rest, let offset) = peer.flush(&out, room: room) else { return XCTFail("all was taken") }
      out.didFail(rest, unsent: 1000 - offset)
      XCTAssertEqual(out.discard().total, expected, "with room for \(room)")
    }
  }
}
