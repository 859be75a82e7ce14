internal import MailroomQueue

/// Makes connections and keeps them, one for each peer, to be used again.
///
/// - Thread safety: any thread.
public final class TransportClientFactory: Sendable {
  private struct Peer: Hashable {
    let host: String
    let port: Int
  }

  private enum Entry {
    case connecting([@Sendable (Result<TransportClient, TransportError>) -> Void])
    case connected(TransportClient)
  }

  private struct State {
    var entries: [Peer: Entry] = [:]
    var isClosed = false
  }

  private enum Decision {
    case connect
    case wait
    case use(TransportClient)
    case closed
  }

  private let group: EventLoopGroup
  private let configuration: TransportConfiguration
  private let handler: ConnectionHandlerFactory
  /// Guarded by its lock.
  private let state = Locked(State())

  /// A factory whose connections live on `group`, and whose incoming messages `handler` serves.
  public init(
    group: EventLoopGroup, configuration: TransportConfiguration = .init(), handler: @escaping ConnectionHandlerFactory
  ) {
    self.group = group
    self.configuration = configuration
    self.handler = handler
  }

  /// The connection to `host`, made if there is none that is active.
  ///
  /// Callers that come while it is made share it.
  ///
  /// - Parameters:
  ///   - host: a name or a numeric address, without brackets.
  ///   - port: 1 to 65535.
  /// - Throws: ``TransportError``: ``TransportError/Reason/unresolvableHost``, ``TransportError/Reason/connectFailed``,
  ///   ``TransportError/Reason/stopped``.
  public func client(host: String, port: Int) async throws(TransportError) -> TransportClient {
    let result = await withCheckedContinuation { continuation in
      client(host: host, port: port) { continuation.resume(returning: $0) }
    }
    return try result.get()
  }

  /// As ``client(host:port:)``, with a function that runs exactly once, on an event loop or on the calling thread.
  public func client(
    host: String, port: Int, _ onResult: @escaping @Sendable (Result<TransportClient, TransportError>) -> Void
  ) {
    let peer = Peer(host: host, port: port)
    let decision: Decision = state.withLock { state in
      if state.isClosed { return .closed }
      switch state.entries[peer] {
      case .connected(let client) where client.isActive: return .use(client)
      case .connecting(let waiting):
        state.entries[peer] = .connecting(waiting + [onResult])
        return .wait
      case .connected, nil:
        state.entries[peer] = .connecting([onResult])
        return .connect
      }
    }
    switch decision {
    case .use(let client): onResult(.success(client))
    case .wait: break
    case .closed: onResult(.failure(Self.closedError))
    case .connect: unmanagedClient(host: host, port: port) { self.finish(peer, $0) }
    }
  }

  /// Makes a connection of its own, which the caller closes.
  ///
  /// - Parameter handler: serves what arrives on it; by default as on the factory's other connections.
  public func unmanagedClient(
    host: String, port: Int, on loop: EventLoop? = nil, handler: ConnectionHandlerFactory? = nil,
    _ onResult: @escaping @Sendable (Result<TransportClient, TransportError>) -> Void
  ) {
    let loop = loop ?? group.next()
    let (configuration, handler) = (configuration, handler ?? self.handler)
    let posted = loop.execute {
      _ = Connector(loop.core.value, host: host, port: port, timeout: configuration.connectTimeout) { result in
        switch result {
        case .failure(let error): onResult(.failure(error))
        case .success(let stream):
          do throws(UVError) {
            try stream.setNoDelay()
            if let seconds = configuration.keepAliveSeconds { try stream.setKeepAlive(seconds: seconds) }
          } catch {
            stream.close()
            return onResult(
              .failure(TransportError(.connectFailed, "\(host):\(port) hung up at once: \(error)", isNotSent: true)))
          }
          onResult(
            .success(
              TransportClient.open(
                stream, loop: loop, peer: "\(host.contains(":") ? "[\(host)]" : host):\(port)", isOutgoing: true,
                configuration: configuration, handler: handler)))
        }
      }
    }
    if !posted { onResult(.failure(Self.closedError)) }
  }

  private static var closedError: TransportError {
    TransportError(.stopped, "the client factory or its event loop was closed", isNotSent: true)
  }

  private func finish(_ peer: Peer, _ result: Result<TransportClient, TransportError>) {
    let (waiting, isClosed) = state.withLock { state in
      guard case .connecting(let waiting) = state.entries[peer] else {
        return ([] as [@Sendable (Result<TransportClient, TransportError>) -> Void], true)
      }
      if case .success(let client) = result, !state.isClosed {
        state.entries[peer] = .connected(client)
      } else {
        state.entries[peer] = nil
      }
      return (waiting, state.isClosed)
    }
    if isClosed, case .success(let client) = result { client.close() }
    for callback in waiting { callback(isClosed ? .failure(Self.closedError) : result) }
  }

  /// Closes all pooled connections, and refuses to make more.
  ///
  /// Safe to call again.
  public func close() {
    let clients = state.withLock { state in
      state.isClosed = true
      let clients = state.entries.values.compactMap { entry in
        if case .connected(let client) = entry { client } else { nil as TransportClient? }
      }
      state.entries = state.entries.filter { if case .connecting = $0.value { true } else { false } }
      return clients
    }
    for client in clients { client.close() }
  }
}
