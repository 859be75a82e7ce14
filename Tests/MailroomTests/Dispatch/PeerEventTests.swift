import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// Rows IN4 to IN6 of the reference's InboxSuite: what happens to connections goes to its callback, through the inbox.
final class PeerEventTests: EnvironmentTestCase {
  private func peer() throws -> RPCAddress { try RPCAddress(host: "hostname", port: 11111) }

  /// Posts an event between two messages to an endpoint; returns what it heard.
  private func heard(_ event: PeerEvent, throwing: Bool = false) async throws -> [String] {
    let env = try await makeClient()
    let events = Box<[String]>([])
    let scheduler = ManualScheduler()
    var handlers = RPCHandlers<Hearer>()
    Hearer.handlers(&handlers)
    let cell = EndpointCell(Hearer(events, throwing: throwing), handlers, name: "test", env: env)
    let inbox = Inbox(name: "hearer", endpoint: cell, scheduler: scheduler, owner: OwnerLog(events))
    inbox.start(try env.register("someone", Echo()))
    inbox.post("before")
    XCTAssertTrue(inbox.post(.event(event)))
    inbox.post("behind")
    XCTAssertEqual(events.value, [])
    scheduler.giveAllTurns()
    inbox.stop()
    XCTAssertFalse(inbox.post(.event(event)), "a stopped endpoint is not told")
    scheduler.giveAllTurns()
    return events.value.filter { !["will stop", "did stop"].contains($0) }
  }

  func testIN4Associated() async throws {
    let heard = try await heard(.connected(peer()))
    XCTAssertEqual(heard, ["before", "connected hostname:11111", "behind"])
  }

  func testIN5Disassociated() async throws {
    let heard = try await heard(.disconnected(peer()))
    XCTAssertEqual(heard, ["before", "disconnected hostname:11111", "behind"])
  }

  func testIN6AssociationError() async throws {
    let heard = try await heard(.failed(RPCError(.connectionLost, "Oops"), peer()))
    XCTAssertEqual(heard, ["before", "failed Oops hostname:11111", "behind"])
  }

  func testErrorOfACallbackIsToldAndMessagesGoOn() async throws {
    let heard = try await heard(.connected(peer()), throwing: true)
    XCTAssertEqual(heard, ["before", "connected hostname:11111", "error Oops", "behind"])
  }

  func testEveryEndpointIsToldInOrder() async throws {
    let env = try await makeServer()
    let logs = [Box<[String]>([]), Box<[String]>([]), Box<[String]>([])]
    for (index, dispatch) in Way.dispatches.enumerated() {
      try env.register("hearer-\(index)", Hearer(logs[index]), on: dispatch)
    }
    let peer = try peer()
    env.dispatcher.postToAll(.connected(peer))
    env.dispatcher.postToAll(.failed(RPCError(.connectionLost, "Oops"), peer))
    env.dispatcher.postToAll(.disconnected(peer))
    let expected = ["connected hostname:11111", "failed Oops hostname:11111", "disconnected hostname:11111"]
    for log in logs { await eventually("the endpoint was told") { log.value == expected } }
  }
}

/// Notes what it hears.
private final class Hearer: RPCEndpoint {
  private let events: Box<[String]>
  private let throwing: Bool

  init(_ events: Box<[String]>, throwing: Bool = false) {
    self.events = events
    self.throwing = throwing
  }

  func onConnected(_ peer: RPCAddress) throws {
    events.append("connected \(peer)")
    if throwing { throw Oops() }
  }
  func onDisconnected(_ peer: RPCAddress) { events.append("disconnected \(peer)") }
  func onNetworkError(_ error: RPCError, _ peer: RPCAddress) { events.append("failed \(error.message) \(peer)") }
  func onError(_ error: any Error) { events.append("error \(error)") }

  static func handlers(_ on: inout RPCHandlers<Hearer>) {
    on.receive(Note.self) { hearer, note in hearer.events.append(note.text) }
  }
}
