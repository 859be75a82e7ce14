internal import MailroomQueue

// Reading, and serving what was read.

extension Connection: UVStreamDelegate {
  func streamWillRead(_ offer: (inout MutableRawSpan) -> Void) {
    core.awake()
    decoder.value.withRoom(offer)
  }

  func streamDidRead(_ bytes: RawSpan) {
    guard acceptsAnswers, let handler else { return }
    // Both are held here for the whole batch: a frame's handler may end the connection, which lets go of them.
    let asker = asker
    if handler.looksAhead { return didReadMany(bytes, handler, asker) }
    do throws(FrameError) {
      try decoder.value.decode(bytes) { (payload) throws(FrameError) in try receiveOrHold(payload, handler, asker) }
    } catch {
      fail(TransportError(.protocolViolation, "\(client.peer) broke the protocol: \(error)"))
    }
    handler.connectionDidReadBatch()
  }

  /// As ``streamDidRead(_:)``, with a look at what comes next.
  @inline(never)
  private func didReadMany(_ bytes: RawSpan, _ handler: any ConnectionHandler, _ asker: (any AnyObject & Sendable)?) {
    var lookout = Lookout(from: decoder.value.offsetOfNextFrame ?? bytes.byteCount)
    do throws(FrameError) {
      lookout.begin(at: bytes, handler)
      try decoder.value.decode(bytes) { (payload) throws(FrameError) in
        lookout.look(at: bytes, handler)
        return try receiveOne(payload, handler, asker)
      }
    } catch {
      fail(TransportError(.protocolViolation, "\(client.peer) broke the protocol: \(error)"))
    }
    handler.connectionDidReadBatch()
  }

  /// As ``receiveOrHold(_:_:_:)``, which is a part of where frames are read fastest.
  @inline(never)
  private func receiveOne(
    _ payload: RawSpan, _ handler: any ConnectionHandler, _ asker: (any AnyObject & Sendable)?
  ) throws(FrameError) -> Bool {
    try receiveOrHold(payload, handler, asker)
  }

  func streamDidRead(intoOfferedSpace count: Int) {
    guard acceptsAnswers, let handler else { return }
    let asker = asker
    do throws(FrameError) {
      try decoder.value.didFillRoom(count) { (payload) throws(FrameError) in
        try receiveOrHold(payload, handler, asker)
      }
    } catch {
      fail(TransportError(.protocolViolation, "\(client.peer) broke the protocol: \(error)"))
    }
    handler.connectionDidReadBatch()
  }

  func streamDidEnd(_ error: UVError?) {
    core.awake()
    isReading = false
    hasPeerEnded = true
    if let error = error ?? untoldError {
      failBehindHeldFrames("the connection to \(client.peer) was lost: \(error)")
    } else if decoder.value.isAtFrameBoundary || !isActive {
      handle(.peerEnded)
    } else {
      failBehindHeldFrames("\(client.peer) ended the connection in the middle of a frame")
    }
  }

  /// Handles one frame, now or when the read gate opens; says whether the next one is wanted.
  ///
  /// The kinds that asks and one-way messages are made of are read right here.
  @inline(__always)
  private func receiveOrHold(
    _ payload: RawSpan, _ handler: any ConnectionHandler, _ asker: (any AnyObject & Sendable)?
  ) throws(FrameError) -> Bool {
    if !readGate.value.isOpen || !unserved.value.isEmpty {
      try hold(payload)
    } else if let id = payload.idOfResponse {
      complete(id, payload.dropping(RawSpan.responseHeader), asker)
    } else if hasExtensions, let (id, left) = payload.idAndTimeOfRequest {
      let deadline = core.tickTime.advanced(byNanoseconds: UInt64(left))
      serve(id, deadline: deadline, payload.dropping(RawSpan.timedRequestHeader), handler)
    } else if payload.isOneWay {
      handler.receive(oneWay: payload.dropping(RawSpan.oneWayHeader))
    } else {
      try receive(payload, handler, asker)
    }
    return acceptsAnswers
  }

  /// Gives an answer to who waits for it.
  @inline(__always)
  private func complete(_ id: Int64, _ body: RawSpan, _ asker: (any AnyObject & Sendable)?) {
    guard let sink = pending.value.take(id) else { return client.didReceiveUnknownReply() }
    (consume sink).succeed(body, asker)
  }

  /// Handles one frame of any kind.
  private func receive(
    _ payload: RawSpan, _ handler: any ConnectionHandler, _ asker: (any AnyObject & Sendable)?
  ) throws(FrameError) {
    let message = try WireMessage(payload: payload)
    switch message {
    case .rpcRequest(let id, let body):
      serve(id, deadline: .distantFuture, body, handler)
    case .oneWay(let body):
      handler.receive(oneWay: body)
    case .rpcResponse(let id, let body): complete(id, body, asker)
    case .rpcFailure(let id, let error):
      if let sink = pending.value.take(id) {
        let text = error.utf8String() ?? "(a failure without a readable text)"
        sink.fail(TransportError(.remoteFailure, text), asker)
      } else {
        client.didReceiveUnknownReply()
      }
    case .streamRequest(let streamID):
      refuse { (writer) throws(FrameError) in
        try writer.append(
          frame: .streamFailure(streamID: streamID, error: "streams are not served here".utf8.span.bytes),
          limit: configuration.maximumFrameLength)
      }
    case .chunkFetchRequest(let streamID, let index):
      refuse { (writer) throws(FrameError) in
        try writer.append(
          frame: .chunkFetchFailure(
            streamID: streamID, chunkIndex: index, error: "chunks are not served here".utf8.span.bytes),
          limit: configuration.maximumFrameLength)
      }
    case .uploadStream: throw .unsupported(WireMessage.Kind.uploadStream.rawValue)
    case .streamResponse: throw .unsupported(WireMessage.Kind.streamResponse.rawValue)
    case .chunkFetchSuccess, .chunkFetchFailure, .streamFailure:
      client.didReceiveUnknownReply()
    case .rpcRequestWithDeadline: try receive(extension: message, .rpcRequestWithDeadline, handler)
    case .cancel: try receive(extension: message, .cancel, handler)
    case .pauseEndpoint: try receive(extension: message, .pauseEndpoint, handler)
    case .resumeEndpoint: try receive(extension: message, .resumeEndpoint, handler)
    case .numberPrefix: try receive(extension: message, .numberPrefix, handler)
    }
  }

