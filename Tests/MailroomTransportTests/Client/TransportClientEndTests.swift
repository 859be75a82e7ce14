import Foundation
import MailroomQueue
import TestSupport
import XCTest

@testable import MailroomTransport

/// A client whose connection or loop has ended, or is about to.
final class TransportClientEndTests: TransportTestCase {
  func testClosedClientTakesNothing() throws {
    let service = ServiceLog()
    let clientSide = ServiceLog()
    let client = try makePair(service, clientSide)
    _ = try client.ask("hello/you").outcome()
    client.close()
    XCTAssertNil(try XCTUnwrap(clientSide.connection()).end())
    XCTAssertFalse(client.isActive)
    let send: @Sendable () throws -> Reply = {
      try client.tell([1])
      try client.respond(5) { $0.append(UInt8(1)) }
      client.respond(5, failure: "late")
      client.close()
      return try client.ask("late")
    }
    for reply in [try send(), try onLoop(client.loop, send)] {
      XCTAssertEqual(reply.outcome()?.reason, .connectionClosed)
      XCTAssertEqual(reply.error?.isNotSent, true)
      XCTAssertEqual(reply.outcomes.count, 1)
    }
    XCTAssertEqual(client.droppedMessages, 6)
  }

  func testClientOfAnEndedLoopTakesNothing() throws {
    let listener = try RawSocket.listen()
    let group = try makeGroup()
    let client = try connect(group, port: listener.port)
    let peer = try listener.accept()
    let pending = try client.ask("question")
    // The peer ends its side as soon as it sees the end of ours, as a peer does.
    let ended = Signal("the peer's end")
    Thread.detachNewThread {
      _ = try? peer.receiveToEnd()
      peer.close()
      ended.fire()
    }
    try shutDown(group)
    ended.wait()
    XCTAssertEqual(pending.outcome()?.reason, .stopped)
    XCTAssertFalse(client.isActive)
    let late = try client.ask("late")
    XCTAssertEqual(late.outcome()?.reason, .connectionClosed)
    XCTAssertEqual(late.error?.isNotSent, true)
    try client.tell([1])
    XCTAssertEqual(client.droppedMessages, 1)
    client.close()
  }

  func testEveryRequestIsToldOnceWhenClosingRacesWithSending() throws {
    for _ in 0..<10 {
      let (client, peer) = try makeRawPair()
      let replies = Box<[Reply]>([])
      let ended = Signal("a thread's end")
      let started = Signal("a thread's beginning")
      for _ in 0..<4 {
        Thread.detachNewThread {
          started.fire()
          for number in 0..<300 {
            if let reply = try? client.ask("request \(number)") { replies.append(reply) }
          }
          ended.fire()
        }
      }
      started.wait(4)
      client.close()
      ended.wait(4)
      peer.close()
      let all = replies.value
      XCTAssertEqual(all.count, 1200)
      for reply in all {
        XCTAssertEqual(reply.outcome()?.reason, .connectionClosed)
        XCTAssertEqual(reply.outcomes.count, 1)
      }
    }
  }

  func testClientIsReleasedOnceItsConnectionEnded() throws {
    let service = ServiceLog()
    let group = try makeGroup()
    let server = try makeServer(group, service, configuration: .quickClose)
    weak var released: TransportClient?
    do {
      let clientSide = ServiceLog()
      let client = try connect(group, port: server.port, clientSide)
      released = client
      let reply = try client.ask("hold")
      client.close()
      reply.outcome()
      _ = try XCTUnwrap(clientSide.connection()).end()
    }
    waitUntil("the client to be released") { released == nil }
  }
}
