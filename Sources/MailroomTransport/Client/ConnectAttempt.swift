internal import MailroomQueue

/// One attempt to connect, from being asked for to its result, whether it has begun or not.
///
/// Loop-confined, but for its constants, ``begin(timeout:_:)`` and ``cancel()``, which are for any thread.
final class ConnectAttempt: Sendable {
  let host: String
  let port: Int
  let loop: EventLoop
  /// Serves what arrives on the connection.
  let handler: ConnectionHandlerFactory
  /// Called once by whoever ends the attempt.
  let onResult: @Sendable (Result<TransportClient, TransportError>) -> Void

  /// Loop-confined; there while it is connecting.
  private let connector = Confined<Connector?>(nil)
  /// Loop-confined.
  private let isCancelled = Confined(false)

  init(
    host: String, port: Int, loop: EventLoop, handler: @escaping ConnectionHandlerFactory,
    _ onResult: @escaping @Sendable (Result<TransportClient, TransportError>) -> Void
  ) {
    self.host = host
    self.port = port
    self.loop = loop
    self.handler = handler
    self.onResult = onResult
  }

  /// Begins to connect; `onEnd` runs once, on the loop, with the socket or an error.
  ///
  /// - Returns: false when the loop has ended; `onEnd` does not run then.
  func begin(timeout: Duration, _ onEnd: @escaping @Sendable (Result<UVTCP, TransportError>) -> Void) -> Bool {
    loop.execute { [self] in
      let beginning = Connector(loop.core.value, host: host, port: port, timeout: timeout) { [self] result in
        connector.value = nil
        onEnd(result)
      }
      if isCancelled.value { beginning.cancel() } else if !beginning.hasEnded { connector.value = beginning }
    }
  }

  /// Ends the attempt soon with ``TransportError/Reason/stopped``, also when it has yet to begin.
  ///
  /// Does nothing when it has ended.
  func cancel() {
    loop.execute { [self] in
      isCancelled.value = true
      connector.value?.cancel()
    }
  }
}
