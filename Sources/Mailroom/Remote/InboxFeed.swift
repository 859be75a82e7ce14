internal import MailroomQueue
internal import MailroomTransport

/// Slows a peer down while inboxes that it feeds are full.
///
/// For each inbox that is full a ``FeedGate`` says what is done: `pause` asks the peer to send nothing to that endpoint, so
/// others are served over the same connection. `hold` stops serving the connection's requests, and soon reading from it; it is
/// for peers that know nothing else, or send all the same. Their answers still come through as long as not much is held before
/// them. When the inbox has room, or is stopped, it is taken back.
///
/// Loop-confined, but for what comes back from inboxes. Invariants: each inbox is waited for once; what was asked for is taken back,
/// once; only connections that feed a full inbox are slowed down; and one that does pause serves all other endpoints.
final class InboxFeed: Sendable {
  private let client: TransportClient
  /// What may come for an inbox behind its pause.
  private let allowance: Int
  /// Loop-confined: the gates of the inboxes that do not flow.
  private let gates = Confined<[ObjectIdentifier: FeedGate]>([:])
  /// Loop-confined: how to give up waiting for each of them.
  private let waits = Confined<[ObjectIdentifier: () -> Void]>([:])

  /// - Parameter allowance: what a peer may send to a full inbox after it was asked to pause, in bytes and ``FeedGate/messageCost``.
  init(_ client: TransportClient, allowance: Int) {
    self.client = client
    self.allowance = allowance
  }

  /// Messages of `bytes` bytes in all were posted to an inbox, which is full now.
  func inboxIsFull(_ inbox: Inbox, messages: Int, bytes: Int) {
    let id = ObjectIdentifier(inbox)
    let isNew = gates.value[id] == nil
    let action = gates.value[id, default: FeedGate(allowance: allowance)]
      .messageCame(
        bytes: bytes + (messages - 1) * FeedGate.messageCost, canPause: client.hasExtensions,
        isBeyondLimit: inbox.isBeyondLimit)
    switch action {
    case .none: break
    case .hold: client.pauseReading()
    case .pause:
      let name = Array(inbox.name.utf8)
      client.send(pauseOf: name.rawSpan)
    }
    guard isNew else { return }
    let waiter = inbox.waitForRoom { [self] in
      // A loop that has ended has no connection left to let go.
      client.loop.execute { [self] in inboxHasRoom(inbox) }
    }
    if let waiter { waits.value[id] = { inbox.forget(waiter) } }
  }

  /// The connection has ended: nothing waits for its sake any more.
  func end() {
    for forget in waits.value.values { forget() }
    waits.value = [:]
    gates.value = [:]
  }

  private func inboxHasRoom(_ inbox: Inbox) {
    guard let gate = gates.value.removeValue(forKey: ObjectIdentifier(inbox)) else { return }
    waits.value[ObjectIdentifier(inbox)] = nil
    if client.hasExtensions {
      let name = Array(inbox.name.utf8)
      client.send(resumptionOf: name.rawSpan)
    }
    if gate.state == .held { client.resumeReading() }
  }
}
