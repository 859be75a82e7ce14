/// When an outbox connects, drains and fails: a pure state machine.
///
/// ```
///              work: connect                 connected: drain
///   ┌──────┐ ───────────────► ┌────────────┐ ───────────────► ┌───────────┐ ─┐ work: drain
///   │ idle │                  │ connecting │                  │ connected │ ◄┘
///   └──────┘ ◄─────────────── └────────────┘                  └───────────┘
///      ▲       connectFailed:                                       │
///      │       fail all queued                                      │
///      └──────────────────────── lost ──────────────────────────────┘
///
///   stop, from everywhere: fail all queued, and ever after
/// ```
///
/// Invariants:
/// 1. At most one connection is made or used at a time.
/// 2. Queued messages are sent in order, or fail together: when connecting fails, or at the end. Those that come later
///    begin afresh with a new attempt.
/// 3. There is no state in which work waits for nothing: in `idle` it connects, in `connecting` a result is bound to come.
struct OutboxState: Equatable {
  enum State: Equatable { case idle, connecting, connected, stopped }

  enum Event: Equatable {
    /// Messages were queued.
    case work
    /// The connection is up.
    case connected
    /// The attempt to connect failed.
    case connectFailed
    /// The connection in use ended.
    case lost
    /// The environment shuts down.
    case stop
  }

  enum Action: Equatable {
    case none
    /// Begin to connect.
    case connect
    /// Send what is queued.
    case drain
    /// Fail what is queued.
    case failQueued
    /// Close the connection that has just come up; nobody wants it any more.
    case closeConnection
  }

  private(set) var state = State.idle

  mutating func handle(_ event: Event) -> Action {
    switch (state, event) {
    case (.stopped, .connected): return .closeConnection
    case (.stopped, .work): return .failQueued
    case (.stopped, _): return .none
    case (_, .stop):
      state = .stopped
      return .failQueued
    case (.idle, .work):
      state = .connecting
      return .connect
    case (.connecting, .work): return .none
    case (.connected, .work): return .drain
    case (.connecting, .connected):
      state = .connected
      return .drain
    case (.connecting, .connectFailed):
      state = .idle
      return .failQueued
    case (.connected, .lost):
      state = .idle
      return .none
    case (.idle, .connected), (.idle, .connectFailed), (.idle, .lost), (.connecting, .lost),
      (.connected, .connected), (.connected, .connectFailed):
      return .none
    }
  }
}
