import Foundation
import MailroomQueue
import TestSupport
import XCTest

@testable import MailroomTransport

/// A client that is used by those that it calls, or that it encodes the messages of.
final class TransportClientReentryTests: TransportTestCase {
  private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  func testRequestMayBeSentFromTheCallbackOfAnother() throws {
    let client = try makePair()
    let done = Signal("the last answer")
    let count = Box(0)
    @Sendable func again() {
      do {
        try client.sendRPC([UInt8]("\(count.value)".utf8).rawSpan, timeout: .seconds(30)) { response in
          XCTAssertTrue(client.loop.isCurrent)
          XCTAssertEqual(Outcome(response), .success([UInt8]("\(count.value)".utf8)))
          count.update { $0 += 1 }
          if count.value == 1000 { return done.fire() }
          again()
        }
      } catch {
        XCTFail("\(error)")
      }
    }
    again()
    done.wait()
    XCTAssertEqual(count.value, 1000)
  }

  func testHandlerMaySendOnItsConnection() throws {
    let service = ServiceLog { service in
      let client = service.log.client
      service.onOpen = { try? client.tell(Array("welcome".utf8)) }
      service.onOneWay = { body in try? client.tell(Array("heard ".utf8) + body.array()) }
    }
    let clientSide = ServiceLog()
    let client = try makePair(service, clientSide)
    try client.tell(bytes("you"))
    let log = try XCTUnwrap(clientSide.connection())
    log.noted.wait(2)
    XCTAssertEqual(log.oneWays.value, [bytes("welcome"), bytes("heard you")])
  }

  func testBothSidesMayAskOnOneConnection() throws {
    let service = ServiceLog()
    let client = try makePair(service)
    let log = try XCTUnwrap(service.connection())
    let there = try (0..<100).map { try client.ask("there \($0)") }
    let back = try (0..<100).map { try log.client.ask("back \($0)") }
    for index in 0..<100 {
      XCTAssertEqual(there[index].outcome(), .success(bytes("there \(index)")))
      XCTAssertEqual(back[index].outcome(), .success(bytes("back \(index)")))
    }
    XCTAssertTrue(client.isOutgoing)
    XCTAssertFalse(log.client.isOutgoing)
  }

  func testOrderIsKeptWhenEncodingSendsOnTheSameConnection() throws {
    for size in [10, 300 * 1024] {
      let (client, peer) = try makeRawPair()
      let large = [UInt8](repeating: 2, count: size)
      try onLoop(client.loop) {
        try client.tell([1])
        try client.send { (writer) throws(TransportError) in
          writer.append(UInt8(3))
          try client.tell(large)
          writer.append(UInt8(3))
        }
        try client.tell([4])
      }
      // What was sent before leaves before; what was sent while encoding leaves behind the message that was begun.
      XCTAssertEqual(try peer.receiveMessage(), .oneWay(body: [1]))
      XCTAssertEqual(try peer.receiveMessage(), .oneWay(body: [3, 3]))
      XCTAssertTrue(try peer.receiveMessage() == .oneWay(body: large))
      XCTAssertEqual(try peer.receiveMessage(), .oneWay(body: [4]))
    }
  }

  func testNothingIsLostWhenEncodingClosesTheConnection() throws {
    for isThrowing in [false, true] {
      let (client, peer) = try makeRawPair()
      try onLoop(client.loop) {
        try client.tell([1])
        try? client.send { (writer) throws(TransportError) in
          writer.append(UInt8(2))
          client.close()
          if isThrowing { throw TransportError(.unencodable, "changed its mind") }
        }
      }
      let sent = [UInt8].oneWay([1]) + (isThrowing ? [] : .oneWay([2]))
      let (bytes, isReset) = try peer.receiveToEnd()
      XCTAssertEqual(bytes, sent)
      XCTAssertFalse(isReset)
    }
  }

  func testRequestIsToldOnceWhenEncodingClosesTheConnectionAndThrows() throws {
    let (client, peer) = try makeRawPair()
    let reply = Reply()
    let error = try onLoop(client.loop) { () -> TransportError? in
      do throws(TransportError) {
        try client.sendRPC(.receiver(reply), deadline: .distantFuture) { (_) throws(TransportError) in
          client.close()
          throw TransportError(.unencodable, "changed its mind")
        }
        return nil
      } catch {
        return error
      }
    }
    XCTAssertEqual(reply.outcomes.map(\.reason), [.connectionClosed])
    XCTAssertNil(error, "the request was told already")
    XCTAssertTrue(try peer.receiveToEnd().bytes.isEmpty)
  }

  func testNothingIsSentOfAMessageThatCannotBeEncoded() throws {
    let (client, peer) = try makeRawPair()
    let refused = Reply()
    let send: @Sendable () throws -> Void = {
      try client.tell([1])
      let fail = { (writer: inout ByteWriter) throws(TransportError) in
        writer.append([UInt8](repeating: 0xEE, count: 100))
        throw TransportError(.unencodable, "no such thing")
      }
      XCTAssertThrowsError(try client.send(fail)) { XCTAssertEqual(($0 as? TransportError)?.reason, .unencodable) }
      XCTAssertThrowsError(try client.sendRPC(.receiver(refused), deadline: .distantFuture, fail)) {
        XCTAssertEqual(($0 as? TransportError)?.reason, .unencodable)
      }
      try client.tell([2])
    }
    try send()
    try onLoop(client.loop, send)
    for body in [[1], [2], [1], [2]] as [[UInt8]] { XCTAssertEqual(try peer.receiveMessage(), .oneWay(body: body)) }
    client.close()
    XCTAssertTrue(try peer.receiveToEnd().bytes.isEmpty)
    XCTAssertEqual(refused.outcomes, [])
  }

  func testConnectionMayBeClosedFromACallback() throws {
    let service = ServiceLog()
    let client = try makePair(service, configuration: .quickClose)
    let done = Signal("the answer")
    let others = try (0..<3).map { _ in try client.ask("hold") }
    try client.sendRPC(bytes("question").rawSpan, timeout: .seconds(30)) { _ in
      client.close()
      XCTAssertFalse(client.isActive)
      done.fire()
    }
    done.wait()
    for other in others {
      XCTAssertEqual(other.outcome()?.reason, .connectionClosed)
      XCTAssertEqual(other.outcomes.count, 1)
    }
    _ = try XCTUnwrap(service.connection()).end()
  }

  func testCallbackOfAFailedRequestMayCloseAndSend() throws {
    let (client, peer) = try makeRawPair()
    let second = Reply("the second request's end")
    let first = Signal("the first request's end")
    try client.sendRPC(bytes("first").rawSpan, timeout: .seconds(30)) { response in
      XCTAssertEqual(Outcome(response).reason, .connectionClosed)
      client.close()
      try? client.tell([1])
      try? client.sendRPC(.receiver(second), deadline: .distantFuture) { $0.append(UInt8(2)) }
      first.fire()
    }
    _ = try peer.receiveRequest()
    peer.endWriting()
    first.wait()
    XCTAssertEqual(second.outcome()?.reason, .connectionClosed)
    XCTAssertEqual(second.error?.isNotSent, true)
    XCTAssertTrue(try peer.receiveToEnd().bytes.isEmpty)
    XCTAssertEqual(client.droppedMessages, 1)
  }
}
