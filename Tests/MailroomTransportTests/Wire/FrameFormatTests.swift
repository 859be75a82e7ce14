import XCTest

@testable import MailroomTransport

final class FrameFormatTests: XCTestCase {
  func testOverheadsAreWhatAFrameAddsToItsBody() throws {
    for count in [0, 1, 100] {
      let body = [UInt8](repeating: 1, count: count)
      XCTAssertEqual(try ReadMessage.rpcRequest(id: 1, body: body).frame().count, FrameFormat.rpcOverhead + count)
      XCTAssertEqual(try ReadMessage.rpcResponse(id: 1, body: body).frame().count, FrameFormat.rpcOverhead + count)
      XCTAssertEqual(try ReadMessage.oneWay(body: body).frame().count, FrameFormat.oneWayOverhead + count)
    }
  }

  func testBodyLengthIsWritten() throws {
    for count in [0, 1, 255, 256, 70_000] {
      let body = [UInt8](repeating: 1, count: count)
      let length = Int32(count).wireBytes
      XCTAssertEqual(Array(try ReadMessage.rpcRequest(id: 1, body: body).frame()[17..<21]), length)
      XCTAssertEqual(Array(try ReadMessage.rpcResponse(id: 1, body: body).frame()[17..<21]), length)
      XCTAssertEqual(Array(try ReadMessage.oneWay(body: body).frame()[9..<13]), length)
    }
  }

  func testOpenFrameIsFilledInAroundItsBody() throws {
    var writer = ByteWriter()
    writer.append([0xEE, 0xEE])
    let request = writer.beginRPC(.rpcRequest, id: 7)
    writer.append([1, 2, 3])
    try writer.endFrame(request, limit: 24)
    let answer = writer.beginRPC(.rpcResponse, id: -7)
    try writer.endFrame(answer, limit: 21)
    let oneWay = writer.beginOneWay()
    writer.append([4])
    try writer.endFrame(oneWay, limit: 14)
    XCTAssertEqual(
      writer.array(), [0xEE, 0xEE] + .request(id: 7, [1, 2, 3]) + .answer(id: -7, []) + .oneWay([4]))
  }

  func testOpenFrameAboveTheLimitIsTakenBack() throws {
    for count in [1, 5, 100_000] {
      var writer = ByteWriter()
      writer.append([1, 2, 3])
      for isRPC in [true, false] {
        let overhead = isRPC ? FrameFormat.rpcOverhead : FrameFormat.oneWayOverhead
        let frame = isRPC ? writer.beginRPC(.rpcRequest, id: 1) : writer.beginOneWay()
        writer.append([UInt8](repeating: 9, count: count))
        let limit = overhead + count - 1
        do throws(FrameError) {
          try writer.endFrame(frame, limit: limit)
          XCTFail("no error")
        } catch {
          XCTAssertEqual(error, .tooLarge(length: Int64(overhead + count), limit: limit))
        }
        XCTAssertEqual(writer.array(), [1, 2, 3])
      }
    }
  }

  func testMessageOfExactlyTheLimitIsWrittenAndOneAboveIsTakenBack() throws {
    for message in ReadMessage.samples {
      let size = try message.frame().count
      XCTAssertEqual(try message.frame(limit: size).count, size)

      var writer = ByteWriter()
      writer.append([1, 2, 3])
      do throws(FrameError) {
        try message.append(to: &writer, limit: size - 1)
        XCTFail("no error for \(message)")
      } catch {
        XCTAssertEqual(error, .tooLarge(length: Int64(size), limit: size - 1), "\(message)")
      }
      XCTAssertEqual(writer.array(), [1, 2, 3], "\(message)")
      try message.append(to: &writer, limit: size)
      XCTAssertEqual(Array(writer.array().dropFirst(3)), try message.frame(), "\(message)")
    }
  }

