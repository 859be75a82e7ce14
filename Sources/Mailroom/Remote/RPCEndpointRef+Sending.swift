internal import MailroomQueue
internal import MailroomTransport

/// How messages leave: to the inbox of an endpoint of the same environment, straight into the connection's buffer when the caller is
/// on its event loop, or into the outbox.
extension RPCEndpointRef {
  // MARK: Requests

  func start<Request: RPCRequest, Ask: PendingAsk>(
    _ request: Request, _ ask: Ask, _ limit: AskLimit, key: RPCRequestKey? = nil
  ) where Ask.Reply == Request.Reply {
    switch target {
    case .local(let inbox):
      startLocal(LocalAsk(request, ask, sender: env.name, key: key), ask, inbox, limit)
    case .remote(let route): start(request, over: route, ask, limit, key: key)
    case .unreachable(let error): ask.refuse(error)
    }
  }

  func start<Request: RPCRequest>(
    _ request: Request, over route: RemoteRoute, _ ask: some RefusableAsk, _ limit: AskLimit, key: RPCRequestKey? = nil
  ) {
    // A key stands in front of the name, so that no number can stand for both the envelope and the name.
    let head = key == nil ? MessageHead.of(Request.self) : nil
    sendRemote(route, head, .receiver(ask), limit) { (writer) throws(RPCError) in
      try Self.write(request, key: key, to: &writer)
    } onError: {
      ask.refuse($0)
    }
  }

  private func startLocal(_ message: any LocalMessage, _ ask: some WatchedAsk, _ inbox: Inbox, _ limit: AskLimit) {
    if env.isStopped { return message.fail(.envStopped) }
    env.localDeadlines.watch(ask, isShort: limit.isShort)
    if inbox.offer(message, bytes: message.byteCount) == .full { message.fail(inbox.full) }
  }

  /// - Parameters:
  ///   - head: what the content begins with; nil if that is encoded, too.
  ///   - encode: appends what follows.
  func sendRemote(
    _ route: RemoteRoute, _ head: MessageHead?, _ sink: ReplySink, _ limit: AskLimit,
    _ encode: (inout ByteWriter) throws(RPCError) -> Void, onError: (RPCError) -> Void
  ) {
    if env.isStopped { return onError(.envStopped) }
    let (home, route) = (route, route.current)
    do throws(RPCError) {
      if let client = route.outbox.directClient(for: route) {
        var failure: RPCError?
        let prefix = route.prefix(for: head)
        let mark = client.mark(of: prefix)
        do throws(TransportError) {
          try client.sendRPC(sink, deadline: limit.deadline, saved: mark.saved) { (writer) throws(TransportError) in
            writer.append(prefix, mark)
            do throws(RPCError) { try encode(&writer) } catch { throw error.carried(in: &failure) }
          }
        } catch {
          throw failure ?? RPCError(error)
        }
      } else {
        let content = try route.admitted(head, overhead: FrameFormat.rpcOverhead, in: env, encode)
        route.outbox.post(
          OutboxMessage(
            content, behind: head, to: route, of: route === home ? nil : home, sink, deadline: limit.deadline))
      }
    } catch {
      onError(error)
    }
  }

  // MARK: One-way messages

  func sendLocal(_ message: any LocalMessage, to inbox: Inbox) throws(RPCError) {
    if env.isStopped { throw .envStopped }
    try storage.check(inbox.offer(message, bytes: message.byteCount), inbox)
  }

  func sendRemote(
    _ route: RemoteRoute, _ head: MessageHead, _ encode: (inout ByteWriter) throws(RPCError) -> Void
  ) throws(RPCError) {
    if env.isStopped { throw .envStopped }
    let (home, route) = (route, route.current)
    if let client = route.outbox.directClient(for: route) {
      var failure: RPCError?
      let prefix = route.prefix(for: head)
      let mark = client.mark(of: prefix)
      do throws(TransportError) {
        try client.send(saved: mark.saved) { (writer) throws(TransportError) in
          writer.append(prefix, mark)
          do throws(RPCError) { try encode(&writer) } catch { throw error.carried(in: &failure) }
        }
      } catch {
        throw failure ?? RPCError(error)
      }
    } else {
      let content = try route.admitted(head, overhead: FrameFormat.oneWayOverhead, in: env, encode)
      route.outbox.post(OutboxMessage(content, behind: head, to: route, of: route === home ? nil : home))
    }
  }

  // MARK: Encoding

  /// Appends what follows the ``MessageHead``; with a key, the key and the head, too.
  static func write<Message: RPCMessage>(
    _ message: Message, key: RPCRequestKey? = nil, to writer: inout ByteWriter
  ) throws(RPCError) {
    if let key {
      Content.append(key, to: &writer)
      writer.append(MessageHead.of(Message.self).bytes)
    }
    do {
      try message.encode(into: &writer)
    } catch {
      throw RPCError(
        .unencodable, "\(Message.messageName) cannot be encoded: \(error)", execution: .notExecuted, cause: error)
    }
  }
}

/// How raw bytes go to an endpoint of the same environment.
///
/// A part of what copies of a reference share, since what that keeps is reached from here without counting references.
extension RPCEndpointRef.Storage {
  /// Asks; refuses the ask when there is no such endpoint.
  func startLocal(_ bytes: [UInt8], _ ask: consuming LocalBytesAsk) {
    // Not unwrapped, for that would count what is wrapped.
    if inbox == nil { return ask.refuse(unreachable) }
    if env.isStopped { return ask.refuse(.envStopped) }
    localDeadlines.watch(ask, isShort: ask.limit.isShort)
    inbox?.take(bytes, consume ask)
  }

  /// Sends.
  ///
  /// - Throws: why not; also when there is no such endpoint.
  func sendLocal(_ bytes: [UInt8]) throws(RPCError) {
    guard let inbox else { throw unreachable }
    if env.isStopped { throw .envStopped }
    try check(inbox.offer(bytes), inbox)
  }

  fileprivate func check(_ offered: Inbox.Offered, _ inbox: Inbox) throws(RPCError) {
    switch offered {
    case .taken: return
    case .full: throw inbox.full
    case .stopped:
      if env.isStopped { throw .envStopped }
      throw .stopped(name)
    }
  }

  /// Why there is no way to an endpoint that is neither of this environment nor of another.
  private var unreachable: RPCError {
    if case .unreachable(let error) = target { return error }
    return .stopped(name)
  }
}

extension Inbox {
  /// The error of a message that there is no room for.
  var full: RPCError {
    let level = level
    return RPCError(
      .full,
      "\(level.messages) messages, \(level.bytes) bytes together, wait in the inbox of \(name); "
        + "RPCConfiguration.maximumInboxMessages and maximumInboxBytes are the limits",
      execution: .notExecuted, cause: NoRoom())
  }
}

/// The cause of an error that a queue of this process is full, which will have room again.
struct NoRoom: Error {}

extension RPCError {
  /// Whether trying again when there is room may help.
  var isForLackOfRoom: Bool { code == .full && cause is NoRoom }

  /// The transport's functions throw the transport's errors: this one is laid aside, and a stand-in thrown.
  fileprivate func carried(in failure: inout RPCError?) -> TransportError {
    failure = self
    return TransportError(.unencodable, message, isNotSent: true)
  }
}
