internal import MailroomQueue
internal import MailroomTransport

/// Makes one connection for an outbox: connects, exchanges introductions, and only then hands the connection over.
///
/// ```
///   connecting ──► introducing ──► done: the peer is known, or is one of the reference system
///       │               └────────► alias: there is a connection to that peer already
///       └───────────────┴────────► failed: not reachable, hung up, or did not answer within the connect timeout
/// ```
///
/// Invariant: the result is reported once, but not of an alias, on the outbox's loop (or on the caller's thread when that loop has ended).
///
/// Waiting for the answer costs one round trip for each connection, and buys that everything that is sent later goes to a peer
/// whose abilities are known, and that one which takes connections but does not answer is found out at once.
final class PeerConnector: TransportResponseReceiver {
  private let env: RPCEnv
  private let address: RPCAddress
  private let outbox: Outbox
  private let onResult: @Sendable (Result<TransportClient, RPCError>) -> Void
  /// Loop-confined.
  private let peer = Confined<RemotePeer?>(nil)

  private init(
    env: RPCEnv, address: RPCAddress, outbox: Outbox,
    onResult: @escaping @Sendable (Result<TransportClient, RPCError>) -> Void
  ) {
    self.env = env
    self.address = address
    self.outbox = outbox
    self.onResult = onResult
  }

  /// Connects `outbox` to its address.
  ///
  /// On the outbox's loop.
  static func connect(
    _ outbox: Outbox, to address: RPCAddress, with factory: TransportClientFactory, env: RPCEnv,
    _ onResult: @escaping @Sendable (Result<TransportClient, RPCError>) -> Void
  ) {
    let connector = PeerConnector(env: env, address: address, outbox: outbox, onResult: onResult)
    factory.unmanagedClient(
      host: address.dialHost, port: address.port, on: outbox.loop,
      handler: { client in
        let peer = RemotePeer(client: client, env: env)
        peer.belongs(to: outbox)
        connector.peer.value = peer
        return RemoteHandler(peer)
      },
      isDoubtful: outbox.core.value.backoff.hasFailed,
      { result in
        switch result {
        case .success(let client): connector.introduce(to: client)
        case .failure(let error): onResult(.failure(RPCError(error)))
        }
      })
  }

  private func introduce(to client: TransportClient) {
    let envelopes = peer.value?.envelopes ?? .none
    do {
      let envelope = try Envelope.bytes(sender: env.address, receiver: address, name: Introduction.endpointName)
      let introduction = Introduction(id: env.id, address: nil, envelopes: envelopes)
      let deadline = MonotonicTime.now.advanced(by: env.configuration.transport.connectTimeout)
      try client.sendRPC(.receiver(self), deadline: deadline) { writer in
        writer.append(envelope)
        introduction.appendRequest(to: &writer)
      }
    } catch {
      client.close()
      onResult(
        .failure(
          RPCError(.connectFailed, "no introduction fits the maximum frame", execution: .notExecuted, cause: error)))
    }
  }

  func receive(_ response: borrowing TransportResponse) {
    guard let peer = peer.value else { return }
    self.peer.value = nil
    switch response {
    case .success(let body):
      // A reply that is no introduction comes from a process that does not know them.
      if Introduction.isIntroduction(body), let introduction = try? Introduction(reply: body) {
        peer.introduce(introduction, address: introduction.address)
        peer.client.enableExtensions(prefixes: introduction.envelopes)
        if let known = env.connection(to: introduction, orElse: outbox, peer.client) {
          // There is a connection to this very environment, under its own address.
          peer.client.close()
          outbox.becomeAlias(of: known.outbox, connection: known.number)
        } else {
          done(peer, introduction.address ?? address)
        }
      } else {
        done(peer, address)
      }
    case .failure(let error) where error.reason == .remoteFailure: done(peer, address)
    case .failure(let error):
      peer.client.close()
      let text = "\(address) took the connection, and then did not answer the introduction: \(error.message)"
      let code: RPCError.Code = error.reason == .stopped ? .stopped : .connectFailed
      onResult(.failure(RPCError(code, text, execution: .notExecuted, cause: error)))
    }
  }

  private func done(_ peer: RemotePeer, _ listens: RPCAddress) {
    peer.announce(listens)
    onResult(.success(peer.client))
  }
}
