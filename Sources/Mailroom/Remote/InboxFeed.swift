internal import MailroomQueue
internal import MailroomTransport

/// Slows a peer down while inboxes that it feeds are full.
///
/// For each inbox:
///
/// ```
///              full, and the peer            beyond the limit:
///              knows pauses: pause it        its pause does not help
///   ┌───────┐ ───────────────────► ┌────────┐ ─────────────────► ┌──────┐
///   │ flows │                      │ paused │                    │ held │
///   └───────┘ ──────────────────── └────────┘ ─────────────────► └──────┘
///      ▲       full, and the peer  (flows ─► held)                   │
///      │       knows no pauses                                       │
///      └──────── the inbox has room, or is stopped: take it back ────┘
/// ```
///
/// `paused` asks the peer to send nothing to that endpoint, so others are served over the same connection. `held` stops reading
/// from the connection; it is for peers that know nothing else, or send all the same.
///
/// Loop-confined, but for what comes back from inboxes. Invariants: each inbox is waited for once; what was asked for is taken back,
/// once; only connections that feed a full inbox are slowed down.
final class InboxFeed: Sendable {
  private enum State { case paused, held }

  private let client: TransportClient
  /// Loop-confined: the inboxes that do not flow.
  private let states = Confined<[ObjectIdentifier: State]>([:])

  init(_ client: TransportClient) { self.client = client }

  /// A message was posted to an inbox, which is full now.
  func inboxIsFull(_ inbox: Inbox) {
    let id = ObjectIdentifier(inbox)
    switch states.value[id] {
    case .held: break
    case .paused:
      guard inbox.isBeyondLimit else { return }
      states.value[id] = .held
      client.pauseReading()
    case nil:
      if client.hasExtensions {
        states.value[id] = .paused
        let name = Array(inbox.name.utf8)
        client.send(pauseOf: name.rawSpan)
      } else {
        states.value[id] = .held
        client.pauseReading()
      }
      _ = inbox.waitForRoom { [self] in
        // A loop that has ended has no connection left to let go.
        client.loop.execute { [self] in inboxHasRoom(inbox) }
      }
    }
  }

  private func inboxHasRoom(_ inbox: Inbox) {
    let state = states.value.removeValue(forKey: ObjectIdentifier(inbox))
    if client.hasExtensions {
      let name = Array(inbox.name.utf8)
      client.send(resumptionOf: name.rawSpan)
    }
    if state == .held { client.resumeReading() }
  }
}
