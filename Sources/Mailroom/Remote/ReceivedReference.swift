internal import MailroomTransport

/// References that came in a message become references of the environment that received them.
///
/// ```
///   the endpoint's environment         the way there
///   ─────────────────────────────────────────────────────────────────────────────────────
///   this one                           its inbox
///   one that listens                   the outbox for its address
///   one that does not, the sender      the connection the message came on; ends with it
///   one that does not, another one     none: every use fails, and says so
/// ```
///
/// An environment is told by its id, never by having no address.
extension RPCEnv {
  /// The reference to `name`, of the environment `owner` that listens at `address`, if it does.
  func receivedRef(
    name: String, address: RPCAddress?, owner: RPCEnvID, from peer: RemotePeer?
  ) throws(RPCError) -> RPCEndpointRef {
    // One that was started again at this environment's address has its name and not its id; it is reached all the same.
    if owner == id || (address != nil && address == self.address) { return localRef(name: name) }
    if let address { return try remoteRef(name: name, address: address) }
    guard let peer, peer.id == owner, let outbox = peer.outboxOverThisConnection() else {
      return unreachableRef(
        name: name, owner: owner,
        """
        \(name) is an endpoint of an environment that does not listen; a reference to it works only in an environment \
        that it was sent to by its own, and only as long as their connection lives
        """)
    }
    do throws(RPCError) {
      let route = try outbox.route(to: name) { () throws(RPCError) in
        try Envelope.bytes(sender: self.address, receiver: nil, name: name)
      }
      return RPCEndpointRef(name: name, address: nil, target: .remote(route), env: self, owner: owner, peer: peer)
    } catch {
      return unreachableRef(name: name, owner: owner, error.message)
    }
  }

  private func localRef(name: String) -> RPCEndpointRef {
    if let registration = dispatcher.find(name) {
      return RPCEndpointRef(name: name, address: address, target: .local(registration.inbox), env: self, owner: id)
    }
    return unreachableRef(name: name, owner: id, "could not find the endpoint \(name)")
  }

  private func unreachableRef(name: String, owner: RPCEnvID, _ reason: String) -> RPCEndpointRef {
    let error = RPCError(.endpointNotFound, reason, execution: .notExecuted)
    return RPCEndpointRef(
      name: name, address: owner == id ? address : nil, target: .unreachable(error), env: self, owner: owner)
  }
}
