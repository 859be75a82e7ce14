internal import MailroomQueue

/// One TCP connection: its socket, decoder, out-buffer, and the requests that wait for answers.
///
/// Loop-confined.
///
/// Other threads reach it through its ``TransportClient``.
final class Connection {
  /// Above this the out-buffer is written at once instead of at the end of the tick.
  private static let earlyFlush = 256 * 1024

  let core: LoopCore
  private let stream: UVTCP
  private let configuration: TransportConfiguration
  /// Refers back until `didClose`, so the two keep each other alive while the socket is open.
  private let client: TransportClient
  private var handler: (any ConnectionHandler)?

  private var lifecycle = ConnectionLifecycle()
  private var decoder: FrameDecoder
  /// In a box of its own: its accesses are too many to be checked for exclusivity one by one.
  private let out = Confined(OutBuffer())
  private var pending: PendingReplies
  /// Requests of the peer that are not answered yet.
  private var unanswered = 0
  private var isDirty = false
  /// Frames that are being written right now, with the out-buffer in their hands.
  private var openFrames = 0
  private var hasEndedWrites = false
  private var sweepTimer: (id: LoopCore.TimerID, deadline: MonotonicTime)?
  private var closeTimer: LoopCore.TimerID?
  private var error: TransportError?

  init(_ stream: UVTCP, core: LoopCore, client: TransportClient, configuration: TransportConfiguration) {
    self.stream = stream
    self.core = core
    self.client = client
    self.configuration = configuration
    decoder = FrameDecoder(limit: configuration.maximumFrameLength)
    pending = PendingReplies(limit: configuration.maximumPendingReplies)
  }

  /// Begins to serve the connected socket.
  func open(_ handler: any ConnectionHandler) {
    self.handler = handler
    core.add(self)
    stream.delegate = self
    handler.connectionDidOpen()
    do throws(UVError) {
      try stream.startReading()
    } catch {
      fail(TransportError(.connectionClosed, "\(error)"))
    }
  }

  var isActive: Bool { lifecycle.acceptsRequests }
  var pendingCount: Int { pending.count }

  // MARK: Sending

  /// Appends one frame that `write` writes, and has it sent by the end of the tick.
  func append<Failure: Error>(_ write: (inout ByteWriter) throws(Failure) -> Void) throws(Failure) {
    if !isDirty {
      isDirty = true
      core.markDirty(self)
    }
    // The buffer is moved out meanwhile: what `write` encodes may be user code that sends on this very connection, or
    // closes it. Nothing is written to the socket, and nothing ended, until it is back.
    var buffer = ByteWriter()
    swap(&buffer, &out.value.collecting)
    openFrames += 1
    defer {
      swap(&buffer, &out.value.collecting)
      if !buffer.isEmpty { out.value.collecting.append(buffer.bytes) }
      openFrames -= 1
    }
    let start = buffer.count
    do throws(Failure) {
      try write(&buffer)
    } catch {
      buffer.truncate(to: start)
      throw error
    }
  }

  /// Writes at once when much has collected; called between frames.
  @inline(__always)
  func flushIfLarge() {
    if out.value.collecting.count >= Self.earlyFlush { write() }
  }

  /// Registers a request; nil, and the sink is told, when it cannot be sent.
  func register(_ sink: ReplySink, deadline: MonotonicTime) -> Int64? {
    guard lifecycle.acceptsRequests else {
      sink.fail(closedError)
      return nil
    }
    guard let id = pending.insert(sink, deadline: deadline) else {
      sink.fail(TransportError(.full, "too many requests wait for an answer from \(client.peer)", isNotSent: true))
      return nil
    }
    armSweep()
    return id
  }

  /// Takes back a request that could not be written.
  func unregister(_ id: Int64) -> ReplySink? { pending.take(id) }

  var acceptsRequests: Bool { lifecycle.acceptsRequests }
  var acceptsAnswers: Bool { lifecycle.acceptsAnswers }

  /// An answer to a request of the peer was written.
  func didAnswer() {
    if unanswered > 0 { unanswered -= 1 }
    if lifecycle.state == .answering { checkQuiescence() }
  }

  var closedError: TransportError {
    TransportError(
      error?.reason ?? .connectionClosed, error?.message ?? "the connection to \(client.peer) is closed",
      isNotSent: true)
  }

  private func write() {
    guard openFrames == 0, !stream.isClosing else { return }
    do throws(UVError) {
      switch try out.value.flush({ (bytes: RawSpan) throws(UVError) -> Int in try stream.tryWrite(bytes) }) {
      case .done: break
      case .write(let bytes, let offset):
        stream.write(bytes, from: offset) { [self] storage, error in
          core.awake()
          out.value.didWrite(storage)
          if let error {
            fail(TransportError(.connectionClosed, "writing to \(client.peer) failed: \(error)"))
          } else {
            write()
            afterWrite()
          }
        }
      }
    } catch {
      fail(TransportError(.connectionClosed, "writing to \(client.peer) failed: \(error)"))
    }
  }

  private func afterWrite() {
    switch lifecycle.state {
    case .answering: checkQuiescence()
    case .finishing: endWritesIfDrained()
    default: break
    }
  }

  // MARK: Deadlines

  private func armSweep() {
    let deadline = pending.earliestDeadline
    if let sweepTimer {
      if sweepTimer.deadline <= deadline { return }
      core.cancel(sweepTimer.id)
    }
    sweepTimer = nil
    if deadline == .distantFuture { return }
    let id = core.schedule(at: deadline) { [self] in sweep() }
    sweepTimer = (id, deadline)
  }

