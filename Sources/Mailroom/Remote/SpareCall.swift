internal import MailroomQueue
internal import MailroomTransport
internal import Synchronization

/// The call of a request that is being served or has ended, for the next one, so that a request that is answered in place costs no
/// allocation.
///
/// Loop-confined, or a part of an inbox's turn, and lent to the handlers of users without being counted: what cannot be copied is borrowed
/// where it stands. What it refers to outlives the call that it is lent for, because only the remote handler changes it, or whoever has
/// the turn, and they handle one message at a time, so never during such a call.
struct SpareCall: ~Copyable {
  var call: RemoteCall?

  /// Has the call stand for another request; says whether there is one.
  @inline(__always)
  borrowing func begin(_ responder: RPCResponder) -> Bool { begin(responder.requestID, until: responder.deadline) }

  @inline(__always)
  private borrowing func begin(_ id: Int64, until deadline: MonotonicTime) -> Bool {
    call?.begin(id, until: deadline) != nil
  }

  /// Has the call stand for a request of a batch; makes one if there is none that can.
  @inline(__always)
  mutating func begin(_ request: RemoteRequest, of requests: RemoteRequests?, from source: MessageSource?) {
    if request.key == nil && suits(source) && begin(request.id, until: request.deadline) { return }
    call = requests?.call(for: request)
  }

  /// Whether there is a call, of the same peer and without a key.
  @inline(__always)
  private borrowing func suits(_ source: MessageSource?) -> Bool { call?.suits(source) ?? false }

  /// Whether nobody waits for the answer any more.
  @inline(__always)
  borrowing func isAbandoned() -> Bool { call?.isAbandoned ?? true }

  /// As ``RemoteCall/drop()``.
  borrowing func drop() { call?.drop() }

  /// Has an endpoint handle the request that the call stands for; as ``EndpointDelivery/deliver(_:to:_:from:)``, or as
  /// ``EndpointDelivery/deliver(_:_:from:)`` if the handler is not known.
  @inline(__always)
  borrowing func deliver(
    _ content: RawSpan, to handler: Int, from source: MessageSource?, by endpoint: any EndpointDelivery
  ) -> HandlerTask? {
    handler < 0
      ? endpoint.deliver(content, call, from: source) : endpoint.deliver(content, to: handler, call, from: source)
  }

  /// Delivers the request that the call stands for, in the turn that the handler has.
  @inline(__always)
  borrowing func deliver(
    _ content: RawSpan, from source: MessageSource, to last: borrowing LastRoute
  ) -> Inbox.DeliveredInPlace {
    last.deliver(content, call, from: source)
  }

  /// As ``deliver(_:from:to:)``, for a typed message whose handler is known.
  @inline(__always)
  borrowing func deliver(
    _ value: RawSpan, to handler: Int, from source: MessageSource, by last: borrowing LastRoute
  ) -> Inbox.DeliveredInPlace {
    last.deliver(value, to: handler, call, from: source)
  }

  /// Delivers the request that the call stands for in a turn of its own.
  @inline(__always)
  borrowing func deliver(
    _ content: RawSpan, to handler: Int, from source: MessageSource, by envelope: borrowing NumberedEnvelope
  ) -> Inbox.DeliveredInPlace {
    envelope.deliver(content, to: handler, call, from: source)
  }

  /// The call's handler has returned: whoever else has the call, answers it, and it is no spare one; if there is nobody else, the
  /// request has ended with its handler.
  @inline(__always)
  mutating func settle() {
    guard isKnownUniquelyReferenced(&call) else {
      call = nil
      return
    }
    // Whoever else had it until now may have answered it, and that is to be seen.
    atomicMemoryFence(ordering: .acquiring)
    end()
  }

  @inline(__always)
  private borrowing func end() { call?.end() }
}

extension RemoteCall {
  @inline(__always)
  fileprivate func suits(_ other: MessageSource?) -> Bool { source === other && key == nil }
}
