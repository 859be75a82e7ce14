internal import MailroomQueue

/// One TCP connection: its socket, decoder, out-buffer, and the requests that wait for answers.
///
/// Loop-confined.
///
/// Other threads reach it through its ``TransportClient``.
///
/// Back-pressure: ``WriteGate`` says whether messages are taken, ``ReadGate`` whether what the peer sends is served. An accepted
/// connection reads nothing while its answers are not taken. An outgoing one reads on, for two peers that both stopped
/// reading would wait for each other for ever; it puts off what is no answer, and gives the peer up when that becomes too much.
/// While requests are put off for another reason, each connection reads on until ``mostHeld`` of them are held: whoever makes the
/// room that they wait for may wait for an answer of the same peer.
final class Connection {
  /// Above this the out-buffer is written at once instead of at the end of the tick.
  static let earlyFlush = 256 * 1024
  /// How much is held at the most before reading stops, besides what one read delivers: enough for answers among it to be found,
  /// and little for a connection whose peer need not be a friend.
  static let mostHeld = 1024 * 1024

  let core: LoopCore
  let stream: UVTCP
  let configuration: TransportConfiguration
  /// Refers back until `didClose`, so the two keep each other alive while the socket is open.
  let client: TransportClient
  private(set) var handler: (any ConnectionHandler)?
  /// The handler's, which replies are given.
  private(set) var asker: (any AnyObject & Sendable)?
  /// The socket, for a thread that borrows the loop.
  private(set) var descriptor: Int32?
  /// Why a write has failed of which nobody was told yet, which the socket tells of once.
  ///
  /// One that a thread in the loop's place made, or one before a tick's end.
  var untoldError: UVError?
  /// The longest frame that may be sent.
  let longestFrame: Int

  private(set) var lifecycle = ConnectionLifecycle()
  /// What the lifecycle says, for those who ask with every frame: whether requests and messages of ours are taken.
  private(set) var acceptsRequests = true
  /// Whether who has the choice may send here: ``acceptsRequests``, and no write has failed.
  var takesMore = true
  /// Whether answers to the peer's requests are taken.
  private(set) var acceptsAnswers = true
  // What every frame touches is in boxes of its own: its accesses are too many to be checked for exclusivity one by one.
  let decoder: Confined<FrameDecoder>
  let out = Confined(OutBuffer())
  let pending: Confined<PendingReplies>
  /// When requests are written before the end of the tick.
  let earlyWrite = Confined(EarlyWrite())
  var writeGate: WriteGate
  /// Whether messages are taken of which much waits, and which nobody waits for: only while little else does.
  var bulkGate: WriteGate
  /// At how many collected bytes the socket and the write gate are to be seen to.
  var attention: Int
  /// Messages of other threads that wait for the write gate.
  var posts = HeldPosts()
  /// Whether those who wait for the write gate are still to be told that it has opened.
  var owesRoom = false
  /// Whether the observer is told of room before the held messages take it: they take turns.
  var observerIsFirst = false
  let readGate = Confined(ReadGate())
  /// What was read and waits for the read gate.
  let unserved = Confined(HeldFrames())
  /// Whether ``unserved`` is being served, and therefore lent.
  var isServingHeldFrames = false
  private(set) var hasOpened = false
  var isReading = false
  /// Whether the peer ended its side, so that there is nothing to read any more.
  var hasPeerEnded = false
  /// Requests of the peer that are not answered yet.
  var unanswered = 0
  let mostUnanswered: Int
  /// Whether the peer understands the extensions.
  var hasExtensions = false
  /// The prefixes that the peer was given numbers for.
  let prefixes = Confined(PrefixNumbers(within: .none))
  var isDirty = false
  /// Frames that are being written right now, with the out-buffer in their hands.
  var openFrames = 0
  /// Whether what is queued is being moved on because the connection is about to close.
  var isFinishing = false
  private var hasEndedWrites = false
  private var sweepTimer: LoopCore.TimerID?
  /// When the sweep timer comes up.
  private(set) var sweepsAt = MonotonicTime.distantFuture
  private var closeTimer: LoopCore.TimerID?
  private var error: TransportError?
  /// Whether the connection fails once what its ended peer has sent before is served.
  private var isFailing = false

