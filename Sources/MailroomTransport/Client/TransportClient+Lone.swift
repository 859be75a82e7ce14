package import MailroomQueue

/// What one thread sends alone, without waking the loop for it.
extension TransportClient {
  /// Sends a request whose body is `prefix`, the byte `tag` if there is one, and `content`, from a thread that borrows the loop, if nothing
  /// else is on its way; says whether it did.
  ///
  /// Only within ``EventLoop/borrow(_:)``.
  package func sendLoneRPC(
    _ sink: ReplySink, deadline: MonotonicTime, _ prefix: BodyPrefix, tag: UInt8?, _ content: RawSpan
  ) -> Bool {
    guard outbound.isIdle, let connection else { return false }
    return connection.sendLoneRequest(sink, deadline: deadline, prefix, tag: tag, content)
  }

  /// Sends the answer to a request whose frame of `size` bytes `write` writes, if the loop sleeps and nothing else is on its way; says whether it
  /// did.
  ///
  /// Any thread but the loop's.
  func sendLoneAnswer(_ requestID: Int64, size: Int, _ write: (inout ByteWriter) -> Void) -> Bool {
    guard outbound.isIdle else { return false }
    return loop.borrow {
      // Looked at again, for what this thread has queued before.
      guard outbound.isIdle, let connection else { return false }
      return connection.sendLoneAnswer(requestID, size: size, write)
    }
  }
}