  private func sweep() {
    sweepTimer = nil
    let expired = pending.takeExpired(now: .now)
    for sink in expired {
      sink.fail(TransportError(.timeout, "no answer from \(client.peer) before the deadline"))
    }
    armSweep()
  }

  // MARK: Ending

  /// Ends the connection after what is queued was written.
  func close() { perform(lifecycle.handle(.close)) }

  /// Ends the connection at once.
  func fail(_ error: TransportError) {
    if self.error == nil && lifecycle.state != .closed { self.error = error }
    perform(lifecycle.handle(.failed))
  }

  private func checkQuiescence() {
    if unanswered == 0 && isDrained { perform(lifecycle.handle(.quiescent)) }
  }

  private var isDrained: Bool { openFrames == 0 && out.value.isDrained }

  private func endWritesIfDrained() {
    guard isDrained, !hasEndedWrites, !stream.isClosing else { return }
    hasEndedWrites = true
    stream.shutdown { [self] error in
      core.awake()
      if error == nil {
        perform(lifecycle.handle(.writesEnded))
      } else {
        perform(lifecycle.handle(.failed))
      }
    }
  }

  private func perform(_ actions: ConnectionLifecycle.Actions) {
    if actions.contains(.failPending) {
      client.didBecomeInactive()
      // A request whose bytes never left the process was certainly not executed; which those are is not tracked here.
      let failure = TransportError(
        error?.reason ?? .connectionClosed, error?.message ?? "the connection to \(client.peer) was closed")
      for sink in pending.takeAll() { sink.fail(failure) }
      if let sweepTimer { core.cancel(sweepTimer.id) }
      sweepTimer = nil
    }
    if actions.contains(.startTimer) {
      closeTimer = core.schedule(at: MonotonicTime.now.advanced(by: configuration.closeTimeout)) { [self] in
        closeTimer = nil
        if error == nil && !isDrained {
          error = TransportError(
            .connectionClosed, "\(client.peer) was cut off before it took the last \(out.value.pendingBytes) bytes")
        }
        perform(lifecycle.handle(.timedOut))
      }
    }
    if actions.contains(.endWrites) {
      write()
      endWritesIfDrained()
    }
    if actions.contains(.closeSocket) { closeSocket() }
    if lifecycle.state == .answering { checkQuiescence() }
  }

  private func closeSocket() {
    if let closeTimer { core.cancel(closeTimer) }
    closeTimer = nil
    stream.delegate = nil
    let handler = self.handler
    self.handler = nil
    let error = self.error
    stream.close { [self] in
      handler?.connectionDidClose(error)
      client.didClose()
      core.remove(self)
    }
  }
}

extension Connection: LoopFlushable {
  func flush() {
    isDirty = false
    write()
    afterWrite()
  }
}

extension Connection: LoopResident {
  func closeForShutdown() {
    if error == nil { error = TransportError(.stopped, "the connection to \(client.peer) was closed by a shutdown") }
    close()
  }
}

// MARK: Reading

extension Connection: UVStreamDelegate {
  func streamWillRead(_ offer: (inout MutableRawSpan) -> Void) {
    core.awake()
    decoder.withRoom(offer)
  }

  func streamDidRead(_ bytes: RawSpan) {
    guard acceptsAnswers else { return }
    do throws(FrameError) {
      try decoder.decode(bytes) { (payload) throws(FrameError) in try receive(payload) }
    } catch {
      fail(TransportError(.protocolViolation, "\(client.peer) broke the protocol: \(error)"))
    }
    handler?.connectionDidReadBatch()
  }

  func streamDidRead(intoOfferedSpace count: Int) {
    guard acceptsAnswers else { return }
    do throws(FrameError) {
      try decoder.didFillRoom(count) { (payload) throws(FrameError) in try receive(payload) }
    } catch {
      fail(TransportError(.protocolViolation, "\(client.peer) broke the protocol: \(error)"))
    }
    handler?.connectionDidReadBatch()
  }

  func streamDidEnd(_ error: UVError?) {
    core.awake()
    if let error {
      fail(TransportError(.connectionClosed, "the connection to \(client.peer) was lost: \(error)"))
    } else if decoder.isAtFrameBoundary || !isActive {
      perform(lifecycle.handle(.peerEnded))
    } else {
      fail(TransportError(.connectionClosed, "\(client.peer) ended the connection in the middle of a frame"))
    }
  }

  /// Handles one frame; says whether the next one is wanted.
  private func receive(_ payload: RawSpan) throws(FrameError) -> Bool {
    let message = try WireMessage(payload: payload)
    switch message {
    case .rpcRequest(let id, let body):
      unanswered += 1
      handler?.receive(request: body, responder: RPCResponder(client: client, requestID: id))
      flushIfLarge()
    case .oneWay(let body):
      handler?.receive(oneWay: body)
    case .rpcResponse(let id, let body):
      if let sink = pending.take(id) {
        sink.complete(.success(body))
      } else {
        client.didReceiveUnknownReply()
      }
    case .rpcFailure(let id, let error):
      if let sink = pending.take(id) {
        let text = error.utf8String() ?? "(a failure without a readable text)"
        sink.fail(TransportError(.remoteFailure, text))
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
    }
    return acceptsAnswers
  }

  private func refuse(_ write: (inout ByteWriter) throws(FrameError) -> Void) {
    // An answer that echoes a stream id longer than the limit allows cannot be sent; the asker's own deadline remains.
    try? append(write)
  }
}
