/// How a connection ends: a pure state machine.
///
/// ```
///                peerEnded                      quiescent
///     ┌──────┐ ─────────────► ┌────────────┐ ─────────────────────────► ┌────────┐
///     │ open │                │ answering  │                            │ closed │
///     └──────┘                └────────────┘                            └────────┘
///        │ close                    │ close                                  ▲ ▲
///        ▼                          ▼                                        │ │
///   ┌───────────┐  peerEnded  ┌──────────────────┐  writesEnded              │ │
///   │ finishing │ ──────────► │ finishing, ended │ ──────────────────────────┘ │
///   └───────────┘             └──────────────────┘                             │
///        │ writesEnded                                                         │
///        ▼                peerEnded                                            │
///   ┌─────────────┐ ───────────────────────────────────────────────────────────┘
///   │ awaitingEnd │                          (failed, timedOut: from everywhere)
///   └─────────────┘
/// ```
///
/// `answering` is the half-closed connection of a peer that has sent its last request and still reads answers; one of this library does
/// not, so its connection is closed as soon as what it has sent is served. `finishing`
/// writes what is queued and then ends our side; `awaitingEnd` discards what still comes, because closing a socket
/// with unread bytes resets it and could take our last answers with it.
///
/// Invariants: requests of ours fail once, when no answer can come any more; the socket is closed once; nothing happens
/// after `closed`.
struct ConnectionLifecycle: Equatable {
  enum State: Equatable { case open, answering, finishing(peerEnded: Bool), awaitingEnd, closed }

  enum Event: Equatable {
    /// The peer ended its side.
    case peerEnded
    /// This side wants to end, after what is queued was written.
    case close
    /// Nothing is left to be answered or written.
    case quiescent
    /// Everything is written, and our side of the socket ended.
    case writesEnded
    /// The socket or the peer's bytes cannot be used any more.
    case failed
    /// Ending took too long.
    case timedOut
  }

  struct Actions: OptionSet {
    let rawValue: Int
    /// Fail the requests that wait for an answer, and refuse new ones.
    static let failPending = Actions(rawValue: 1)
    /// Give the peer a limited time.
    static let startTimer = Actions(rawValue: 2)
    /// Write what is queued, then end our side.
    static let endWrites = Actions(rawValue: 4)
    /// Close the socket and tell the handler.
    static let closeSocket = Actions(rawValue: 8)
  }

  private(set) var state = State.open

  /// Whether requests and messages of ours are still taken.
  var acceptsRequests: Bool { state == .open }
  /// Whether answers to the peer's requests are still taken.
  var acceptsAnswers: Bool { state == .open || state == .answering }

  mutating func handle(_ event: Event) -> Actions {
    switch (state, event) {
    case (.closed, _):
      return []
    case (_, .failed), (_, .timedOut):
      state = .closed
      return [.failPending, .closeSocket]
    case (.open, .peerEnded):
      state = .answering
      return [.failPending, .startTimer]
    case (.answering, .quiescent):
      state = .closed
      return .closeSocket
    case (.open, .close):
      state = .finishing(peerEnded: false)
      return [.failPending, .startTimer, .endWrites]
    case (.answering, .close):
      state = .finishing(peerEnded: true)
      return .endWrites
    case (.finishing, .peerEnded):
      state = .finishing(peerEnded: true)
      return []
    case (.finishing(peerEnded: true), .writesEnded), (.awaitingEnd, .peerEnded):
      state = .closed
      return .closeSocket
    case (.finishing(peerEnded: false), .writesEnded):
      state = .awaitingEnd
      return []
    case (.open, .quiescent), (.open, .writesEnded), (.answering, .peerEnded), (.answering, .writesEnded),
      (.finishing, .close), (.finishing, .quiescent), (.awaitingEnd, .close), (.awaitingEnd, .quiescent),
      (.awaitingEnd, .writesEnded):
      return []
    }
  }
}
