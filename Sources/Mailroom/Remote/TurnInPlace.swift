/// The inbox whose turn a ``RemoteHandler`` has taken for the messages of this batch.
///
/// Loop-confined, and lent to the handlers of users without being counted: what cannot be copied is borrowed where it stands. What it
/// refers to outlives the call that it is lent for, because only the remote handler changes it, and that handles one message at a
/// time, so never during such a call.
struct TurnInPlace: ~Copyable {
  var inbox: Inbox?

  /// Whether it is that inbox's turn.
  @inline(__always)
  borrowing func isOf(_ other: Inbox) -> Bool { inbox === other }

  /// Ends the turn, if there is one.
  mutating func end() {
    inbox?.endTurnInPlace()
    inbox = nil
  }
}
