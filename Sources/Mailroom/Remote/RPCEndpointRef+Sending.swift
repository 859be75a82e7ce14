internal import MailroomQueue
internal import MailroomTransport

/// How messages leave: to the inbox of an endpoint of the same environment, straight into the connection's buffer when the caller is
/// on its event loop, or into the outbox.
extension RPCEndpointRef {
  func start<Request: RPCRequest, Ask: PendingAsk & Expirable>(
    _ request: Request, _ ask: Ask, _ timeout: Duration?
  ) where Ask.Reply == Request.Reply {
    switch target {
    case .local(let inbox): startLocal(LocalAsk(request, ask, sender: env.name), ask, inbox, timeout)
    case .remote(let route):
      sendRemote(route, .receiver(ask), timeout) { (writer) throws(RPCError) in
        try Self.write(request, route.envelope, to: &writer)
      } onError: {
        ask.complete(.failure($0))
      }
    case .unreachable(let error): ask.complete(.failure(error))
    }
  }

  func start<Ask: PendingAsk & Expirable>(
    _ bytes: RawSpan, _ sink: ReplySink, _ ask: Ask, _ timeout: Duration?
  ) where Ask.Reply == RPCBytes {
    switch target {
    case .local(let inbox): startLocal(LocalAsk(RPCBytes(bytes), ask, sender: env.name), ask, inbox, timeout)
    case .remote(let route):
      sendRemote(route, sink, timeout) { (writer) throws(RPCError) in
        Self.write(bytes, route.envelope, to: &writer)
      } onError: {
        ask.complete(.failure($0))
      }
    case .unreachable(let error): ask.complete(.failure(error))
    }
  }

  private func startLocal(_ message: any LocalMessage, _ ask: any Expirable, _ inbox: Inbox, _ timeout: Duration?) {
    if env.isStopped { return message.fail(.envStopped) }
    env.localDeadlines.add(ask, deadline: deadline(timeout))
    inbox.post(.local(message))
  }

  private func deadline(_ timeout: Duration?) -> MonotonicTime {
    .now.advanced(by: timeout ?? env.configuration.askTimeout)
  }

  func post(_ message: consuming InboxMessage, to inbox: Inbox) throws(RPCError) {
    if inbox.post(message) { return }
    if env.isStopped { throw .envStopped }
    throw RPCError(.endpointStopped, "the endpoint \(name) is stopped", execution: .notExecuted)
  }

  func sendRemote(
    _ route: RemoteRoute, _ encode: (inout ByteWriter) throws(RPCError) -> Void
  ) throws(RPCError) {
    if env.isStopped { throw .envStopped }
    if let client = route.outbox.directClient(for: route) {
      var failure: RPCError?
      do throws(TransportError) {
        try client.send { (writer) throws(TransportError) in
          do throws(RPCError) { try encode(&writer) } catch { throw error.carried(in: &failure) }
        }
      } catch {
        throw failure ?? RPCError(error)
      }
    } else {
      if let refusal = route.outbox.refusal { throw refusal }
      var body = ByteWriter()
      try encode(&body)
      try checkSize(body.count, overhead: FrameFormat.oneWayOverhead)
      try route.admit(byteCount: body.count)
      route.outbox.post(OutboxMessage(body, to: route))
    }
  }

  func sendRemote(
    _ route: RemoteRoute, _ sink: ReplySink, _ timeout: Duration?,
    _ encode: (inout ByteWriter) throws(RPCError) -> Void, onError: (RPCError) -> Void
  ) {
    if env.isStopped { return onError(.envStopped) }
    let deadline = deadline(timeout)
    do throws(RPCError) {
      if let client = route.outbox.directClient(for: route) {
        var failure: RPCError?
        do throws(TransportError) {
          try client.sendRPC(sink, deadline: deadline) { (writer) throws(TransportError) in
            do throws(RPCError) { try encode(&writer) } catch { throw error.carried(in: &failure) }
          }
        } catch {
          throw failure ?? RPCError(error)
        }
      } else {
        if let refusal = route.outbox.refusal { throw refusal }
        var body = ByteWriter()
        try encode(&body)
        try checkSize(body.count, overhead: FrameFormat.rpcOverhead)
        try route.admit(byteCount: body.count)
        route.outbox.post(OutboxMessage(body, to: route, sink, deadline: deadline))
      }
    } catch {
      onError(error)
    }
  }

  private func checkSize(_ count: Int, overhead: Int) throws(RPCError) {
    let limit = env.configuration.transport.maximumFrameLength
    if count + overhead > limit {
      throw RPCError(
        .tooLarge, "the message takes \(count + overhead) bytes, the limit is \(limit)", execution: .notExecuted)
    }
  }

  static func write<Message: RPCMessage>(
    _ message: Message, _ envelope: [UInt8], to writer: inout ByteWriter
  ) throws(RPCError) {
    writer.append(envelope)
    writer.append(Content.typed)
    let name = MessageName.bytes(of: Message.self)
    writer.append(varint: UInt64(name.count))
    writer.append(name)
    do {
      try message.encode(into: &writer)
    } catch {
      throw RPCError(
        .unencodable, "\(Message.messageName) cannot be encoded: \(error)", execution: .notExecuted, cause: error)
    }
  }

  static func write(_ bytes: RawSpan, _ envelope: [UInt8], to writer: inout ByteWriter) {
    writer.append(envelope)
    writer.append(Content.raw)
    writer.append(bytes)
  }
}

extension RPCError {
  /// The transport's functions throw the transport's errors: this one is laid aside, and a stand-in thrown.
  fileprivate func carried(in failure: inout RPCError?) -> TransportError {
    failure = self
    return TransportError(.unencodable, message, isNotSent: true)
  }
}
