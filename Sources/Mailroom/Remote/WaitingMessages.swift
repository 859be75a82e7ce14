internal import MailroomQueue

/// Messages of one connection that wait to be posted together, and the inbox that they wait for.
///
/// Loop-confined, and the inbox is lent without being counted: what cannot be copied is borrowed where it stands.
struct WaitingMessages: ~Copyable {
  /// What waits.
  var batch = RemoteBatch.Builder()
  /// Where it is to go; also the last one's when nothing waits.
  var inbox: Inbox?

  /// Whether messages wait, or waited last, for that inbox.
  @inline(__always)
  borrowing func areFor(_ other: Inbox) -> Bool { inbox === other }

  /// Whether they are to be posted now: because they are enough, or because an inbox that fills up is to be known for full with the message
  /// that fills it.
  @inline(__always)
  borrowing func areDue() -> Bool {
    batch.isFull || (inbox?.gauge.wouldFill(messages: batch.count, bytes: batch.size) ?? false)
  }
}
