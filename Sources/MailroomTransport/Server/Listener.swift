internal import MailroomQueue

/// A listening socket, and the making of connections from what it accepts.
///
/// Loop-confined.
final class Listener {
  let host: String
  let port: Int

  private var stream: UVTCP
  /// Another descriptor of the listening socket: keeps it open while `stream` is given up.
  private let spare: Int32
  /// When to listen again, while accepting is paused.
  private var resumption: LoopCore.TimerID?
  private var isClosed = false
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
      guard let spare = stream.duplicateDescriptor() else { throw UVError.outOfDescriptors("dup") }
      self.spare = spare
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
    if error != nil { return pause() }
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

  /// Stops accepting for a while, because the process has no descriptor left.
  ///
  /// libuv turns waiting connections away with a descriptor that it keeps for that. Once another thread has got hold of that
  /// one, libuv tries to accept again for ever, without leaving the loop to anybody else. Giving up the handle ends that;
  /// connections that come meanwhile wait in the backlog, because the spare descriptor keeps the socket listening.
  private func pause() {
    stream.close()
    resumeLater()
  }

  private func resumeLater() {
    let time = MonotonicTime.now.advanced(by: .milliseconds(100))
    resumption = loop.core.value.schedule(at: time) { [self] in
      resumption = nil
      resume()
    }
  }

  private func resume() {
    guard !isClosed else { return }
    guard let copy = UVTCP.duplicate(spare) else { return resumeLater() }
    var adopted: UVTCP?
    do throws(UVError) {
      let stream = try UVTCP(loop.core.value.uv, adopting: copy)
      adopted = stream
      try stream.listen(backlog: configuration.backlog) { [weak self] error in self?.accept(error) }
      self.stream = stream
    } catch {
      if let adopted { adopted.close() } else { UVTCP.closeDescriptor(copy) }
      resumeLater()
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

  /// Stops listening.
  ///
  /// Safe to call again.
  func close() {
    guard !isClosed else { return }
    isClosed = true
    let core = loop.core.value
    if let resumption { core.cancel(resumption) }
    UVTCP.closeDescriptor(spare)
    if stream.isClosing { return core.remove(self) }
    stream.close { core.remove(self) }
  }
}

extension Listener: LoopResident {
  func closeForShutdown() { close() }
}
