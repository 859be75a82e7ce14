internal import MailroomQueue
internal import MailroomTransport

extension RPCEnv {
  /// The reference to the endpoint behind a URI, after asking its environment whether it is there.
  ///
  /// The question and its answer are the reference system's (`endpoint-verifier`, CheckExistence), so that the environment asked may
  /// be one of those. It is answered by the peer's event loop and does not wait behind messages of users.
  ///
  /// - Parameter uri: `rpc://name@host:port` or `spark://name@host:port`.
  /// - Throws: ``RPCError``: ``RPCError/Code/invalidAddress``, ``RPCError/Code/endpointNotFound``,
  ///   ``RPCError/Code/connectFailed``, ``RPCError/Code/unresolvableHost``, ``RPCError/Code/timeout``,
  ///   ``RPCError/Code/stopped``.
  public nonisolated(nonsending) func endpointRef(_ uri: String) async throws(RPCError) -> RPCEndpointRef {
    let endpoint = try RPCEndpointAddress(uri)
    guard let address = endpoint.rpcAddress else {
      throw RPCError(.invalidAddress, "no address in \(uri)", execution: .notExecuted)
    }
    if isStopped { throw .envStopped }
    if address == self.address {
      guard let registration = dispatcher.find(endpoint.name) else { throw Self.notFound(uri) }
      return RPCEndpointRef(name: endpoint.name, address: address, target: .local(registration.inbox), env: self)
    }
    let ref = try remoteRef(name: endpoint.name, address: address)
    guard case .remote(let route) = ref.target else { return ref }
    let verifier = try self.route(to: RemoteHandler.verifierName, at: address).current
    try route.outbox.checkForRefusal()
    let lookup = Lookup()
    let question = try JavaObjectStream.checkExistence(name: endpoint.name)
    let result = await withTaskCancellationHandler {
      await lookup.caller.wait(fallback: .failure(.lookupCancelled)) {
        var content = ByteWriter(capacity: question.count)
        content.append(question)
        let deadline = MonotonicTime.now.advanced(by: configuration.lookupTimeout)
        do throws(RPCError) {
          try verifier.admit(byteCount: content.count)
          verifier.outbox.post(OutboxMessage(content, to: verifier, .receiver(lookup), deadline: deadline))
        } catch {
          lookup.caller.resume(returning: .failure(error))
        }
      }
    } onCancel: {
      lookup.caller.resume(returning: .failure(.lookupCancelled))
    }
    switch result {
    case .success(true): return ref
    case .success(false): throw Self.notFound(uri)
    case .failure(let error): throw error.controlled(by: configuration.lookupTimeoutSource)
    }
  }

  private static func notFound(_ uri: String) -> RPCError {
    RPCError(.endpointNotFound, "Cannot find endpoint: \(uri)", execution: .notExecuted)
  }

  /// A reference to an endpoint of another environment, without asking whether it is there.
  func remoteRef(name: String, address: RPCAddress) throws(RPCError) -> RPCEndpointRef {
    RPCEndpointRef(name: name, address: address, target: .remote(try route(to: name, at: address)), env: self)
  }

  private func route(to name: String, at address: RPCAddress) throws(RPCError) -> RemoteRoute {
    try outbox(for: address).route(to: name) { () throws(RPCError) in
      try Envelope.bytes(sender: self.address, receiver: address, name: name)
    }
  }
}

extension RPCError {
  fileprivate static var lookupCancelled: RPCError {
    RPCError(.cancelled, "the task that looked up an endpoint was cancelled")
  }
}

/// A lookup that waits for its answer.
private final class Lookup: TransportResponseReceiver {
  let caller = SuspendedCaller<Result<Bool, RPCError>>()

  var isAbandoned: Bool { caller.isDone }

  func receive(_ response: borrowing TransportResponse) {
    switch response {
    case .failure(let error): caller.resume(returning: .failure(RPCError(error)))
    case .success(let body):
      if let exists = JavaObjectStream.parseBoolean(body) {
        caller.resume(returning: .success(exists))
      } else {
        caller.resume(returning: .failure(RPCError(.undecodable, "the answer to a lookup is no truth value")))
      }
    }
  }
}