  init(_ stream: UVTCP, core: LoopCore, client: TransportClient, configuration: TransportConfiguration) {
    self.stream = stream
    self.core = core
    self.client = client
    self.configuration = configuration
    longestFrame = configuration.longestFrame
    decoder = Confined(FrameDecoder(limit: configuration.maximumFrameLength))
    pending = Confined(PendingReplies(limit: configuration.maximumPendingReplies))
    writeGate = WriteGate(high: configuration.writeHighWaterMark, low: configuration.writeLowWaterMark)
    let high = min(Self.earlyFlush, configuration.writeHighWaterMark)
    bulkGate = WriteGate(high: high, low: min(high / 4, configuration.writeLowWaterMark))
    attention = min(Self.earlyFlush, writeGate.room(beside: 0))
    mostUnanswered = min(max(1, configuration.maximumUnansweredRequests), 1 << 22)
  }

  /// Begins to serve the connected socket.
  func open(_ handler: any ConnectionHandler) {
    self.handler = handler
    asker = handler.asker
    core.add(self)
    stream.delegate = self
    descriptor = stream.descriptor
    handler.connectionDidOpen()
    hasOpened = true
    updateReading()
  }

  var isActive: Bool { acceptsRequests }
  var pendingCount: Int { pending.value.count }

  // MARK: Sending

  /// Registers a request; nil, and the sink is told, when it cannot be sent.
  func register(_ sink: consuming ReplySink, deadline: MonotonicTime) -> Int64? {
    if !acceptsRequests || pending.value.isFull {
      refuse(consume sink)
      return nil
    }
    let id = pending.value.insert(consume sink, deadline: deadline)
    if deadline < sweepsAt { armSweep() }
    return id
  }

  @inline(never)
  private func refuse(_ sink: consuming ReplySink) {
    sink.fail(acceptsRequests ? pendingFullError : closedError, asker)
  }

  /// Whether requests would be taken, but for the answers that are waited for.
  var isPendingFull: Bool { acceptsRequests && pending.value.isFull }

  var pendingFullError: TransportError {
    TransportError(.full, "too many requests wait for an answer from \(client.peer)", isNotSent: true)
  }

  /// Takes back a request that could not be written.
  func unregister(_ id: Int64) -> ReplySink? { pending.value.take(id) }

  /// Whether requests and one-way messages find room in the out-buffer.
  var isWritable: Bool { writeGate.isWritable }

  /// Answers to requests of the peer were written.
  @inline(__always)
  func didAnswer(_ count: Int = 1) {
    unanswered -= min(count, unanswered)
    if unanswered == 0 { client.abandonment.clear() }
    if !readGate.value.isOpen { noteUnanswered() }
    if acceptsAnswers && !acceptsRequests { checkQuiescence() }
  }

  var closedError: TransportError {
    TransportError(
      error?.reason ?? .connectionClosed, error?.message ?? "the connection to \(client.peer) is closed",
      isNotSent: true)
  }

  // MARK: Deadlines

  @inline(never)
  func armSweep() {
    let deadline = pending.value.earliestDeadline
    if sweepsAt <= deadline { return }
    disarmSweep()
    if deadline == .distantFuture { return }
    sweepTimer = core.schedule(at: deadline) { [self] in sweep() }
    sweepsAt = deadline
  }

  private func disarmSweep() {
    if let sweepTimer { core.cancel(sweepTimer) }
    sweepTimer = nil
    sweepsAt = .distantFuture
  }

  private func sweep() {
    disarmSweep()
    let expired = pending.value.takeExpired(now: .now)
    for (id, sink) in expired {
      // The peer may measure time otherwise, and what it does about the request it does in vain.
      sayCancelled(id)
      sink.fail(TransportError(.timeout, "no answer from \(client.peer) before the deadline"), asker)
    }
    armSweep()
  }

  // MARK: Ending

  /// Ends the connection after what is queued was written.
  func close() {
    if lifecycle.state == .open {
      isFinishing = true
      releasePosts(limit: .max, all: true)
    }
    handle(.close)
  }

