import XCTest

@testable import Mailroom

/// Every transition, and every sequence of events up to a length.
final class OutboxStateTests: XCTestCase {
  private typealias Event = OutboxState.Event
  private typealias Action = OutboxState.Action
  private typealias State = OutboxState.State

  private static let events: [Event] = [.work, .connected, .connectFailed, .lost, .stop]

  private static let table: [(from: State, event: Event, to: State, action: Action)] = [
    (.idle, .work, .connecting, .connect),
    (.idle, .connected, .idle, .none),
    (.idle, .connectFailed, .idle, .none),
    (.idle, .lost, .idle, .none),
    (.idle, .stop, .stopped, .failQueued),
    (.connecting, .work, .connecting, .none),
    (.connecting, .connected, .connected, .drain),
    (.connecting, .connectFailed, .idle, .failQueued),
    (.connecting, .lost, .connecting, .none),
    (.connecting, .stop, .stopped, .failQueued),
    (.connected, .work, .connected, .drain),
    (.connected, .connected, .connected, .none),
    (.connected, .connectFailed, .connected, .none),
    (.connected, .lost, .idle, .none),
    (.connected, .stop, .stopped, .failQueued),
    (.stopped, .work, .stopped, .failQueued),
    (.stopped, .connected, .stopped, .closeConnection),
    (.stopped, .connectFailed, .stopped, .none),
    (.stopped, .lost, .stopped, .none),
    (.stopped, .stop, .stopped, .none),
  ]

  /// The shortest way to each state.
  private static let ways: [(State, [Event])] = [
    (.idle, []), (.connecting, [.work]), (.connected, [.work, .connected]), (.stopped, [.stop]),
  ]

  func testEveryTransition() {
    XCTAssertEqual(Self.table.count, Self.ways.count * Self.events.count)
    for (from, event, to, action) in Self.table {
      var machine = OutboxState()
      for step in Self.ways.first(where: { $0.0 == from })?.1 ?? [] { _ = machine.handle(step) }
      XCTAssertEqual(machine.state, from)
      XCTAssertEqual(machine.handle(event), action, "\(event) in \(from)")
      XCTAssertEqual(machine.state, to, "\(event) in \(from)")
    }
  }

  /// What the machine's owner knows: attempts and connections that it made because the machine asked for them.
  private struct World {
    var attempts = 0
    var connections = 0
    var hasQueued = false
    var isStopped = false

    /// Whether this can happen now.
    func allows(_ event: Event) -> Bool {
      switch event {
      case .work, .stop: true
      case .connected, .connectFailed: attempts > 0
      case .lost: connections > 0
      }
    }
  }

  func testEverySequenceThatCanHappenKeepsTheInvariants() {
    var count = 0
    func explore(_ machine: OutboxState, _ world: World, _ path: [Event]) {
      count += 1
      guard path.count < 7 else { return }
      for event in Self.events where world.allows(event) {
        var (machine, world) = (machine, world)
        let path = path + [event]
        switch event {
        case .work: world.hasQueued = true
        case .connected:
          world.attempts -= 1
          world.connections += 1
        case .connectFailed: world.attempts -= 1
        case .lost: world.connections -= 1
        case .stop: world.isStopped = true
        }
        switch machine.handle(event) {
        case .none: break
        case .connect: world.attempts += 1
        case .drain:
          XCTAssertEqual(world.connections, 1, "\(path): nothing is sent without a connection")
          world.hasQueued = false
        case .failQueued: world.hasQueued = false
        case .closeConnection: world.connections -= 1
        }
        XCTAssertLessThanOrEqual(world.attempts + world.connections, 1, "\(path): one connection at a time")
        if world.hasQueued { XCTAssertEqual(world.attempts, 1, "\(path): what is queued waits for something") }
        if world.isStopped {
          XCTAssertEqual(machine.state, .stopped, "\(path): the end is for ever")
          XCTAssertFalse(world.hasQueued, "\(path): nothing is queued after the end")
        } else {
          // Whoever posts next gets a new attempt or a connection, never the old failure.
          var next = machine
          XCTAssertNotEqual(next.handle(.work), .failQueued, "\(path)")
        }
        explore(machine, world, path)
      }
    }
    explore(OutboxState(), World(), [])
    XCTAssertGreaterThan(count, 1000)
  }

  func testSequencesThatCannotHappenDoNoHarm() {
    func explore(_ machine: OutboxState, _ isStopped: Bool, _ depth: Int) {
      guard depth > 0 else { return }
      for event in Self.events {
        var next = machine
        let action = next.handle(event)
        if isStopped {
          XCTAssertEqual(next, machine)
          XCTAssertNotEqual(action, .connect)
          XCTAssertNotEqual(action, .drain)
        }
        if action == .connect { XCTAssertEqual(machine.state, .idle) }
        explore(next, isStopped || event == .stop, depth - 1)
      }
    }
    explore(OutboxState(), false, 5)
  }
}
