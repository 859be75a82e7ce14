internal import MailroomQueue
internal import MailroomTransport

/// A request that is alone, sent by the thread that has it, without waking the loop for it.
///
/// One-way messages are not sent like this: who sends one may be about to send a thousand, which cost little together and a system call each
/// alone.
extension Outbox {
  /// Sends a message that its route has admitted straight over the connection, if it is a request, the loop sleeps, and nothing else is
  /// on its way; says whether it did.
  func sendAlone(_ message: borrowing OutboxMessage) -> Bool {
    // What came by an alias is looked at by the loop, which knows whether that still is one.
    guard message.home == nil, message.sink != nil, queue.isIdle else { return false }
    return sendAlone(
      behind: message.head, message.content.bytes, message.sink, deadline: message.deadline, to: message.route)
  }

  /// As ``sendAlone(_:)``, a message of the byte `tag` and `content`, or of `content` behind a head, that did not come by an alias.
  func sendAlone(
    tag: UInt8? = nil, behind head: MessageHead? = nil, _ content: RawSpan, _ sink: ReplySink?, deadline: MonotonicTime,
    to route: RemoteRoute
  ) -> Bool {
    guard queue.isIdle, let sink, !sink.isAbandoned else { return false }
    let isSent = loop.borrow {
      // Looked at again, for what this thread has queued before; and while a client is open nothing is kept or held back.
      guard queue.isIdle, let client = open.value.client else { return false }
      return client.sendLoneRPC(sink, deadline: deadline, route.prefix(for: head), tag: tag, content)
    }
    if isSent { route.gauge.remove(messages: 1, bytes: (tag == nil ? 0 : 1) + head.size + content.byteCount) }
    return isSent
  }
}
