import Mailroom
import TestSupport

/// What an endpoint under test has at hand.
struct ExamineeKit: Sendable {
  let journal: Journal
  /// Another endpoint of its environment, which handlers ask and send to.
  let leaf: RPCEndpointRef?
  /// Whom its handlers send as.
  let account: Account
}

/// An endpoint under test, of either kind.
protocol Examinee: RPCEndpoint {
  var kit: ExamineeKit { get }
  /// Does what only a serial endpoint may do without a lock.
  func count()
}

/// A serial endpoint under test.
final class SerialExaminee: Examinee {
  let kit: ExamineeKit
  /// No lock: the inbox sees to that.
  private var entries = 0
  private var me: RPCEndpointRef?

  init(_ kit: ExamineeKit) { self.kit = kit }

  deinit { kit.journal.free() }

  func count() { entries += 1 }
  func onStart(_ me: RPCEndpointRef) {
    kit.journal.start()
    self.me = me
  }
  func onStop() { kit.journal.stop(afterEntries: entries) }
  func onConnected(_ peer: RPCAddress) { told("onConnected") { $0.connected(peer) } }
  func onDisconnected(_ peer: RPCAddress) { told("onDisconnected") { $0.disconnected(peer) } }
  func onNetworkError(_ error: RPCError, _ peer: RPCAddress) { told("onNetworkError") { $0.broke(peer) } }
  func onError(_ error: any Error) { told("onError") { _ in } }
  static func handlers(_ on: inout RPCHandlers<SerialExaminee>) { on.addConsignments() }
}

/// A concurrent endpoint under test.
final class ConcurrentExaminee: Examinee, RPCConcurrentEndpoint {
  let kit: ExamineeKit

  init(_ kit: ExamineeKit) { self.kit = kit }

  deinit { kit.journal.free() }

  func count() {}
  func onStart(_ me: RPCEndpointRef) { kit.journal.start() }
  func onStop() { kit.journal.stop(afterEntries: nil) }
  func onConnected(_ peer: RPCAddress) { told("onConnected") { $0.connected(peer) } }
  func onDisconnected(_ peer: RPCAddress) { told("onDisconnected") { $0.disconnected(peer) } }
  func onNetworkError(_ error: RPCError, _ peer: RPCAddress) { told("onNetworkError") { $0.broke(peer) } }
  func onError(_ error: any Error) { told("onError") { _ in } }
  static func handlers(_ on: inout RPCHandlers<ConcurrentExaminee>) { on.addConsignments() }
}

extension Examinee {
  func told(_ what: String, _ body: (Journal) -> Void) {
    kit.journal.begin(what)
    count()
    body(kit.journal)
    kit.journal.end()
  }

  /// Handles a consignment.
  ///
  /// - Parameter answer: answers the call, with success or not; nil for a one-way message.
  fileprivate func take(_ consignment: Consignment, _ answer: (@Sendable (Bool) throws -> Void)? = nil) throws {
    kit.journal.begin(consignment)
    defer { kit.journal.end() }
    count()
    switch consignment.style {
    case .plain: try answer?(true)
    case .later: if let answer { Task { try? answer(true) } }
    case .failing: throw Oops()
    case .silent: break
    case .relayed:
      relay()
      try answer?(true)
    }
  }

  /// Sends a message of the endpoint's own, from its turn.
  private func relay() {
    // Handlers that overlap are several senders.
    guard kit.journal.isOrdered, let leaf = kit.leaf else { return }
    kit.account.send { (number) throws(RPCError) in
      try leaf.send(Consignment(kit.account.id, number))
      return
    }
  }

  fileprivate func takeSlowly(_ consignment: Consignment) async throws {
    kit.journal.begin(consignment)
    defer { kit.journal.end() }
    for _ in 0..<Int(consignment.number % 3) { await Task.yield() }
    // Where it goes on may be another thread.
    count()
    switch consignment.style {
    case .relayed:
      // Whether it is answered does not matter here; that it ends does.
      _ = try? await kit.leaf?.ask(Consignment(Consignment.nobody, 0))
    case .failing: throw Oops()
    case .plain, .later, .silent: break
    }
  }
}

extension RPCHandlers where Endpoint: Examinee {
  fileprivate mutating func addConsignments() {
    receive(Consignment.self) { endpoint, consignment in try endpoint.take(consignment) }
    ask(Consignment.self) { endpoint, consignment, context in
      try endpoint.take(consignment, { try $0 ? context.reply(consignment.number) : context.fail(Oops()) })
    }
    receiveBytes { endpoint, bytes in
      try endpoint.take(Consignment(bytes: bytes))
    }
    askBytes { endpoint, bytes, context in
      let consignment = try Consignment(bytes: bytes)
      try endpoint.take(consignment, { try $0 ? context.reply(consignment.bytes) : context.fail(Oops()) })
    }
    receive(SlowConsignment.self) { endpoint, slow in try await endpoint.takeSlowly(slow.consignment) }
    ask(SlowConsignment.self) { endpoint, slow in
      try await endpoint.takeSlowly(slow.consignment)
      return slow.consignment.number
    }
  }
}
