internal import MailroomQueue

/// A listening socket, and the making of connections from what it accepts.
///
/// Loop-confined.
final class Listener {
  let host: String
  let port: Int

  private let stream: UVTCP
  private let loop: EventLoop
  private let group: EventLoopGroup
  private let configuration: TransportConfiguration
  private let handler: ConnectionHandlerFactory

  /// Finds the address that `host` stands for; a numeric one without asking anybody.
  static func resolve(
    _ core: LoopCore, host: String, port: Int, _ onResult: @escaping (Result<SocketAddress, TransportError>) -> Void
  ) {
    if let address = SocketAddress(numericHost: host, port: port) { return onResult(.success(address)) }
    let failure = { (error: UVError) in
      TransportError(.unresolvableHost, "the host \(host) could not be resolved: \(error)", isNotSent: true)
    }
    do throws(UVError) {
      _ = try UVResolver.resolve(core.uv, host: host, port: port) { result in
        core.awake()
        onResult(result.map { $0[0] }.mapError(failure))
      }
    } catch {
      onResult(.failure(failure(error)))
    }
  }

  init(
    _ address: SocketAddress, loop: EventLoop, group: EventLoopGroup, configuration: TransportConfiguration,
    handler: @escaping ConnectionHandlerFactory
  ) throws(TransportError) {
    self.loop = loop
    self.group = group
    self.configuration = configuration
    self.handler = handler
    if loop.core.value.isShuttingDown { throw TransportError(.stopped, "the event loop was shut down") }
    var opened: UVTCP?
    do throws(UVError) {
      let stream = try UVTCP(loop.core.value.uv)
      opened = stream
      try stream.bind(to: address)
      // libuv reports a bind that failed for an address in use only when it listens.
      let accept = Unbound<Listener>()
      try stream.listen(backlog: configuration.backlog) { error in accept.value?.accept(error) }
      guard let bound = stream.localAddress else { throw UVError("getsockname", code: -1) }
      self.stream = stream
      host = bound.host
      port = bound.port
      accept.value = self
    } catch {
      opened?.close()
      throw TransportError(
        error.isAddressInUse ? .addressInUse : .bindFailed,
        "\(address.host):\(address.port) could not be bound: \(error)")
    }
    loop.core.value.add(self)
  }

  /// A reference that is filled in later, and does not keep its object alive.
  private final class Unbound<Object: AnyObject> {
    weak var value: Object?
  }

  private func accept(_ error: UVError?) {
    let core = loop.core.value
    core.awake()
    // Out of descriptors: libuv has turned the waiting connections away, and goes on listening.
    if error != nil { return }
    do throws(UVError) {
      let accepted = try UVTCP(core.uv)
      do throws(UVError) {
        try stream.accept(into: accepted)
      } catch {
        accepted.close()
        throw error
      }
      let target = group.next()
      if target === loop {
        Self.open(accepted, on: loop, configuration, handler)
      } else {
        hand(accepted, to: target)
      }
    } catch {
      // The peer hung up between being announced and accepted, or the system has no descriptor left: nothing to serve.
    }
  }

  /// Moves an accepted socket to another loop: a duplicate of its descriptor is opened there.
  private func hand(_ accepted: UVTCP, to target: EventLoop) {
    guard let descriptor = accepted.duplicateDescriptor() else { return accepted.close() }
    accepted.close()
    let (configuration, handler) = (configuration, handler)
    let posted = target.execute {
      do throws(UVError) {
        let stream = try UVTCP(target.core.value.uv, adopting: descriptor)
        Self.open(stream, on: target, configuration, handler)
      } catch {
        UVTCP.closeDescriptor(descriptor)
      }
    }
    if !posted { UVTCP.closeDescriptor(descriptor) }
  }

  private static func open(
    _ stream: UVTCP, on loop: EventLoop, _ configuration: TransportConfiguration, _ handler: ConnectionHandlerFactory
  ) {
    do throws(UVError) {
      try stream.setNoDelay()
      if let seconds = configuration.keepAliveSeconds { try stream.setKeepAlive(seconds: seconds) }
      guard let peer = stream.peerAddress else { return stream.close() }
      let host = peer.host.contains(":") ? "[\(peer.host)]" : peer.host
      _ = TransportClient.open(
        stream, loop: loop, peer: "\(host):\(peer.port)", isOutgoing: false, configuration: configuration,
        handler: handler)
    } catch {
      stream.close()
    }
  }

  func close() {
    let core = loop.core.value
    stream.close { core.remove(self) }
  }
}

extension Listener: LoopResident {
  func closeForShutdown() { close() }
}
