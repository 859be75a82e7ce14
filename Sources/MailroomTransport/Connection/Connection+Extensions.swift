internal import MailroomQueue

// What a connection says and understands beyond the reference's protocol, once both sides know of each other.

extension Connection {
  /// Begins the frame of a request, with its deadline if the peer understands that.
  @inline(__always)
  func beginRequest(_ writer: inout ByteWriter, _ id: Int64, _ deadline: MonotonicTime) -> ByteWriter.OpenFrame {
    if !hasExtensions || deadline == .distantFuture { return writer.beginRPC(.rpcRequest, id: id) }
    return writer.beginTimedRequest(id: id, nanosecondsLeft: nanosecondsLeft(until: deadline))
  }

  /// Fills in the time left in the frame of a request, if it tells that.
  func updateTime(in frame: inout ByteWriter, _ deadline: MonotonicTime) {
    guard frame.bytes.byte(at: FrameFormat.lengthSize) == WireMessage.Kind.rpcRequestWithDeadline.rawValue else {
      return
    }
    frame.overwrite(nanosecondsLeft(until: deadline), at: FrameFormat.timeOffset)
  }

  /// The time left as of the tick's beginning, at least a nanosecond.
  func nanosecondsLeft(until deadline: MonotonicTime) -> Int64 {
    let now = core.tickTime
    return deadline > now ? Int64(clamping: deadline.nanoseconds - now.nanoseconds) : 1
  }

  /// Tells the receiver of a request its id.
  func announce(_ id: Int64) {
    if case .receiver(let receiver)? = pending.value.sink(of: id) { receiver.wasSent(id, on: client) }
  }

  /// Forgets a request of ours, and tells the peer that nobody waits for it.
  func cancel(_ id: Int64) {
    if pending.value.take(id) != nil { sayCancelled(id) }
  }

  /// Tells the peer that nobody waits for a request any more, unless the peer does not know it.
  func sayCancelled(_ id: Int64) {
    guard hasExtensions, acceptsRequests, !posts.contains(request: id) else { return }
    say { (writer) throws(FrameError) in try writer.append(frame: .cancel(id: id), limit: .max) }
  }

  /// Sends a short frame, whether there is room for others or not.
  func say(_ write: (inout ByteWriter) throws(FrameError) -> Void) {
    try? append(write)
    flushIfLarge()
  }

  /// Serves a frame of an extension; before they are enabled it is a violation of the protocol.
  func receive(
    extension message: borrowing WireMessage, _ kind: WireMessage.Kind, _ handler: any ConnectionHandler
  ) throws(FrameError) {
    guard hasExtensions else { throw .unsupported(kind.rawValue) }
    switch message {
    case .rpcRequestWithDeadline(let id, let left, let body):
      serve(id, deadline: core.tickTime.advanced(byNanoseconds: UInt64(left)), body, handler)
    case .cancel(let id): if unanswered > 0 { client.abandonment.cancel(id) }
    case .pauseEndpoint(let name): handler.peerDidPause(name)
    case .resumeEndpoint(let name): handler.peerDidResume(name)
    case .numberPrefix(let number, let prefix):
      try handler.peerDidNumber(prefix, Int(number))
    default: break
    }
  }
}
