import MailroomTransport
import XCTest

@testable import Mailroom

/// Row NE3, and the reference's bytes.
final class EnvelopeTests: XCTestCase {
  /// The captured question whether "echo" exists, as request 1 of a client-mode process to 127.0.0.1:12345.
  static let goldenQuestion = bytes(
    hex: """
      00000000000000ae 03 0000000000000001 00000099 00
      01 0009 3132372e302e302e31 00003039
      0011 656e64706f696e742d7665726966696572
      aced0005 73 72 003d 6f72672e6170616368652e737061726b2e7270632e6e657474792e
      527063456e64706f696e74566572696669657224436865636b4578697374656e6365
      6c191eae8e40c01f 02 0001 4c 0004 6e616d65 74 0012 4c6a6176612f6c616e672f537472696e673b 78 70 74 0004 6563686f
      """)

  /// The captured answer, true, to request 1.
  static let goldenAnswer = bytes(
    hex: """
      0000000000000044 04 0000000000000001 0000002f
      aced0005 73 72 0011 6a6176612e6c616e672e426f6f6c65616e cd207280d59cfaee 02 0001 5a 0005 76616c7565 78 70 01
      """)

  /// The captured request "hello" to "echo", number 2.
  static let goldenHello = bytes(
    hex: """
      0000000000000038 03 0000000000000002 00000023 00 01 0009 3132372e302e302e31 00003039 0004 6563686f
      aced0005 74 0005 68656c6c6f
      """)

  // MARK: Golden bytes

  func testQuestionIsTheCapturedFrame() throws {
    XCTAssertEqual(Self.goldenQuestion.count, 174)
    let receiver = try RPCAddress(host: "127.0.0.1", port: 12345)
    let envelope = try Envelope.bytes(sender: nil, receiver: receiver, name: RemoteHandler.verifierName)
    let frame = try frame(.rpcRequest, id: 1, envelope + JavaObjectStream.checkExistence(name: "echo"))
    XCTAssertEqual(frame, Self.goldenQuestion)
  }

  func testHelloIsTheCapturedFrame() throws {
    let receiver = try RPCAddress(host: "127.0.0.1", port: 12345)
    let envelope = try Envelope.bytes(sender: nil, receiver: receiver, name: "echo")
    XCTAssertEqual(
      try frame(.rpcRequest, id: 2, envelope + bytes(hex: "aced0005 74 0005 68656c6c6f")), Self.goldenHello)
  }

  func testAnswerIsTheCapturedFrame() throws {
    XCTAssertEqual(Self.goldenAnswer.count, 68)
    XCTAssertEqual(try frame(.rpcResponse, id: 1, JavaObjectStream.boolean(true)), Self.goldenAnswer)
    let negative = Self.goldenAnswer.dropLast() + [0]
    XCTAssertEqual(try frame(.rpcResponse, id: 1, JavaObjectStream.boolean(false)), Array(negative))
  }

  func testCapturedQuestionIsRead() throws {
    let body = Array(Self.goldenQuestion.dropFirst(21))
    let envelope = try Envelope(parsing: body.rawSpan)
    XCTAssertNil(envelope.sender)
    XCTAssertEqual(envelope.name.utf8String(), "endpoint-verifier")
    XCTAssertEqual(JavaObjectStream.parseCheckExistence(envelope.content), "echo")
  }

  private func frame(_ kind: WireMessage.Kind, id: Int64, _ body: [UInt8]) throws -> [UInt8] {
    var writer = ByteWriter()
    let frame = writer.beginRPC(kind, id: id)
    writer.append(body)
    try writer.endFrame(frame, limit: 1000)
    return writer.array()
  }

  // MARK: Round trips

  func testNE3EnvelopeIsReadBackWithAndWithoutSender() throws {
    let addresses = [
      nil, try RPCAddress(host: "localhost", port: 12345), try RPCAddress(host: "::0:1", port: 65535),
      try RPCAddress(host: "h", port: 0),
    ]
    for sender in addresses {
      for receiver in addresses {
        for content in [[], [1], [UInt8](repeating: 0xAC, count: 300)] {
          let bytes = try Envelope.bytes(sender: sender, receiver: receiver, name: "name") + content
          let envelope = try Envelope(parsing: bytes.rawSpan)
          XCTAssertEqual(envelope.sender, sender)
          XCTAssertEqual(envelope.name.utf8String(), "name")
          XCTAssertEqual(envelope.content.array(), content)
        }
      }
    }
  }

  func testLongestNameFits() throws {
    let name = String(repeating: "n", count: 65535)
    let bytes = try Envelope.bytes(sender: nil, receiver: nil, name: name)
    XCTAssertEqual(try Envelope(parsing: bytes.rawSpan).name.byteCount, 65535)
    XCTAssertThrowsError(try Envelope.bytes(sender: nil, receiver: nil, name: name + "n")) { error in
      assertIs(error as? RPCError, .invalidAddress, execution: .notExecuted)
    }
  }

  // MARK: Bytes of strangers

  func testTruncatedEnvelopeIsRefused() throws {
    let address = try RPCAddress(host: "localhost", port: 1)
    let bytes = try Envelope.bytes(sender: address, receiver: address, name: "name")
    for count in 0..<bytes.count {
      XCTAssertThrowsError(try read(Array(bytes.prefix(count))), "\(count) bytes")
    }
    XCTAssertNoThrow(try read(bytes))
  }

  func testFlagThatIsNeitherNorIsRefused() {
    XCTAssertThrowsError(try read([2, 0, 0, 0]))
    XCTAssertThrowsError(try read([0, 255, 0, 0]))
    XCTAssertNoThrow(try read([0, 0, 0, 0]))
  }

  func testSenderThatIsNoAddressIsNobody() throws {
    for (host, port) in [("a b", 1), ("", 1), ("host", -1), ("host", 65536)] as [(String, Int32)] {
      var writer = ByteWriter()
      writer.append(1)
      writer.append(integer: UInt16(host.utf8.count))
      writer.append(utf8: host)
      writer.append(integer: port)
      writer.append(bytes(hex: "00 0001 6e"))
      let bytes = writer.array()
      let envelope = try Envelope(parsing: bytes.rawSpan)
      XCTAssertNil(envelope.sender, "\(host):\(port)")
      XCTAssertEqual(envelope.name.utf8String(), "n")
    }
  }

  private func read(_ bytes: [UInt8]) throws { _ = try Envelope(parsing: bytes.rawSpan).name.byteCount }
}
