import MailroomTransport
import XCTest

@testable import Mailroom

final class ContentTests: XCTestCase {
  // MARK: Failures

  func testFailureIsReadBack() throws {
    let errors = [
      RPCError(.handlerFailed, "Oops", remoteType: "Module.Oops"),
      RPCError(.endpointStopped, "stopped", execution: .notExecuted),
      RPCError(.init(name: "a code of a later version"), ""),
      RPCError(.timeout, "h\u{E4}uschen \u{1F3E0}", execution: .notExecuted, remoteType: "\u{E9}"),
    ]
    for error in errors {
      let copy = try read(written(error))
      XCTAssertEqual(copy.code, error.code)
      XCTAssertEqual(copy.message, error.message)
      XCTAssertEqual(copy.execution, error.execution)
      XCTAssertEqual(copy.remoteType, error.remoteType)
    }
  }

  func testFailureHasTheDocumentedBytes() {
    let error = RPCError(.init(name: "c"), "mm", execution: .notExecuted, remoteType: "ttt")
    XCTAssertEqual(written(error), bytes(hex: "0f 01 01 63 02 6d6d 03 747474"))
    XCTAssertEqual(written(RPCError(.init(name: ""), "")), bytes(hex: "0f 00 00 00 00"))
  }

  func testLongTextsAreCut() throws {
    let error = RPCError(
      .handlerFailed, String(repeating: "\u{20AC}", count: 5000), remoteType: String(repeating: "t", count: 5000))
    let copy = try read(written(error))
    XCTAssertEqual(copy.remoteType?.utf8.count, 4096)
    // Cut in the middle of a character, of which the rest is repaired.
    XCTAssertTrue(copy.message.hasPrefix(String(repeating: "\u{20AC}", count: 1365)))
    XCTAssertLessThanOrEqual(copy.message.count, 1366)
  }

  func testTruncatedFailureIsRefused() {
    let bytes = written(RPCError(.handlerFailed, "message", remoteType: "type"))
    for count in 1..<bytes.count {
      XCTAssertThrowsError(try read(Array(bytes.prefix(count))), "\(count) bytes")
    }
  }

  func testFailureWithAHostileCountIsRefused() {
    XCTAssertThrowsError(try read(bytes(hex: "0f 00 ffffffffffffffffff01 00")))
    XCTAssertThrowsError(try read(bytes(hex: "0f 00 05 61626364")))
  }

  func testErrorOfAHandlerIsDescribed() {
    let own = Content.failure(of: Oops(description: "it broke"))
    XCTAssertEqual(own.code, .handlerFailed)
    XCTAssertEqual(own.message, "it broke")
    XCTAssertEqual(own.remoteType, String(reflecting: Oops.self))
    XCTAssertEqual(own.cause as? Oops, Oops(description: "it broke"))
    let library = Content.failure(of: RPCError(.full, "full", execution: .notExecuted))
    assertIs(library, .full, execution: .notExecuted)
  }

  private func written(_ error: RPCError) -> [UInt8] {
    var writer = ByteWriter()
    Content.append(error, to: &writer)
    return writer.array()
  }

  private func read(_ bytes: [UInt8]) throws -> RPCError {
    var reader = RPCReader(bytes.rawSpan, from: nil)
    XCTAssertEqual(try reader.readByte(), Content.failure)
    return try Content.readFailure(&reader)
  }

  // MARK: Errors of the transport

  func testTransportErrorsHaveTheirCodes() {
    let codes: [(TransportError.Reason, RPCError.Code)] = [
      (.connectionClosed, .connectionLost), (.connectFailed, .connectFailed), (.system, .connectFailed),
      (.unresolvableHost, .unresolvableHost), (.addressInUse, .bindFailed), (.bindFailed, .bindFailed),
      (.timeout, .timeout), (.protocolViolation, .protocolViolation), (.tooLarge, .tooLarge), (.full, .full),
      (.remoteFailure, .remoteFailure), (.stopped, .stopped), (.unencodable, .unencodable),
    ]
    for (reason, code) in codes {
      assertIs(RPCError(TransportError(reason, "text")), code, execution: .unknown)
      let error = RPCError(TransportError(reason, "text", isNotSent: true))
      assertIs(error, code, execution: .notExecuted)
      XCTAssertEqual(error.message, "text")
      XCTAssertEqual((error.cause as? TransportError)?.reason, reason)
    }
  }

  func testErrorsDescribeThemselves() {
    XCTAssertEqual(RPCError(.timeout, "too late").description, "timeout: too late")
    XCTAssertEqual(
      RPCError(.handlerFailed, "Oops", remoteType: "M.Oops", cause: Oops()).description,
      "handlerFailed: Oops (M.Oops) [caused by Oops]")
  }
}
