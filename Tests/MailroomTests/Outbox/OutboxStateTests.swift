import MailroomQueue
import XCTest

@testable import Mailroom

/// Every transition, and every sequence of events up to a length.
final class OutboxStateTests: XCTestCase {
  private typealias Event = OutboxState.Event
  private typealias Action = OutboxState.Action
  private typealias State = OutboxState.State

  /// Work before and after the end of the pause that follows a failure.
  private static let early = Event.work(now: MonotonicTime(nanoseconds: 10))
  private static let late = Event.work(now: MonotonicTime(nanoseconds: 20))
  private static let failed = Event.connectFailed(retryAt: MonotonicTime(nanoseconds: 20))
  private static let refusing = State.refusing(until: MonotonicTime(nanoseconds: 20))

  private static let events: [Event] = [
    early, late, .connected, failed, .lost, .stop,
  ]

  private static let table: [(from: State, event: Event, to: State, action: Action)] = [
    (.idle, early, .connecting, .connect),
    (.idle, late, .connecting, .connect),
    (.idle, .connected, .idle, .none),
    (.idle, failed, .idle, .none),
    (.idle, .lost, .idle, .none),
    (.idle, .stop, .stopped, .failQueued),
    (.connecting, early, .connecting, .none),
    (.connecting, late, .connecting, .none),
    (.connecting, .connected, .connected, .drain),
    (.connecting, failed, refusing, .failQueued),
    (.connecting, .lost, .connecting, .none),
    (.connecting, .stop, .stopped, .failQueued),
    (.connected, early, .connected, .drain),
    (.connected, late, .connected, .drain),
    (.connected, .connected, .connected, .none),
    (.connected, failed, .connected, .none),
    (.connected, .lost, .idle, .none),
    (.connected, .stop, .stopped, .failQueued),
    (.stopped, early, .stopped, .failQueued),
    (.stopped, late, .stopped, .failQueued),
    (.stopped, .connected, .stopped, .closeConnection),
    (.stopped, failed, .stopped, .none),
    (.stopped, .lost, .stopped, .none),
    (.stopped, .stop, .stopped, .none),
    (refusing, early, refusing, .failQueued),
    (refusing, late, .connecting, .connect),
    (refusing, .connected, refusing, .none),
    (refusing, failed, refusing, .none),
    (refusing, .lost, refusing, .none),
    (refusing, .stop, .stopped, .failQueued),
  ]

  /// The shortest way to each state.
  private static let ways: [(State, [Event])] = [
    (.idle, []), (.connecting, [early]), (.connected, [early, .connected]), (refusing, [early, failed]),
    (.stopped, [.stop]),
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
      guard path.count < 6 else { return }
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
          // Whoever posts when the pause is over gets a new attempt or a connection, never the old failure.
          var next = machine
          XCTAssertNotEqual(next.handle(Self.late), .failQueued, "\(path)")
        }
        explore(machine, world, path)
      }
    }
    explore(OutboxState(), World(), [])
    XCTAssertGreaterThan(count, 1000)
  }

  func testOneThatIsBoundToAConnectionEndsWithIt() {
    var machine = OutboxState(isBound: true)
    XCTAssertEqual(machine.state, .connected)
    XCTAssertEqual(machine.handle(Self.early), .drain)
    XCTAssertEqual(machine.handle(.lost), .failQueued)
    XCTAssertEqual(machine.state, .stopped)
    XCTAssertEqual(machine.handle(Self.late), .failQueued)
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
        if action == .connect { XCTAssertTrue([.idle, Self.refusing].contains(machine.state), "\(machine.state)") }
        explore(next, isStopped || event == .stop, depth - 1)
      }
    }
    explore(OutboxState(), false, 5)
  }
}
