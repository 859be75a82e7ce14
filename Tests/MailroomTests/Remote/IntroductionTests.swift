import MailroomTransport
import XCTest

@testable import Mailroom

/// The bytes of introductions, well-formed and hostile.
final class IntroductionTests: XCTestCase {
  private let id = RPCEnvID(high: 0x0102_0304_0506_0708, low: 0x090A_0B0C_0D0E_0F10)

  private func request(_ introduction: Introduction) -> [UInt8] {
    var writer = ByteWriter()
    introduction.appendRequest(to: &writer)
    return writer.array()
  }

  private func reply(_ introduction: Introduction) -> [UInt8] {
    var writer = ByteWriter()
    introduction.appendReply(to: &writer)
    return writer.array()
  }

  private func read(request content: [UInt8]) throws -> Introduction { try Introduction(request: content.rawSpan) }

  private func read(reply body: [UInt8]) throws -> Introduction { try Introduction(reply: body.rawSpan) }

  func testBytesOfRequestAndReply() throws {
    let start = bytes(hex: "0e 03 0102030405060708 090a0b0c0d0e0f10")
    let address = try RPCAddress(host: "ab", port: 0x1234)
    let envelopes = PrefixLimits(count: 0x0506, byteCount: 0x0102_0304, withBranches: true)
    let introduction = Introduction(id: id, address: address, envelopes: envelopes)
    XCTAssertEqual(request(introduction), start + bytes(hex: "0506 01020304 00000506"))
    XCTAssertEqual(reply(introduction), start + bytes(hex: "01 02 6162 1234 0506 01020304 00000506"))
    let large = PrefixLimits(count: 0x0102_0304, byteCount: 1, withBranches: true)
    XCTAssertEqual(
      request(Introduction(id: id, address: nil, envelopes: large)), start + bytes(hex: "4000 00000001 01020304"))
    for limits in [EnvelopeAllowance.small, EnvelopeAllowance.large] { XCTAssertTrue(limits.withBranches) }
  }

  func testOneThatKeepsNoHeadsIsOfVersionTwo() throws {
    let start = bytes(hex: "0e 02 0102030405060708 090a0b0c0d0e0f10")
    let none = bytes(hex: "0000 00000000")
    XCTAssertEqual(request(Introduction(id: id, address: nil)), start + none)
    XCTAssertEqual(reply(Introduction(id: id, address: nil)), start + [0] + none)
    let limits = PrefixLimits(count: 0x0506, byteCount: 0x0102_0304)
    let introduction = Introduction(id: id, address: nil, envelopes: limits)
    XCTAssertEqual(request(introduction), start + bytes(hex: "0506 01020304"))
    XCTAssertEqual(try read(request: request(introduction)), introduction)
    XCTAssertEqual(try read(reply: reply(introduction)), introduction)
  }

  func testVersionOneKeepsNoEnvelopes() throws {
    let start = "0e 01 0102030405060708 090a0b0c0d0e0f10"
    XCTAssertEqual(try read(request: bytes(hex: start)), Introduction(id: id, address: nil))
    XCTAssertEqual(try read(reply: bytes(hex: start + "00")), Introduction(id: id, address: nil))
    XCTAssertEqual(
      try read(reply: bytes(hex: start + "01 02 6162 1234")),
      Introduction(id: id, address: try RPCAddress(host: "ab", port: 0x1234)))
  }

  func testVersionTwoKeepsWhatTwoBytesCanNumber() throws {
    let start = "0e 02 0102030405060708 090a0b0c0d0e0f10"
    for (field, count) in [("1000", 0x1000), ("4000", 0x4000), ("ffff", 0x4000)] {
      let envelopes = PrefixLimits(count: count, byteCount: 5)
      XCTAssertEqual(
        try read(request: bytes(hex: start + field + "00000005")),
        Introduction(id: id, address: nil, envelopes: envelopes))
    }
  }