  /// Has something that happened change the connection's state, and does what follows.
  func handle(_ event: ConnectionLifecycle.Event) {
    let actions = lifecycle.handle(event)
    acceptsRequests = lifecycle.acceptsRequests
    if !acceptsRequests { takesMore = false }
    acceptsAnswers = lifecycle.acceptsAnswers
    perform(actions)
  }

  /// Ends the connection at once.
  func fail(_ error: TransportError) {
    if self.error == nil && lifecycle.state != .closed { self.error = error }
    handle(.failed)
  }

  /// Ends the connection of a peer that has ended; what was read before and is held is served first.
  ///
  /// No answer comes any more, which those who wait for one are told at once.
  func failBehindHeldFrames(_ message: String) {
    let error = TransportError(.connectionClosed, message)
    if unserved.value.isEmpty { return fail(error) }
    if self.error == nil { self.error = error }
    isFailing = true
    handle(.peerEnded)
  }

  /// What a peer sent before it ended is served: now its time to take the answers begins.
  func didServeHeldFramesOfEndedPeer() {
    if isFailing { return handle(.failed) }
    guard lifecycle.state == .answering else { return }
    startCloseTimer()
    checkQuiescence()
  }

  /// Ends the connection of a peer that has ended its side once there is nothing left that it waits for.
  ///
  /// One that knows the extensions has failed its requests before it ended, and takes no answers: it waits for those that were
  /// given before only, and whoever is at one of the others is told.
  func checkQuiescence() {
    guard unserved.value.isEmpty, !isServingHeldFrames else { return }
    if hasExtensions && lifecycle.state == .answering { return handle(.close) }
    if unanswered == 0 && isDrained { handle(.quiescent) }
  }

  var isDrained: Bool { openFrames == 0 && out.value.isDrained }

  func endWritesIfDrained() {
    guard isDrained, !hasEndedWrites, !stream.isClosing else { return }
    hasEndedWrites = true
    stream.shutdown { [self] error in
      core.awake()
      if error == nil {
        handle(.writesEnded)
      } else {
        handle(.failed)
      }
    }
  }

  private func perform(_ actions: ConnectionLifecycle.Actions) {
    if actions.contains(.failPending) {
      client.didBecomeInactive()
      // A request whose bytes never left the process was certainly not executed; which those are is not tracked here.
      let failure = TransportError(
        error?.reason ?? .connectionClosed, error?.message ?? "the connection to \(client.peer) was closed")
      for sink in pending.value.takeAll() { sink.fail(failure, asker) }
      disarmSweep()
    }
    if actions.contains(.startTimer) {
      startCloseTimer()
    }
    if actions.contains(.endWrites) {
      write()
      endWritesIfDrained()
    }
    if actions.contains(.closeSocket) { closeSocket() }
    if lifecycle.state != .open { releasePosts(limit: .max, all: true) }
    if !acceptsAnswers {
      readGate.value.release()
      updateReading()
      client.abandonment.end()
    }
    if lifecycle.state == .answering { checkQuiescence() }
  }

  private func startCloseTimer() {
    if let closeTimer { core.cancel(closeTimer) }
    closeTimer = core.schedule(at: MonotonicTime.now.advanced(by: configuration.closeTimeout)) { [self] in
      closeTimer = nil
      // What is held keeps the peer waiting, and not the other way round.
      if acceptsAnswers && !unserved.value.isEmpty { return startCloseTimer() }
      if error == nil && !isDrained {
        error = TransportError(
          .connectionClosed, "\(client.peer) was cut off before it took the last \(out.value.pendingBytes) bytes")
      }
      handle(.timedOut)
    }
  }

  private func closeSocket() {
    if let closeTimer { core.cancel(closeTimer) }
    closeTimer = nil
    stream.delegate = nil
    descriptor = nil
    let handler = self.handler
    self.handler = nil
    let error = self.error
    stream.close { [self] in
      client.didDrop(out.value.discard())
      handler?.connectionDidClose(error)
      client.didClose()
      core.remove(self)
    }
  }
}

extension Connection: LoopResident {
  func closeForShutdown() {
    if error == nil { error = TransportError(.stopped, "the connection to \(client.peer) was closed by a shutdown") }
    close()
  }
}
