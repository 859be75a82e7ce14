internal import MailroomQueue

/// Makes connections and keeps them, one for each peer, to be used again.
///
/// At most ``TransportConfiguration/maximumConcurrentConnects`` are being made at a time; others wait, first in, first out,
/// but those to peers that the last attempt failed for have half of the places at the most.
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
  /// Guarded by its lock.
  private let connects: Locked<ConnectQueue<ConnectAttempt>>

  /// A factory whose connections live on `group`, and whose incoming messages `handler` serves.
  public init(
    group: EventLoopGroup, configuration: TransportConfiguration = .init(), handler: @escaping ConnectionHandlerFactory
  ) {
    self.group = group
    self.configuration = configuration
    self.handler = handler
    connects = Locked(ConnectQueue(limit: configuration.maximumConcurrentConnects))
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
  /// - Parameters:
  ///   - handler: serves what arrives on it; by default as on the factory's other connections.
  ///   - isDoubtful: whether the last attempt to connect to this peer failed; such attempts leave half of the places to others.
  ///   - onResult: runs exactly once, on an event loop or on the calling thread.
  public func unmanagedClient(
    host: String, port: Int, on loop: EventLoop? = nil, handler: ConnectionHandlerFactory? = nil,
    isDoubtful: Bool = false, _ onResult: @escaping @Sendable (Result<TransportClient, TransportError>) -> Void
  ) {
    let attempt = ConnectAttempt(
      host: host, port: port, loop: loop ?? group.next(), handler: handler ?? self.handler, onResult)
    switch connects.withLock({ $0.add(attempt, isDoubtful: isDoubtful) }) {
    case .begin: begin(attempt)
    case .wait: break
    case .refuse: onResult(.failure(Self.closedError))
    }
  }

  /// Begins an attempt, or, where the loop has ended, fails it and begins the next.
  private func begin(_ first: ConnectAttempt) {
    var next: ConnectAttempt? = first
    while let attempt = next {
      let hasBegun = attempt.begin(timeout: configuration.connectTimeout) { [self] result in
        // The next one's turn comes before the result is told, for that may take its time.
        if let next = connects.withLock({ $0.end(attempt) }) { begin(next) }
        attempt.onResult(open(attempt, result))
      }
      if hasBegun { return }
      next = connects.withLock { $0.end(attempt) }
      attempt.onResult(.failure(Self.closedError))
    }
  }

  /// Opens the connection of an attempt that has ended, on its loop.
  private func open(
    _ attempt: ConnectAttempt, _ result: Result<UVTCP, TransportError>
  ) -> Result<TransportClient, TransportError> {
    let stream: UVTCP
    switch result {
    case .failure(let error): return .failure(error)
    case .success(let connected): stream = connected
    }
    let host = attempt.host
    do throws(UVError) {
      try stream.setNoDelay()
      if let seconds = configuration.keepAliveSeconds { try stream.setKeepAlive(seconds: seconds) }
    } catch {
      stream.close()
      return .failure(
        TransportError(.connectFailed, "\(host):\(attempt.port) hung up at once: \(error)", isNotSent: true))
    }
    return .success(
      TransportClient.open(
        stream, loop: attempt.loop, peer: "\(host.contains(":") ? "[\(host)]" : host):\(attempt.port)",
        isOutgoing: true, configuration: configuration, handler: attempt.handler))
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
  /// Those that are being made or wait for their turn, pooled or not, fail soon with ``TransportError/Reason/stopped``.
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
    let (underWay, waiting) = connects.withLock { $0.close() }
    for attempt in underWay { attempt.cancel() }
    for attempt in waiting { attempt.onResult(.failure(Self.closedError)) }
  }
}
