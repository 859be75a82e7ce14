import Mailroom
import TestSupport

/// What happened to one endpoint from its registration to its end, and which of its guarantees were broken.
final class Journal: Sendable {
  /// A consignment that a handler took.
  struct Delivery: Hashable, Sendable {
    let sender: Int64
    let number: Int64
  }

  private struct State {
    var hasStarted = false
    var hasStopped = false
    var isFreed = false
    /// Handlers and callbacks that have begun and not ended.
    var running = 0
    var entries = 0
    var deliveries: [Delivery] = []
    /// Connections that endpoints were told of and that have not ended, by the peer's address.
    var connected: [String: Int] = [:]
    var connections = 0
    var violations: [String] = []
  }

  /// Which endpoint, for people.
  let name: String
  /// The name of its environment.
  let home: String
  /// Whether it was there before any connection was.
  let isFirst: Bool
  let isSerial: Bool
  /// Whether handlers begin in order and one after the other, so that the order can be seen.
  let isOrdered: Bool
  private let state = Box(State())

  init(name: String, home: String, isFirst: Bool, isSerial: Bool, isOrdered: Bool) {
    self.name = name
    self.home = home
    self.isFirst = isFirst
    self.isSerial = isSerial
    self.isOrdered = isOrdered
  }

  var deliveries: [Delivery] { state.value.deliveries }
  /// How often a handler or callback began.
  var entries: Int { state.value.entries }
  var isFreed: Bool { state.value.isFreed }
  var hasStopped: Bool { state.value.hasStopped }
  /// How many connections the endpoint was told of.
  var connections: Int { state.value.connections }
  /// How many of them have not ended, by the peer's address.
  var openConnections: [String: Int] { state.value.connected.filter { $0.value != 0 } }

  private func change(_ body: (inout State) -> Void) { state.update(body) }

  private func expect(_ isKept: Bool, _ violation: String, _ state: inout State) {
    if !isKept && state.violations.count < 10 { state.violations.append("\(name): \(violation)") }
  }

  // MARK: Told by the endpoint

  func start() {
    change { state in
      expect(!state.hasStarted && !state.hasStopped, "onStart ran again", &state)
      expect(state.running == 0, "onStart overlaps", &state)
      state.hasStarted = true
    }
  }

  func stop(afterEntries count: Int?) {
    change { state in
      expect(state.hasStarted, "onStop without onStart", &state)
      expect(!state.hasStopped, "onStop ran again", &state)
      expect(state.running == 0, "onStop overlaps \(state.running) handlers", &state)
      if let count { expect(count == state.entries, "onStop sees \(count) of \(state.entries) handlers", &state) }
      state.hasStopped = true
    }
  }

  /// A handler or callback begins.
  func begin(_ what: String) {
    change { state in
      expect(state.hasStarted, "\(what) before onStart", &state)
      expect(!state.hasStopped, "\(what) after onStop", &state)
      if isSerial { expect(state.running == 0, "\(what) overlaps", &state) }
      state.running += 1
      state.entries += 1
    }
  }

  func begin(_ consignment: Consignment) {
    begin("a handler")
    guard consignment.sender >= 0 else { return }
    change { $0.deliveries.append(Delivery(sender: consignment.sender, number: consignment.number)) }
  }

  /// It ends.
  func end() {
    change { state in
      expect(!state.hasStopped, "a handler ended after onStop", &state)
      state.running -= 1
    }
  }

  func free() {
    change { state in
      expect(state.hasStopped || !state.hasStarted, "freed before onStop", &state)
      state.isFreed = true
    }
  }

  func connected(_ peer: RPCAddress) {
    change { state in
      state.connections += 1
      state.connected[peer.hostPort, default: 0] += 1
    }
  }

  func broke(_ peer: RPCAddress) { change { expectConnection(peer, "onNetworkError", &$0) } }

  func disconnected(_ peer: RPCAddress) {
    change { state in
      expectConnection(peer, "onDisconnected", &state)
      state.connected[peer.hostPort, default: 0] -= 1
    }
  }

  /// The callbacks of a concurrent endpoint overlap, so that their order cannot be seen.
  private func expectConnection(_ peer: RPCAddress, _ what: String, _ state: inout State) {
    let isKnown = state.connected[peer.hostPort, default: 0] > 0
    expect(!isFirst || !isSerial || isKnown, "\(what) of \(peer), which is not connected", &state)
  }

  // MARK: Judging

  /// What was broken until now.
  ///
  /// - Parameters:
  ///   - hasEnded: whether the endpoint should have ended.
  ///   - mayGoBack: how often the numbers of a sender may go back.
  ///   - nameOf: the sender's name.
  func violations(
    hasEnded: Bool, mayGoBack: (Int64) -> Int = { _ in .max }, nameOf: (Int64) -> String = { "\($0)" }
  ) -> [String] {
    let state = state.value
    var violations = state.violations
    if hasEnded {
      if !state.hasStarted { violations.append("\(name): onStart never ran") }
      if !state.hasStopped { violations.append("\(name): onStop never ran") }
      if state.running != 0 { violations.append("\(name): \(state.running) handlers never ended") }
    }
    guard isOrdered else { return violations }
    var last: [Int64: Int64] = [:]
    var back: [Int64: Int] = [:]
    for delivery in state.deliveries {
      if let before = last[delivery.sender], delivery.number <= before {
        back[delivery.sender, default: 0] += 1
        if back[delivery.sender, default: 0] > mayGoBack(delivery.sender) {
          violations.append("\(name): \(nameOf(delivery.sender))'s \(delivery.number) came behind its \(before)")
        }
      }
      last[delivery.sender] = delivery.number
    }
    return violations
  }
}
