import TestSupport
import XCTest

@testable import MailroomTransport

final class WireMessageTests: XCTestCase {
  private func payload(_ message: ReadMessage) throws -> [UInt8] { Array(try message.frame().dropFirst(8)) }

  // MARK: Round trips

  func testPR1RequestsAreReadAsWritten() throws {
    for message in ReadMessage.samples {
      switch message {
      case .chunkFetchRequest, .rpcRequest, .streamRequest, .oneWay, .uploadStream, .rpcRequestWithDeadline, .cancel:
        XCTAssertEqual(try ReadMessage(payload: payload(message)), message)
      default: continue
      }
    }
  }

  func testPR2ResponsesAreReadAsWritten() throws {
    for message in ReadMessage.samples {
      switch message {
      case .chunkFetchRequest, .rpcRequest, .streamRequest, .oneWay, .uploadStream, .rpcRequestWithDeadline, .cancel:
        continue
      default: XCTAssertEqual(try ReadMessage(payload: payload(message)), message)
      }
    }
  }

  func testSamplesHaveEveryType() throws {
    let types = try Set(ReadMessage.samples.map { try payload($0)[0] })
    XCTAssertEqual(types, Set(0...10).union(64...68))
  }

  func testFrameLengthIsThatOfTheWholeFrame() throws {
    for message in ReadMessage.samples {
      let frame = try message.frame()
      XCTAssertEqual(Array(frame[..<8]), Int64(frame.count).wireBytes, "\(message)")
    }
  }

  // MARK: The kinds that are read without a look at the others

  func testShortWayReadsWhatTheLongWayReads() throws {
    let whole = try ReadMessage.samples.map { try payload($0) }
    let cut = whole.flatMap { payload in (1...payload.count).map { Array(payload.prefix($0)) } }
    for payload in cut {
      let bytes = payload.rawSpan
      switch try? ReadMessage(payload: payload) {
      case .rpcResponse(let id, let body):
        XCTAssertEqual(bytes.idOfResponse, id)
        XCTAssertEqual(bytes.dropping(RawSpan.responseHeader).array(), body)
      case .rpcRequestWithDeadline(let id, let left, let body):
        XCTAssertEqual(bytes.idAndTimeOfRequest?.id, id)
        XCTAssertEqual(bytes.idAndTimeOfRequest?.nanosecondsLeft, left)
        XCTAssertEqual(bytes.dropping(RawSpan.timedRequestHeader).array(), body)
      case .oneWay(let body):
        XCTAssertTrue(bytes.isOneWay)
        XCTAssertEqual(bytes.dropping(RawSpan.oneWayHeader).array(), body)
      default:
        XCTAssertNil(bytes.idOfResponse, "\(payload)")
        XCTAssertNil(bytes.idAndTimeOfRequest, "\(payload)")
        XCTAssertFalse(bytes.isOneWay, "\(payload)")
      }
    }
  }

  func testRequestWithoutTimeLeftIsForTheLongWay() throws {
    for left: Int64 in [0, -1, .min] {
      let payload: [UInt8] = [64] + Int64(5).wireBytes + left.wireBytes + [0, 0, 0, 1, 7]
      XCTAssertNil(payload.rawSpan.idAndTimeOfRequest)
    }
  }

  // MARK: Captured bytes

  func testGoldenFramesAreWrittenExactly() throws {
    for golden in GoldenFrame.all { XCTAssertEqual(try golden.message.frame(), golden.bytes, golden.name) }
  }

  func testGoldenFramesAreRead() throws {
    for golden in GoldenFrame.all {
      XCTAssertEqual(try ReadMessage(payload: Array(golden.bytes.dropFirst(8))), golden.message, golden.name)
    }
  }

  // MARK: Bytes that are no message

  /// Bytes of each type's header that must be there, for the samples, whose bodies follow them.
  private func headerSize(_ message: ReadMessage) -> Int {
    switch message {
    case .chunkFetchRequest, .chunkFetchSuccess: 1 + 8 + 4
    case .chunkFetchFailure(_, _, let error): 1 + 8 + 4 + 4 + error.count
    case .rpcRequest, .rpcResponse: 1 + 8 + 4
    case .rpcFailure(_, let error): 1 + 8 + 4 + error.count
    case .streamRequest(let streamID): 1 + 4 + streamID.count
    case .streamResponse(let streamID, _): 1 + 4 + streamID.count + 8
    case .streamFailure(let streamID, let error): 1 + 4 + streamID.count + 4 + error.count
    case .oneWay: 1 + 4
    case .uploadStream(_, let metadata, _): 1 + 8 + 4 + metadata.count + 8
    case .rpcRequestWithDeadline: 1 + 8 + 8 + 4
    case .cancel: 1 + 8
    case .pauseEndpoint(let name), .resumeEndpoint(let name): 1 + 4 + name.count
    case .numberPrefix(let number, let prefix): 1 + (number < 0x4000 ? 2 : 4) + 4 + prefix.count
    }
  }

  func testTruncatedHeadersAreMalformed() throws {
    for message in ReadMessage.samples {
      let payload = try payload(message)
      for count in 1..<headerSize(message) {
        do throws(FrameError) {
          let read = try ReadMessage(payload: Array(payload[..<count]))
          XCTFail("\(count) bytes of \(message) were read as \(read)")
        } catch {
          guard case .malformed = error else { return XCTFail("\(error) for \(count) bytes of \(message)") }
        }
      }
      XCTAssertNoThrow(try ReadMessage(payload: Array(payload[..<headerSize(message)])), "\(message)")
    }
  }

  func testEmptyPayloadIsTooShort() {
    XCTAssertThrowsError(try ReadMessage(payload: [])) { XCTAssertEqual($0 as? FrameError, .tooShort(8)) }
  }

