internal import MailroomQueue

/// When an outbox connects, drains and fails: a pure state machine.
///
/// ```
///              work: connect                 connected: drain
///   ┌──────┐ ───────────────► ┌────────────┐ ───────────────► ┌───────────┐ ─┐ work: drain
///   │ idle │                  │ connecting │                  │ connected │ ◄┘
///   └──────┘                  └────────────┘                  └───────────┘
///      ▲                        │        ▲                          │
///      │            connectFailed:       │ work, the pause          │
///      │            fail all queued      │ is over: connect         │
///      │                        ▼        │                          │
///      │                      ┌────────────┐ ─┐ work: fail queued   │
///      │                      │  refusing  │ ◄┘                     │
///      │                      └────────────┘                        │
///      └──────────────────────────── lost ──────────────────────────┘
///
///   stop, from everywhere: fail all queued, and ever after
/// ```
///
/// An outbox that is bound to one connection begins in `connected`, and `lost` stops it.
///
/// Invariants:
/// 1. At most one connection is made or used at a time.
/// 2. Queued messages are sent in order, or fail together: when connecting fails, or at the end. When a connection is lost, what
///    was not handed to it stays queued, and goes over the next one.
/// 3. There is no state in which work waits for nothing: in `idle` it connects, in `connecting` a result is bound to come, in
///    `refusing` it fails at once, so that a dead peer costs nothing.
struct OutboxState: Equatable {
  enum State: Equatable { case idle, connecting, connected, refusing(until: MonotonicTime), stopped }

  enum Event: Equatable {
    /// Messages were queued.
    case work(now: MonotonicTime)
    /// The connection is up.
    case connected
    /// The attempt to connect failed; the next one is not made before this time.
    case connectFailed(retryAt: MonotonicTime)
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

  private(set) var state: State
  private let isBound: Bool

  /// - Parameter isBound: whether the outbox has one connection, and never makes another.
  init(isBound: Bool = false) {
    self.isBound = isBound
    state = isBound ? .connected : .idle
  }

  mutating func handle(_ event: Event) -> Action {
    switch (state, event) {
    case (.stopped, .connected): return .closeConnection
    case (.stopped, .work): return .failQueued
    case (.stopped, _): return .none
    case (_, .stop):
      state = .stopped
      return .failQueued
    case (.refusing(let until), .work(let now)) where now < until: return .failQueued
    case (.idle, .work), (.refusing, .work):
      state = .connecting
      return .connect
    case (.connecting, .work): return .none
    case (.connected, .work): return .drain
    case (.connecting, .connected):
      state = .connected
      return .drain
    case (.connecting, .connectFailed(let retryAt)):
      state = .refusing(until: retryAt)
      return .failQueued
    case (.connected, .lost) where isBound:
      state = .stopped
      return .failQueued
    case (.connected, .lost):
      state = .idle
      return .none
    case (.idle, .connected), (.idle, .connectFailed), (.idle, .lost), (.connecting, .lost),
      (.connected, .connected), (.connected, .connectFailed), (.refusing, .connected), (.refusing, .connectFailed),
      (.refusing, .lost):
      return .none
    }
  }
}