  /// What version 1 reads: id, flag and address, in these places, whatever follows.
  func testVersionOneUnderstandsThisVersion() throws {
    let address = try RPCAddress(host: "ab", port: 0x1234)
    let introduction = Introduction(id: id, address: address, envelopes: EnvelopeAllowance.large)
    let start = bytes(hex: "0102030405060708 090a0b0c0d0e0f10")
    XCTAssertEqual(Array(request(introduction)[2..<18]), start)
    XCTAssertEqual(Array(reply(introduction)[2..<24]), start + bytes(hex: "01 02 6162 1234"))
    XCTAssertGreaterThanOrEqual(request(introduction)[1], 1)
  }

  func testRoundTrip() throws {
    for _ in 0..<10 {
      let id = RPCEnvID.random()
      XCTAssertEqual(
        try read(request: request(Introduction(id: id, address: nil))),
        Introduction(id: id, address: nil))
      for address in [nil, try RPCAddress(host: "[::1]", port: 0), try RPCAddress(host: "localhost", port: 65535)] {
        let envelopes = PrefixLimits(
          count: .random(in: 0...0xFFFF_FFFF), byteCount: .random(in: 0...0xFFFF_FFFF),
          withBranches: true)
        let introduction = Introduction(id: id, address: address, envelopes: envelopes)
        XCTAssertEqual(try read(reply: reply(introduction)), introduction)
        XCTAssertEqual(
          try read(request: request(introduction)), Introduction(id: id, address: nil, envelopes: envelopes))
      }
    }
  }

  func testRequestSaysNothingOfAnAddress() throws {
    let address = try RPCAddress(host: "somewhere", port: 1)
    let read = try read(request: reply(Introduction(id: id, address: address)))
    XCTAssertEqual(read.id, id)
    XCTAssertNil(read.address)
  }

  func testEveryTruncationIsRefused() throws {
    let asked = request(Introduction(id: id, address: nil))
    let answered = reply(Introduction(id: id, address: try RPCAddress(host: "localhost", port: 7077)))
    for count in asked.indices {
      XCTAssertThrowsError(try read(request: Array(asked[..<count])), "\(count) bytes")
    }
    for count in answered.indices {
      XCTAssertThrowsError(try read(reply: Array(answered[..<count])), "\(count) bytes")
    }
  }

  func testWhatALaterVersionSaysMoreIsNotLookedAt() throws {
    let none = PrefixLimits(count: 0, byteCount: 0, withBranches: true)
    let introduction = Introduction(id: id, address: try RPCAddress(host: "localhost", port: 7077), envelopes: none)
    for version: UInt8 in [3, 4, 255] {
      var asked = request(introduction) + [1, 2, 3]
      var answered = reply(introduction) + [1, 2, 3]
      asked[1] = version
      answered[1] = version
      XCTAssertEqual(try read(request: asked), Introduction(id: id, address: nil, envelopes: none))
      XCTAssertEqual(
        try read(reply: answered), Introduction(id: id, address: introduction.address, envelopes: none))
    }
  }

  func testHostileBytesAreRefused() {
    let start = "0e 01 0102030405060708 090a0b0c0d0e0f10"
    let hostile = [
      "", "0e", "0f 01 0102030405060708 090a0b0c0d0e0f10 00", "0e 00 0102030405060708 090a0b0c0d0e0f10 00",
      start + "02", start + "ff", start + "01 00 0001", start + "01 ff 61", start + "01 ffffffffffffffffff01 61 0001",
      start + "01 02 c3ff 0001", start + "01 01 20 0001", start + "01 04 61406220 0001", start + "01 02 3a3a 00",
      start + "01 03 612f62 0001",
    ]
    for text in hostile {
      XCTAssertThrowsError(try read(reply: bytes(hex: text)), text)
    }
  }

  func testNoChangeOfAByteTraps() throws {
    let good = reply(Introduction(id: id, address: try RPCAddress(host: "localhost", port: 7077)))
    for index in good.indices {
      for value in UInt8.min ... .max {
        var changed = good
        changed[index] = value
        _ = try? read(reply: changed)
        _ = try? read(request: changed)
      }
    }
  }

  func testWhatIsAnIntroductionIsToldByItsFirstByte() {
    for content: [UInt8] in [[0x0E], [0x0E, 1], [], [1], [2], [0x0F], [0xAC, 0xED]] {
      let isOne = Introduction.isIntroduction(content.rawSpan)
      XCTAssertEqual(isOne, content.first == 0x0E, "\(content)")
    }
  }
}
