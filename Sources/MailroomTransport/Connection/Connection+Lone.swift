internal import MailroomQueue

// A lone message, written to the socket by the very thread that has it, which borrows the sleeping loop's place: see ``EventLoop/borrow(_:)``.
//
// Whoever hands a message to a sleeping loop wakes a thread for it, which writes it, and sleeps again. That takes some microseconds of
// both, and the message waits for them. It pays when others come meanwhile, for they leave in the same write. So only what is
// certainly alone is written like this: a request while none is waiting for its answer, and the answer to the only request there is.

extension Connection {
  /// Frames up to this many bytes are sent alone: an empty socket takes them as a whole.
  private static let longestLoneFrame = 16 * 1024

  /// Sends a request in place of the loop, unless it would have company or libuv would be needed; says whether it did.
  ///
  /// Only within ``EventLoop/borrow(_:)``.
  func sendLoneRequest(
    _ sink: ReplySink, deadline: MonotonicTime, _ prefix: BodyPrefix, tag: UInt8, _ content: RawSpan
  ) -> Bool {
    let body = prefix.bytes.count + 1 + content.byteCount
    // A deadline before the next look for expired ones would need a timer.
    guard isQuiet, pending.value.count == 0, takesMessage(of: body), takesLoneFrame(of: body), deadline >= sweepsAt
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
  func sendLoneAnswer(size: Int, _ write: (inout ByteWriter) -> Void) -> Bool {
    // What is cancelled or watched is looked up by who has time for it.
    guard isQuiet, unanswered == 1, acceptsAnswers, client.abandonment.isEmpty, takesLoneFrame(of: size) else {
      return false
    }
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

  /// Whether a frame, and what the peer has to be told for it, is written at once.
  private func takesLoneFrame(of byteCount: Int) -> Bool {
    byteCount <= Self.longestLoneFrame && 2 * (byteCount + FrameFormat.timedRPCOverhead) < attention
  }

  /// Writes what has collected; what the socket does not take is left for the loop, which is woken for it.
  private func writeInPlaceOfLoop() {
    if let descriptor, out.value.writePart({ UVTCP.write($0, to: descriptor) }) { return }
    client.runAgain()
  }
}