  /// Has the handler serve a request of the peer.
  @inline(__always)
  func serve(_ id: Int64, deadline: MonotonicTime, _ body: RawSpan, _ handler: any ConnectionHandler) {
    unanswered += 1
    if unanswered >= mostUnanswered { noteUnanswered() }
    handler.receive(request: body, responder: RPCResponder(client: client, requestID: id, deadline: deadline))
    flushIfLarge()
  }

  private func refuse(_ write: (inout ByteWriter) throws(FrameError) -> Void) {
    // An answer that echoes a stream id longer than the limit allows cannot be sent; the asker's own deadline remains.
    try? append(write)
    flushIfLarge()
  }
}

// MARK: Holding

extension Connection {
  /// Holds reading until ``resumeReading()`` was called as often.
  func pauseReading() {
    readGate.value.pause()
    updateReading()
  }

  func resumeReading() {
    readGate.value.resume()
    updateReading()
  }

  /// Stops or continues reading, as many requests are unanswered or not.
  func noteUnanswered() {
    readGate.value.set(.unanswered, unanswered >= mostUnanswered)
    updateReading()
  }

  /// Puts a frame off until the read gate opens, unless it says something about other messages.
  private func hold(_ payload: RawSpan) throws(FrameError) {
    if payload.overtakes, let handler {
      try receive(payload, handler, asker)
      // What is cancelled may be held itself; then it is when its turn has come that this is heeded.
      guard payload.isCancellation, acceptsAnswers else { return }
    }
    unserved.value.append(payload)
    // While the gate is open they are about to be served, and it is not the peer that is slow.
    if mustRead && !readGate.value.isOpen && unserved.value.byteCount > writeGate.overrun { giveUp() }
    if !wantsMore { updateReading() }
  }

  /// Whether this connection has to read though its peer does not: two that both stopped would wait for each other for ever.
  private var mustRead: Bool { client.isOutgoing && readGate.value.reasons.isSubset(of: .unwritable) }

  /// Whether it reads on, though what it reads may have to be held, for the sake of the answers that come in between.
  ///
  /// Whoever makes the room that is waited for may wait for one of them.
  private var wantsMore: Bool {
    if mustRead { return true }
    let isTakingAnswers = client.isOutgoing || !readGate.value.reasons.contains(.unwritable)
    return isTakingAnswers && unserved.value.byteCount < min(Self.mostHeld, configuration.writeHighWaterMark)
  }

  /// Ends a connection whose peer goes on sending and does not read.
  private func giveUp() {
    fail(
      TransportError(
        .connectionClosed,
        "\(client.peer) sends requests but does not read the answers, of which "
          + "\(out.value.pendingBytes) bytes wait"))
  }

  /// Reads from the socket exactly while the gate is open and nothing that was read is held, or while not too much is.
  func updateReading() {
    guard hasOpened, !stream.isClosing else { return }
    if !acceptsAnswers { unserved.value = HeldFrames() }
    if hasPeerEnded {
      isReading = false
    } else if readGate.value.isOpen && unserved.value.isEmpty || wantsMore {
      startReading()
    } else {
      if isReading { stream.stopReading() }
      isReading = false
    }
    // At the end of the tick, because whoever has opened the gate may be in the middle of something.
    if readGate.value.isOpen && !unserved.value.isEmpty { markDirty() }
  }

  private func startReading() {
    if isReading { return }
    do throws(UVError) {
      try stream.startReading()
      isReading = true
    } catch {
      fail(TransportError(.connectionClosed, "\(error)"))
    }
  }

  /// Serves what was read before the gate closed, until it closes again.
  func serveHeldFrames() {
    guard readGate.value.isOpen, !unserved.value.isEmpty, let handler else { return }
    // Moved out, because those who are served may come back here.
    var frames = HeldFrames()
    swap(&frames, &unserved.value)
    isServingHeldFrames = true
    do throws(FrameError) {
      try frames.serve(while: { readGate.value.isOpen && acceptsAnswers }) { (payload) throws(FrameError) in
        try receive(payload, handler, asker)
      }
    } catch {
      fail(TransportError(.protocolViolation, "\(client.peer) broke the protocol: \(error)"))
    }
    handler.connectionDidReadBatch()
    swap(&frames, &unserved.value)
    isServingHeldFrames = false
    updateReading()
    if hasPeerEnded && unserved.value.isEmpty { didServeHeldFramesOfEndedPeer() }
  }
}

extension RawSpan {
  /// Whether this frame's payload is no message, but says something about others: whoever waits for that may be who holds them up.
  fileprivate var overtakes: Bool {
    switch byte(at: 0).flatMap(WireMessage.Kind.init) {
    case .rpcResponse, .rpcFailure, .cancel, .pauseEndpoint, .resumeEndpoint: true
    default: false
    }
  }

  /// Whether this frame's payload cancels a request.
  fileprivate var isCancellation: Bool { byte(at: 0) == WireMessage.Kind.cancel.rawValue }
}
