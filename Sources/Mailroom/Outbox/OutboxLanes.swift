internal import MailroomQueue

/// The messages of an outbox that are held back because their endpoints asked for a pause.
///
/// ```
///            pause                       resume
///   (none) ────────► paused, messages ──────────► ready: they leave, taking ──► (none)
///                    collect behind            ▲   │  turns with others'
///                                              │   │ pause
///                                              └───┴─► paused
/// ```
///
/// Loop-confined. Invariant: while an endpoint has a lane, its messages go into the lane, so that they stay in order; those of
/// other endpoints pass by.
final class OutboxLanes {
  private final class Lane {
    let held = MPSCQueue<OutboxMessage>()
    var isPaused = true
    /// Whether its name is in `ready`.
    var isListed = false
  }

  private var lanes: [String: Lane] = [:]
  /// Names of lanes that may hold messages to leave; each once, whatever the peer says how often.
  private var ready = FIFO<String>()

  /// Whether nothing is paused or held.
  var isEmpty: Bool { lanes.isEmpty }
  /// Whether something may leave now.
  var holdsReady: Bool { !ready.isEmpty }
  /// How many names of lanes are kept for leaving.
  var readyCount: Int { ready.count }
  /// Whether something is held.
  var holdsMessages: Bool { lanes.values.contains { !$0.held.isEmpty } }

  /// Holds messages to an endpoint back from now on.
  func pause(_ name: String) {
    if let lane = lanes[name] { lane.isPaused = true } else { lanes[name] = Lane() }
  }

  /// Lets what is held for an endpoint go.
  func resume(_ name: String) {
    guard let lane = lanes[name], lane.isPaused else { return }
    lane.isPaused = false
    if lane.isListed { return }
    lane.isListed = true
    ready.append(name)
  }

  /// Lets everything go: the peer that asked for pauses is gone.
  func resumeAll() { for name in Array(lanes.keys) { resume(name) } }

  /// Whether messages to an endpoint have to go through its lane.
  func hasLane(_ name: String) -> Bool { lanes[name] != nil }

  /// Puts a message into its endpoint's lane, which there must be.
  func hold(_ message: consuming OutboxMessage) {
    let name = message.route.name
    if lanes[name] == nil {
      pause(name)
      resume(name)
    }
    _ = lanes[name]?.held.push(message)
  }

  /// Takes the oldest message of an endpoint that is not paused any more; nil when there is none.
  func popReady() -> OutboxMessage? {
    while let name = ready.first {
      if let lane = lanes[name] {
        if !lane.isPaused {
          if let message = lane.held.popFirst() { return message }
          lanes[name] = nil
        }
        lane.isListed = false
      }
      _ = ready.popFirst()
    }
    return nil
  }

  /// Takes a message, paused or not; nil when there is none.
  func popAny() -> OutboxMessage? {
    for lane in lanes.values {
      if let message = lane.held.popFirst() { return message }
    }
    return nil
  }

  /// Hands every held message to `body`, which returns those that stay.
  func filter(_ body: (consuming OutboxMessage) -> OutboxMessage?) {
    for lane in lanes.values {
      let kept = MPSCQueue<OutboxMessage>()
      while let message = lane.held.popFirst() {
        if let message = body(message) { _ = kept.push(message) }
      }
      while let message = kept.popFirst() { _ = lane.held.push(message) }
    }
  }
}