  func testBlockIsReadAsWritten() throws {
    var writer = ByteWriter()
    writer.append(block: [UInt8]().rawSpan)
    writer.append(block: [5, 6].rawSpan)
    let bytes = writer.array()
    XCTAssertEqual(bytes, [0, 0, 0, 0, 0, 0, 0, 2, 5, 6])
    var reader = ByteReader(bytes.rawSpan)
    XCTAssertEqual(try reader.readBlock().array(), [])
    XCTAssertEqual(try reader.readBlock().array(), [5, 6])
    XCTAssertThrowsError(try reader.readBlock().array())
  }

  func testMessagesAreCountedByTheEndOfTheirFrames() throws {
    let frames: [[UInt8]] = [
      .oneWay([1, 2]), .request(id: 1, [3]), .answer(id: 2, []), .failure(id: 3, "no"),
      try ReadMessage.streamFailure(streamID: [1], error: [2]).frame(), .oneWay([]),
    ]
    let isCounted = [true, false, true, true, false, true]
    let all = frames.flatMap { $0 }
    for taken in 0...all.count {
      var (end, expected) = (0, 0)
      for (frame, isCounted) in zip(frames, isCounted) {
        end += frame.count
        if isCounted && end > taken { expected += 1 }
      }
      XCTAssertEqual(all.rawSpan.countMessages(endingBehind: taken).total, expected, "behind \(taken) bytes")
    }
  }

  func testCountOfMessagesEndsWithTheFrames() {
    let frame = [UInt8].oneWay([1, 2])
    for rest in [[], [1], Int64(8).wireBytes + [9], Int64.max.wireBytes + [9], Int64.min.wireBytes + [9, 9]]
      as [[UInt8]]
    {
      XCTAssertEqual((frame + rest).rawSpan.countMessages(endingBehind: 0).total, 1)
    }
    for count in 0..<frame.count {
      XCTAssertEqual(Array(frame[..<count]).rawSpan.countMessages(endingBehind: 0).total, 0)
    }
  }

  func testTimedRequestIsFilledInAroundItsBody() throws {
    for count in [0, 1, 1000] {
      let body = [UInt8](repeating: 1, count: count)
      var writer = ByteWriter()
      writer.append([0xEE])
      let frame = writer.beginTimedRequest(id: 7, nanosecondsLeft: 99)
      writer.append(body)
      try writer.endFrame(frame, limit: FrameFormat.timedRPCOverhead + count)
      let expected = try ReadMessage.rpcRequestWithDeadline(id: 7, nanosecondsLeft: 99, body: body).frame()
      XCTAssertEqual(writer.array(), [0xEE] + expected)
      XCTAssertEqual(expected.count, FrameFormat.timedRPCOverhead + count)
    }
  }

  func testTimedRequestThatFitsOnlyWithoutItsDeadlineLosesIt() throws {
    for count in [0, 1, 5, 1000] {
      let body = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
      for spare in 0..<8 {
        var writer = ByteWriter()
        writer.append([0xEE])
        let frame = writer.beginTimedRequest(id: 7, nanosecondsLeft: 99)
        writer.append(body)
        try writer.endFrame(frame, limit: FrameFormat.rpcOverhead + count + spare)
        XCTAssertEqual(writer.array(), [0xEE] + .request(id: 7, body))
      }
      var writer = ByteWriter()
      let frame = writer.beginTimedRequest(id: 7, nanosecondsLeft: 99)
      writer.append(body)
      XCTAssertThrowsError(try writer.endFrame(frame, limit: FrameFormat.rpcOverhead + count - 1))
      XCTAssertTrue(writer.isEmpty)
    }
  }

  func testIDOfAFrameIsRead() {
    for frame in [[UInt8].request(id: -3, [1]), .answer(id: -3, []), .failure(id: -3, "no")] {
      var writer = ByteWriter()
      writer.append(frame)
      XCTAssertEqual(writer.requestID, -3)
    }
  }
}
