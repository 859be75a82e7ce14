internal import MailroomQueue
internal import Synchronization

/// Accepts connections on one address.
///
/// - Thread safety: any thread.
public final class TransportServer: Sendable {
  /// The address bound to, numeric.
  public let host: String
  /// The port bound to.
  public let port: Int

  private let loop: EventLoop
  /// Loop-confined.
  private let listener: Confined<Listener?>

  private init(loop: EventLoop, listener: sending Listener, host: String, port: Int) {
    self.loop = loop
    self.listener = Confined(listener)
    self.host = host
    self.port = port
  }

  /// Binds and listens.
  ///
  /// - Parameters:
  ///   - host: a numeric address or a name to bind to.
  ///   - port: 0 for one that the system chooses.
  /// - Throws: ``TransportError``: ``TransportError/Reason/addressInUse``, ``TransportError/Reason/bindFailed``,
  ///   ``TransportError/Reason/unresolvableHost``, ``TransportError/Reason/stopped``.
  public static func start(
    group: EventLoopGroup, host: String, port: Int, configuration: TransportConfiguration = .init(),
    handler: @escaping ConnectionHandlerFactory
  ) async throws(TransportError) -> TransportServer {
    let loop = group.next()
    let start = Start()
    let stopped = TransportError(.stopped, "the event loop was shut down")
    let result = await start.caller.wait(fallback: .failure(stopped)) {
      let posted = loop.execute {
        Listener.resolve(loop.core.value, host: host, port: port) { resolved in
          let result = resolved.flatMap { address in
            Result { () throws(TransportError) in
              let listener = try Listener(
                address, loop: loop, group: group, configuration: configuration, handler: handler)
              return TransportServer(
                loop: loop, listener: listener, host: listener.host, port: listener.port)
            }
          }
          start.caller.resume(returning: result)
        }
      }
      if !posted { start.caller.resume(returning: .failure(stopped)) }
    }
    return try result.get()
  }

  private final class Start: Sendable {
    let caller = SuspendedCaller<Result<TransportServer, TransportError>>()
  }

  /// Stops accepting.
  ///
  /// Connections that were accepted live on; closing the group closes them.
  public func close() {
    loop.execute { [self] in
      listener.value?.close()
      listener.value = nil
    }
  }
}