  func testUnknownTypesAreRefused() {
    for type in UInt8(11)...255 where !(64...68).contains(type) {
      XCTAssertThrowsError(try ReadMessage(payload: [type] + [UInt8](repeating: 0, count: 64))) {
        XCTAssertEqual($0 as? FrameError, .unknownType(type))
      }
    }
  }

  func testEN5NegativeTextLengthsAreMalformed() { expectRefusal(ofTextLengths: [-1, -1000, .min]) }

  func testEN6TextLengthsLargerThanTheRestAreMalformed() { expectRefusal(ofTextLengths: [11, 12, 1 << 20, .max]) }

  private func expectRefusal(ofTextLengths lengths: [Int32], line: UInt = #line) {
    let id = Int64(1).wireBytes
    let index = Int32(2).wireBytes
    // Ten bytes follow each length.
    let rest = [UInt8](repeating: 0, count: 10)
    for length in lengths.map(\.wireBytes) {
      let payloads: [[UInt8]] = [
        [2] + id + index + length + rest, [5] + id + length + rest, [6] + length + rest, [7] + length + rest,
        [8] + length + rest, [8] + Int32(0).wireBytes + length + rest, [10] + id + length + rest,
        [66] + length + rest, [67] + length + rest, [68, 0, 0] + length + rest,
      ]
      for payload in payloads {
        do throws(FrameError) {
          let message = try ReadMessage(payload: payload)
          XCTFail("read \(message)", line: line)
        } catch {
          guard case .malformed = error else { return XCTFail("\(error)", line: line) }
        }
      }
    }
  }

  func testBodyLengthInHeadersIsNotTrusted() throws {
    for length in [Int32.min, -1, 0, 1, 1000, .max] {
      let (id, length) = (Int64(4).wireBytes, length.wireBytes)
      XCTAssertEqual(try ReadMessage(payload: [3] + id + length + [1, 2]), .rpcRequest(id: 4, body: [1, 2]))
      XCTAssertEqual(try ReadMessage(payload: [4] + id + length + [1, 2]), .rpcResponse(id: 4, body: [1, 2]))
      XCTAssertEqual(try ReadMessage(payload: [9] + length + [1, 2]), .oneWay(body: [1, 2]))
      XCTAssertEqual(
        try ReadMessage(payload: [64] + id + id + length + [1, 2]),
        .rpcRequestWithDeadline(id: 4, nanosecondsLeft: 4, body: [1, 2]))
    }
  }

  func testDeadlinesThatHavePassedAreMalformed() throws {
    for left in [Int64(0), -1, .min] {
      let payload = [64] + Int64(4).wireBytes + left.wireBytes + Int32(2).wireBytes + [1, 2]
      XCTAssertThrowsError(try ReadMessage(payload: payload)) { error in
        guard case .malformed? = error as? FrameError else { return XCTFail("\(error)") }
      }
    }
  }

  func testExtensionsAreWrittenAsTheirLayoutsSay() throws {
    let id = Int64(0x0102_0304_0506_0708)
    let bytes: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
    XCTAssertEqual(
      try ReadMessage.rpcRequestWithDeadline(id: id, nanosecondsLeft: 258, body: [9]).frame(),
      .frame([64] + bytes + [0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 1, 9]))
    XCTAssertEqual(try ReadMessage.cancel(id: id).frame(), .frame([65] + bytes))
    XCTAssertEqual(try ReadMessage.pauseEndpoint(name: [7, 8]).frame(), .frame([66, 0, 0, 0, 2, 7, 8]))
    XCTAssertEqual(try ReadMessage.resumeEndpoint(name: [7]).frame(), .frame([67, 0, 0, 0, 1, 7]))
    XCTAssertEqual(
      try ReadMessage.numberPrefix(number: 258, prefix: [7, 8]).frame(), .frame([68, 1, 2, 0, 0, 0, 2, 7, 8]))
    XCTAssertEqual(
      try ReadMessage.numberPrefix(number: 0x4000, prefix: [7]).frame(),
      .frame([68, 0xC0, 0, 0x40, 0, 0, 0, 0, 1, 7]))
  }

  func testNumbersThatAreNotWrittenSoAreMalformed() {
    func read(_ payload: [UInt8]) throws { _ = try WireMessage(payload: payload.rawSpan) }
    for number: [UInt8] in [[0x40, 0], [0x80, 0], [0xBF, 0xFF], [0xC0, 0, 0, 0], [0xC0, 0, 0x3F, 0xFF]] {
      XCTAssertThrowsError(try read([68] + number + [0, 0, 0, 1, 7]), "\(number)")
    }
  }

  func testRandomPayloadsNeverDoWorseThanAnError() {
    var random = SeededRandom(seed: 11)
    for _ in 0..<20_000 {
      var payload = random.bytes(Int.random(in: 1...40, using: &random))
      payload[0] = payload[0] % 16 < 12 ? payload[0] % 16 : 64 + payload[0] % 4
      if payload.count > 12 && payload[1] < 128 { for index in 1...11 { payload[index] = 0 } }
      _ = try? ReadMessage(payload: payload)
    }
  }

  func testErrorsSayWhatIsWrong() {
    XCTAssertEqual("\(FrameError.tooShort(7))", "frame length 7 is below the minimum of 9")
    XCTAssertEqual("\(FrameError.tooLarge(length: 10, limit: 9))", "frame length 10 is above the limit of 9")
    XCTAssertEqual("\(FrameError.unknownType(77))", "unknown message type 77")
    XCTAssertEqual("\(FrameError.unsupported(10))", "message type 10 is not supported")
    XCTAssertEqual(
      "\(FrameError.malformed(.init(expected: "a byte", offset: 3)))", "malformed message: expected a byte at offset 3")
  }
}
