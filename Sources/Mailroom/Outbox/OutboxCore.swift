internal import MailroomQueue
internal import MailroomTransport

/// The half of an ``Outbox`` that only its loop's thread touches.
///
/// Loop-confined.
final class OutboxCore {
  /// A timer, and how to take it back.
  struct TimerToken {
    let deadline: MonotonicTime
    let cancel: () -> Void
  }

  var state: OutboxState
  var backoff: ReconnectBackoff
  var client: TransportClient?
  /// Messages that were taken from the queue while there was no connection; a private FIFO.
  var backlog = MPSCQueue<OutboxMessage>()
  let lanes = OutboxLanes()
  /// Bytes of the lanes that have left in this turn; at the budget, another turn is on its way.
  var laneBytes = 0
  var isDraining = false
  var timer: TimerToken?
  /// Before when what waits is not looked through again: looking takes a small part of the loop's time, however much it is.
  var nextLook = MonotonicTime(nanoseconds: 0)
  /// Whether a look for deadlines is due.
  var willLook = false
  /// Why the peer is left alone, and since when no more.
  var refusal = RPCError.envStopped
  /// Messages that have left and are still counted by their route.
  var left: (route: RemoteRoute, messages: Int, bytes: Int)?

  init(state: OutboxState, backoff: ReconnectBackoff) {
    self.state = state
    self.backoff = backoff
  }
}
