/// What endpoints are told about the connections of their environment.
///
/// In a box, since it is rare and what it brings along is large.
indirect enum PeerEvent: Sendable {
  /// A peer is connected.
  case connected(RPCAddress)
  /// A peer is not connected any more.
  case disconnected(RPCAddress)
  /// A peer's connection broke; `disconnected` follows.
  case failed(RPCError, RPCAddress)
}
