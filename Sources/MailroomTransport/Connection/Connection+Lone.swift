internal import MailroomQueue

// A lone message, written to the socket by the very thread that has it, which borrows the sleeping loop's place: see ``EventLoop/borrow(_:)``.
//
// Whoever hands a message to a sleeping loop wakes a thread for it, which writes it, and sleeps again. That takes some microseconds of
// both, and the message waits for them. It pays when others come meanwhile, for they leave in the same write. So only what is
// certainly alone is written like this: a request while none is waiting for its answer, and the answer to the only request there is.
//
// The price: a thread that is taken off its processor in the middle of it holds up the loop, which has nothing to do but to wait for
// events, until it runs again.

extension Connection {
  /// Bodies up to this many bytes are sent alone: an empty socket takes them as a whole.
  private static let longestLoneBody = 16 * 1024

  /// Sends a request in place of the loop, unless it would have company or libuv would be needed; says whether it did.
  ///
  /// Only within ``EventLoop/borrow(_:)``.
  func sendLoneRequest(
    _ sink: ReplySink, deadline: MonotonicTime, _ prefix: BodyPrefix, tag: UInt8?, _ content: RawSpan
  ) -> Bool {
    let body = prefix.bytes.count + (tag == nil ? 0 : 1) + content.byteCount
    // A deadline before the next look for expired ones would need a timer; a prefix that is new here may have to look for a number.
    guard isQuiet, pending.value.count == 0, takesMessage(of: body), takesLoneBody(of: body), deadline >= sweepsAt,
      isSettled(prefix)
    else { return false }
    do throws(TransportError) {
      try sendRequest(sink, deadline: deadline, prefix, tag: tag, content)
    } catch {
      return false
    }
    writeInPlaceOfLoop()
    return true
  }

  /// Sends an answer whose body of `size` bytes `write` writes, as ``sendLoneRequest(_:deadline:_:tag:_:)``.
  func sendLoneAnswer(_ id: Int64, size: Int, _ write: (inout ByteWriter) -> Void) -> Bool {
    guard isQuiet, unanswered == 1, acceptsAnswers, takesLoneBody(of: size) else { return false }
    if client.abandonment.takeCancelled(id) {
      didAnswer()
      return true
    }
    client.abandonment.forgetWatchers(id)
    markDirty()
    write(&out.value.collecting)
    didAnswer()
    writeInPlaceOfLoop()
    return true
  }

  /// Whether the connection is in full use, and there is nothing that it waits for but the peer.
  private var isQuiet: Bool {
    hasOpened && lifecycle.state == .open && isDrained && readGate.value.isOpen && unserved.value.isEmpty
  }

  /// Whether a body of so many bytes leaves at once, without anything being noted of how much waits.
  private func takesLoneBody(of byteCount: Int) -> Bool {
    byteCount <= Self.longestLoneBody && byteCount + FrameFormat.timedRPCOverhead < attention
  }

  /// Writes what has collected; what the socket does not take is left for the loop, which is woken for it.
  private func writeInPlaceOfLoop() {
    do throws(UVError) {
      let isWhole = try descriptor.map { (descriptor) throws(UVError) in
        try out.value.writePart { (bytes) throws(UVError) in try UVTCP.write(bytes, to: descriptor) }
      }
      if isWhole == true { return }
    } catch {
      untoldError = error
    }
    client.runAgain()
  }
}
