/// What is done about the messages of one peer for one full inbox: a pure state machine.
///
/// ```
///            full, and the peer             it has sent more than
///            knows pauses: pause            can have been on its way: hold
///   ┌───────┐ ─────────────────► ┌────────┐ ─────────────────────────────► ┌──────┐
///   │ flows │                    │ paused │                                │ held │
///   └───────┘                    └────────┘                                └──────┘
///       │              full, and the peer knows no pauses: hold               ▲
///       └─────────────────────────────────────────────────────────────────────┘
/// ```
///
/// There is no way back: with the next time that the inbox is full begins another gate.
///
/// What comes behind the pause says nothing against the peer as long as it fits into its out-buffer and the sockets on the
/// way, whose size has nothing to do with that of the inbox. To hold the connection for it would keep the messages for
/// all other endpoints from being read, until the slow one has made room.
struct FeedGate {
  enum State: Equatable {
    case flows
    /// The peer was asked to pause; `overrun` is what came since.
    case paused(overrun: Int)
    case held
  }

  enum Action: Equatable { case none, pause, hold }

  /// What a message counts beside its content: about what it costs.
  static let messageCost = 128

  /// How much may come behind the pause.
  let allowance: Int
  private(set) var state = State.flows

  /// A gate before anything has happened.
  init(allowance: Int) { self.allowance = allowance }

  /// A message of `bytes` was posted to the inbox, which is full now.
  ///
  /// - Parameters:
  ///   - canPause: whether the peer understands that it is asked to pause.
  ///   - isBeyondLimit: whether the inbox can take nothing more, whoever it comes from.
  mutating func messageCame(bytes: Int, canPause: Bool, isBeyondLimit: Bool) -> Action {
    switch state {
    case .flows:
      state = canPause ? .paused(overrun: 0) : .held
      return canPause ? .pause : .hold
    case .paused(let before):
      // One message may be larger than all that is allowed; it was on its way all the same.
      if before < allowance && !isBeyondLimit {
        state = .paused(overrun: before + bytes + Self.messageCost)
        return .none
      }
      state = .held
      return .hold
    case .held: return .none
    }
  }
}
