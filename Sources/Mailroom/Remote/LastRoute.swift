internal import MailroomQueue
internal import MailroomTransport

/// The route of the last message.
///
/// Messages come in runs, and one compare says that the next one is of the same run.
///
/// Loop-confined, and lent to the handlers of users without being counted: what cannot be copied is borrowed where it stands. What it
/// refers to outlives the call that it is lent for, because only the remote handler changes it, and that handles one message at a
/// time, so never during such a call.
struct LastRoute: ~Copyable {
  var route: InboxRoute?
  /// The number that stands for its envelope; -1 for one that was sent in full.
  private var number = -1

  /// Notes the route of a message.
  @inline(__always)
  mutating func note(_ route: InboxRoute, _ number: Int = -1) {
    if self.route !== route { self.route = route }
    self.number = number
  }

  /// Notes the route of a message whose number stands for more than the envelope.
  @inline(__always)
  mutating func noteTyped(_ route: InboxRoute) {
    if self.route === route { return }
    self.route = route
    number = -1
  }

  /// Whether the number stands for the last message's envelope, and its endpoint is not stopped.
  @inline(__always)
  borrowing func isNumbered(_ number: Int) -> Bool { number == self.number && (route?.isOpen ?? false) }

  /// The length of the envelope of `body`, if it is the last message's and its endpoint is not stopped; else -1.
  @inline(__always)
  borrowing func envelopeLength(in body: RawSpan) -> Int { route?.envelopeLength(in: body) ?? -1 }

  /// Whether the turn is that of the route's inbox.
  @inline(__always)
  borrowing func has(_ turn: borrowing TurnInPlace) -> Bool { route?.has(turn) ?? false }

  /// Whether messages wait, or waited last, for the route's inbox.
  @inline(__always)
  borrowing func has(_ waiting: borrowing WaitingMessages) -> Bool { route?.has(waiting) ?? false }

  /// Delivers a message in the turn that the handler has.
  @inline(__always)
  borrowing func deliver(
    _ content: RawSpan, _ call: RemoteCall? = nil, from source: MessageSource
  ) -> Inbox.DeliveredInPlace {
    route?.inbox.deliverInPlace(content, call, from: source) ?? .refused
  }

  /// Delivers a typed message whose handler is known in the turn that the handler has.
  @inline(__always)
  borrowing func deliver(
    _ value: RawSpan, to handler: Int, _ call: RemoteCall? = nil, from source: MessageSource
  ) -> Inbox.DeliveredInPlace {
    route?.inbox.deliverInPlace(value, to: handler, call, from: source) ?? .refused
  }
}

extension InboxRoute {
  @inline(__always)
  fileprivate var isOpen: Bool { !inbox.isStopped }

  @inline(__always)
  fileprivate func envelopeLength(in body: RawSpan) -> Int { inbox.isStopped ? -1 : envelope.value.length(in: body) }

  @inline(__always)
  fileprivate func has(_ turn: borrowing TurnInPlace) -> Bool { turn.isOf(inbox) }

  @inline(__always)
  fileprivate func has(_ waiting: borrowing WaitingMessages) -> Bool { waiting.areFor(inbox) }
}
