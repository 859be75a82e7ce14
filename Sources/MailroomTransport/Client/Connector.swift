internal import MailroomQueue

/// Makes one outgoing connection: resolves the name, tries each address in turn, gives up at the deadline.
///
/// Loop-confined.
///
/// ```
///   resolving ─► connecting(address 0) ─► connecting(address 1) … ─► done (connected, or the last error)
///       └────────────┴── deadline, cancelled, loop shuts down ───────► done (timeout, stopped)
/// ```
///
/// Invariant: the result is reported exactly once, and no handle is left open but that of a connected stream.
final class Connector {
  private let core: LoopCore
  private let host: String
  private let port: Int
  private var onResult: ((Result<UVTCP, TransportError>) -> Void)?
  private var resolver: UVResolver?
  private var stream: UVTCP?
  private var timer: LoopCore.TimerID?
  private var addresses: ArraySlice<SocketAddress> = []
  private var lastError: TransportError?

  /// Begins to connect; `onResult` runs once, on the loop.
  init(
    _ core: LoopCore, host: String, port: Int, timeout: Duration,
    _ onResult: @escaping (Result<UVTCP, TransportError>) -> Void
  ) {
    self.core = core
    self.host = host
    self.port = port
    self.onResult = onResult
    core.add(self)
    // A loop that is shutting down has closed it right away.
    guard self.onResult != nil else { return }
    timer = core.schedule(at: MonotonicTime.now.advanced(by: timeout)) { [self] in
      timer = nil
      finish(
        .failure(TransportError(.connectFailed, "connecting to \(host):\(port) took over \(timeout)", isNotSent: true)))
    }
    if let address = SocketAddress(numericHost: host, port: port) {
      addresses = [address]
      connectToNext()
    } else {
      resolve()
    }
  }

  /// Whether the result was reported.
  var hasEnded: Bool { onResult == nil }

  /// Gives up, because nobody wants the connection any more.
  func cancel() {
    finish(.failure(TransportError(.stopped, "the client factory was closed while connecting", isNotSent: true)))
  }

  private func resolve() {
    do throws(UVError) {
      resolver = try UVResolver.resolve(core.uv, host: host, port: port) { [self] result in
        core.awake()
        resolver = nil
        switch result {
        case .success(let found):
          addresses = found[...]
          connectToNext()
        case .failure(let error):
          finish(.failure(unresolvable(error)))
        }
      }
    } catch {
      finish(.failure(unresolvable(error)))
    }
  }

  private func unresolvable(_ error: UVError) -> TransportError {
    TransportError(.unresolvableHost, "the host \(host) could not be resolved: \(error)", isNotSent: true)
  }

  private func connectToNext() {
    guard onResult != nil else { return }
    guard let address = addresses.popFirst() else {
      return finish(.failure(lastError ?? TransportError(.connectFailed, "no address to connect to", isNotSent: true)))
    }
    do throws(UVError) {
      let stream = try UVTCP(core.uv)
      self.stream = stream
      try stream.connect(to: address) { [self] error in
        core.awake()
        // A stream that was given up reports its end here too.
        guard self.stream === stream else { return }
        if let error { failed(error) } else { finish(.success(stream)) }
      }
    } catch {
      failed(error)
    }
  }

  private func failed(_ error: UVError) {
    lastError = TransportError(.connectFailed, "failed to connect to \(host):\(port): \(error)", isNotSent: true)
    let failed = stream
    stream = nil
    failed?.close()
    connectToNext()
  }

  private func finish(_ result: Result<UVTCP, TransportError>) {
    guard let callback = onResult else { return }
    onResult = nil
    if let timer { core.cancel(timer) }
    timer = nil
    resolver?.cancel()
    resolver = nil
    if case .failure = result { stream?.close() }
    stream = nil
    callback(result)
    core.remove(self)
  }
}

extension Connector: LoopResident {
  func closeForShutdown() {
    finish(.failure(TransportError(.stopped, "the event loop was shut down while connecting", isNotSent: true)))
  }
}
