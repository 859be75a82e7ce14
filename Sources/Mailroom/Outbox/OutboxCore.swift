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
  /// Messages that were taken from the queue while there was no connection; a private FIFO.
  var backlog = MPSCQueue<OutboxMessage>()
  let lanes = OutboxLanes()
  /// In a box: these accesses are too many to be checked for exclusivity one by one.
  private let hot = Confined(Hot())
  var timer: TimerToken?
  /// Before when what waits is not looked through again: looking takes a small part of the loop's time, however much it is.
  var nextLook = MonotonicTime(nanoseconds: 0)
  /// Whether a look for deadlines is due.
  var willLook = false
  /// Why the peer is left alone, and since when no more.
  var refusal = RPCError.envStopped

  /// What every message touches.
  private struct Hot {
    var client: TransportClient?
    var laneBytes = 0
    var isDraining = false
    var left: Left?
  }

  /// Messages to one endpoint that have left, or are lost, and are still counted by their route.
  struct Left {
    let route: RemoteRoute
    var messages: Int
    var bytes: Int
  }

  /// The connection, while there is one.
  var client: TransportClient? {
    get { hot.value.client }
    set { hot.value.client = newValue }
  }
  /// Bytes of the lanes that have left in this turn; at the budget, another turn is on its way.
  var laneBytes: Int {
    get { hot.value.laneBytes }
    set { hot.value.laneBytes = newValue }
  }
  var isDraining: Bool {
    get { hot.value.isDraining }
    set { hot.value.isDraining = newValue }
  }

  /// Counts messages out of their route; those of one route that leave together are counted together.
  func countOut(_ route: RemoteRoute, messages: Int = 1, bytes: Int) {
    if hot.value.left?.route === route {
      hot.value.left?.messages += messages
      hot.value.left?.bytes += bytes
    } else {
      flushCount()
      hot.value.left = Left(route: route, messages: messages, bytes: bytes)
    }
  }

  /// Tells the route of what was counted out.
  func flushCount() {
    guard let left = hot.value.left.take() else { return }
    left.route.gauge.remove(messages: left.messages, bytes: left.bytes)
  }

  init(state: OutboxState, backoff: ReconnectBackoff) {
    self.state = state
    self.backoff = backoff
  }
}
