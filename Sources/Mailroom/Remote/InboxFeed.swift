internal import MailroomQueue
internal import MailroomTransport

/// Slows a peer down while inboxes that it feeds are full.
///
/// ```
///              the inbox is full
///   ┌───────┐ ───────────────────► ┌──────┐
///   │ flows │                      │ held │   reading from the connection is paused
///   └───────┘ ◄─────────────────── └──────┘
///              the inbox has room, or is stopped
/// ```
///
/// Loop-confined, but for what comes back from inboxes. Invariants: each inbox that holds the connection is waited for, once, and
/// lets it go once; only connections that feed a full inbox are held.
final class InboxFeed: Sendable {
  private let client: TransportClient
  /// Loop-confined: the inboxes that hold the connection.
  private let holding = Confined<Set<ObjectIdentifier>>([])

  init(_ client: TransportClient) { self.client = client }

  /// A message was posted to an inbox, which is full now.
  func inboxIsFull(_ inbox: Inbox) {
    guard holding.value.insert(ObjectIdentifier(inbox)).inserted else { return }
    client.pauseReading()
    _ = inbox.waitForRoom { [self] in
      // A loop that has ended has no connection left to let go.
      client.loop.execute { [self] in inboxHasRoom(inbox) }
    }
  }

  private func inboxHasRoom(_ inbox: Inbox) {
    holding.value.remove(ObjectIdentifier(inbox))
    client.resumeReading()
  }
}
