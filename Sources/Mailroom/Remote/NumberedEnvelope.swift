internal import MailroomQueue
internal import MailroomTransport

/// What a number of a peer stands for, and where that leads; see ``NumberedEnvelopes``.
///
/// Loop-confined, and lent to the handlers of users without being counted: what cannot be copied is borrowed where it stands. What it
/// refers to outlives the call that it is lent for, because only the remote handler changes it, and that handles one message at a
/// time, so never during such a call.
struct NumberedEnvelope: ~Copyable {
  /// The envelope, and the head if there is one.
  let bytes: [UInt8]
  /// How long the head is; zero without one.
  let headCount: Int
  /// The handlers of the route's endpoint for the head's type.
  var handlers = TypeHandlers.none
  /// The route that was found.
  var route: InboxRoute? {
    didSet {
      inbox = route.flatMap { $0.isHere ? $0.inbox : nil }
      places = route.map(InboxPlaces.init) ?? InboxPlaces()
    }
  }
  /// The route's inbox, if the endpoint runs on the connection's event loop: one place less to look at than the route.
  private var inbox: Inbox?
  private var places = InboxPlaces()
  /// Where the inbox is that it leads to.
  var inboxPlace: MemoryPlace { places.inbox }
  /// Whether it leads to an endpoint that runs on the connection's event loop.
  var isHere: Bool { inbox != nil }

  init(bytes: [UInt8], headCount: Int) {
    self.bytes = bytes
    self.headCount = headCount
  }

  /// Begins a turn for a request, if it may have one of its own; says which handler it is for, ``TypeHandlers/missing`` if its content
  /// says so, or nil when there is no turn.
  @inline(__always)
  borrowing func beginTurn(forRequest content: RawSpan) -> Int? {
    let handler = handlers.request
    if headCount > 0 { return handler >= 0 && beginsTurn() ? handler : nil }
    let kind = content.byte(at: 0)
    return (kind == Content.raw || kind == Content.typed) && beginsTurn() ? TypeHandlers.missing : nil
  }

  /// As ``beginTurn(forRequest:)``, for a one-way message.
  @inline(__always)
  borrowing func beginTurnForOneWay() -> Int? {
    let handler = handlers.message
    return (headCount == 0 || handler >= 0) && beginsTurn() ? handler : nil
  }

  @inline(__always)
  private borrowing func beginsTurn() -> Bool { inbox?.beginTurnInPlace() ?? false }

  /// Has the processor fetch what a message will touch.
  @inline(__always)
  borrowing func fetch() { places.fetch() }

  /// Delivers the message that the turn began for, and ends the turn.
  @inline(__always)
  borrowing func deliver(
    _ content: RawSpan, to handler: Int, _ call: RemoteCall?, from source: MessageSource
  ) -> Inbox.DeliveredInPlace {
    inbox?.deliverAlone(content, to: handler, call, from: source) ?? .refused
  }
}

extension Inbox {
  @inline(__always)
  fileprivate func deliverAlone(
    _ content: RawSpan, to handler: Int, _ call: RemoteCall?, from source: MessageSource
  ) -> DeliveredInPlace {
    let delivered = deliverBegun(content, handler: handler, call, from: source)
    if delivered != .suspended { endTurnInPlace() }
    return delivered
  }
}
