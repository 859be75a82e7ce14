import Foundation
import TestSupport
import XCTest

@testable import MailroomTransport

/// Everything at once: whatever happens to connections, each request is told of its end once, and nothing is left behind.
final class ConnectionStressTests: TransportTestCase {
  func testEveryRequestIsToldOnceWhateverHappens() throws {
    for seed in 1...4 {
      let service = ServiceLog { service in
        // Now and then a handler sends, answers late, or hangs up.
        service.onOneWay = { [log = service.log] body in
          switch body.byte(at: 0) ?? 0 {
          case 0: log.client.close()
          case 1...20: _ = try? log.client.ask("hold", timeout: .milliseconds(20))
          case 21...60: for responder in log.held.value { try? responder.succeed(body) }
          default: break
          }
        }
      }
      let group = try makeGroup(count: 2)
      let server = try makeServer(group, service, configuration: .quickClose)
      let port = server.port
      let replies = Box<[Reply]>([])
      let ended = Signal("a thread's end")
      for thread in 0..<4 {
        let factory = TransportClientFactory(group: group, configuration: .quickClose, handler: service.factory)
        Thread.detachNewThread {
          var random = SeededRandom(seed: UInt64(seed * 100 + thread))
          var client: TransportClient?
          for _ in 0..<250 {
            if client?.isActive != true {
              let attempt = Attempt()
              factory.client(host: "127.0.0.1", port: port) { attempt.tell($0) }
              client = try? attempt.result()?.get()
            }
            guard let client else { continue }
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<50:
              let commands = ["hello/you", "hold", "return error/no", "size/100000", "echo"]
              let command = commands[Int.random(in: 0..<commands.count, using: &random)]
              let wait = Duration.milliseconds(Int.random(in: 0...100, using: &random))
              if let reply = try? client.ask(command, timeout: wait) { replies.append(reply) }
            case 50..<60:
              let body = random.bytes(Int.random(in: 0...300_000, using: &random))
              if let reply = try? client.ask(body) { replies.append(reply) }
            case 60..<95: try? client.tell(random.bytes(8))
            case 95..<97: client.close()
            case 97: client.loop.execute { client.close() }
            default:
              // A peer that says something wrong and is gone.
              guard let peer = try? RawSocket.connect(port: port) else { continue }
              try? peer.send(.request(id: 1, Array("hold".utf8)) + random.bytes(20))
              peer.reset()
            }
          }
          factory.close()
          ended.fire()
        }
      }
      ended.wait(4, seconds: 60)
      try shutDown(group)
      let all = replies.value
      XCTAssertGreaterThan(all.count, 100)
      for reply in all {
        reply.outcome()
        XCTAssertEqual(reply.outcomes.count, 1)
      }
      for log in service.connections {
        XCTAssertEqual(log.ends.value.count, 1)
        XCTAssertEqual(log.events.value.first, "open")
        XCTAssertEqual(log.events.value.last, "close")
      }
    }
  }
}
