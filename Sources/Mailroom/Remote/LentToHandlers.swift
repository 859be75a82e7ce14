internal import MailroomQueue
internal import MailroomTransport

// What a ``RemoteHandler`` has of one message for the next, and lends to the handlers of users without counting it: structures that
// cannot be copied are borrowed where they stand. All are loop-confined. What they refer to outlives the call that it is lent for,
// because only the remote handler changes them, and that handles one message at a time, so never during such a call.

/// The route of the last message.
///
/// Messages come in runs, and one compare says that the next one is of the same run.
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

  /// Whether the number stands for the last message's envelope, and its endpoint is not stopped.
  @inline(__always)
  borrowing func isNumbered(_ number: Int) -> Bool { number == self.number && (route?.isOpen ?? false) }

  /// The length of the envelope of `body`, if it is the last message's and its endpoint is not stopped; else -1.
  @inline(__always)
  borrowing func envelopeLength(in body: RawSpan) -> Int { route?.envelopeLength(in: body) ?? -1 }

  /// Whether the turn is that of the route's inbox.
  @inline(__always)
  borrowing func has(_ turn: borrowing TurnInPlace) -> Bool { route?.has(turn) ?? false }

  /// Delivers a message in the turn that the handler has.
  @inline(__always)
  borrowing func deliver(
    _ content: RawSpan, _ call: RemoteCall? = nil, from source: MessageSource
  ) -> Inbox.DeliveredInPlace {
    route?.inbox.deliverInPlace(content, call, from: source) ?? .refused
  }
}

extension InboxRoute {
  @inline(__always)
  fileprivate var isOpen: Bool { !inbox.isStopped }

  @inline(__always)
  fileprivate func envelopeLength(in body: RawSpan) -> Int { inbox.isStopped ? -1 : envelope.value.length(in: body) }

  @inline(__always)
  fileprivate func has(_ turn: borrowing TurnInPlace) -> Bool { turn.isOf(inbox) }
}

/// The bytes of the envelope that a peer's messages to one endpoint have.
struct KnownEnvelope: ~Copyable {
  /// Longer ones, in bytes, are parsed each time, so that a peer cannot make this side keep much.
  private static let longest = 1024

  private var bytes = ByteWriter()

  /// The length of the envelope that `body` begins with, if it is this one; else -1, as for an envelope that is not known yet.
  @inline(__always)
  borrowing func length(in body: RawSpan) -> Int {
    let length = bytes.count
    return length > 0 && body.byteCount >= length && body.extracting(first: length).equals(bytes.bytes) ? length : -1
  }

  /// Knows this one from now on.
  mutating func note(_ envelope: RawSpan) {
    bytes.truncate(to: 0)
    if envelope.byteCount <= Self.longest { bytes.append(envelope) }
  }
}

/// The inbox whose turn a ``RemoteHandler`` has taken for the messages of this batch.
struct TurnInPlace: ~Copyable {
  var inbox: Inbox?

  /// Whether it is that inbox's turn.
  @inline(__always)
  borrowing func isOf(_ other: Inbox) -> Bool { inbox === other }

  /// Ends the turn, if there is one.
  mutating func end() {
    inbox?.endTurnInPlace()
    inbox = nil
  }
}

/// The call of a request that is being served or has ended, for the next one, so that a request that is answered in place costs no
/// allocation.
struct SpareCall: ~Copyable {
  var call: RemoteCall?

  /// Has the call stand for another request; says whether there is one.
  @inline(__always)
  borrowing func begin(_ responder: RPCResponder) -> Bool { call?.begin(responder) != nil }

  /// Delivers the request that the call stands for, in the turn that the handler has.
  @inline(__always)
  borrowing func deliver(
    _ content: RawSpan, from source: MessageSource, to last: borrowing LastRoute
  ) -> Inbox.DeliveredInPlace {
    last.deliver(content, call, from: source)
  }

  /// The call's handler has returned: whoever else has the call, answers it, and it is no spare one; if there is nobody else, the
  /// request has ended with its handler.
  @inline(__always)
  mutating func settle() {
    if isKnownUniquelyReferenced(&call) { end() } else { call = nil }
  }

  @inline(__always)
  private borrowing func end() { call?.end() }
}
