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
  /// What is held for one endpoint.
  final class Lane {
    let name: String
    let held = OutboxQueue()
    fileprivate let state = Confined(State())

    fileprivate struct State {
      var isPaused = true
      /// Whether the lane is in `ready`.
      var isListed = false
      /// Whether it has let everything go, and is no lane any more.
      var hasEnded = false
    }

    init(_ name: String) { self.name = name }

    /// Whether its endpoint wants nothing for now.
    var isPaused: Bool { state.value.isPaused }
    /// Whether it has let everything go, and is no lane any more.
    var hasEnded: Bool { state.value.hasEnded }
  }

  private struct State {
    var lanes: [String: Lane] = [:]
    /// Lanes that may hold messages to leave; each once, whatever the peer says how often.
    var ready = FIFO<Lane>()
  }

  /// In a box, for every message touches it while something is held.
  private let state = Confined(State())

  /// Whether nothing is paused or held.
  var isEmpty: Bool { state.value.lanes.isEmpty }
  /// Whether something may leave now.
  var holdsReady: Bool { !state.value.ready.isEmpty }
  /// How many lanes are kept for leaving.
  var readyCount: Int { state.value.ready.count }
  /// Whether something is held.
  var holdsMessages: Bool { state.value.lanes.values.contains { !$0.held.isEmpty } }

  /// Holds messages to an endpoint back from now on.
  func pause(_ name: String) {
    if let lane = state.value.lanes[name] { lane.state.value.isPaused = true } else { _ = makeLane(name) }
  }

  private func makeLane(_ name: String) -> Lane {
    let lane = Lane(name)
    state.value.lanes[name] = lane
    return lane
  }

  /// Lets what is held for an endpoint go.
  func resume(_ name: String) {
    if let lane = state.value.lanes[name] { resume(lane) }
  }

  private func resume(_ lane: Lane) {
    guard lane.state.value.isPaused else { return }
    lane.state.value.isPaused = false
    if lane.state.value.isListed { return }
    lane.state.value.isListed = true
    state.value.ready.append(lane)
  }

  /// Lets everything go: the peer that asked for pauses is gone.
  func resumeAll() { for lane in Array(state.value.lanes.values) { resume(lane) } }

  /// Whether messages to an endpoint have to go through its lane.
  func hasLane(for route: RemoteRoute) -> Bool { lane(for: route) != nil }

  /// The lane that messages to the route's endpoint have to go through, if there is one; the route keeps it for the next message.
  func lane(for route: RemoteRoute) -> Lane? {
    if let lane = route.lane.value {
      if !lane.hasEnded { return lane }
      route.lane.value = nil
    }
    guard let lane = state.value.lanes[route.name] else { return nil }
    route.lane.value = lane
    return lane
  }

  /// Puts a message into its endpoint's lane, which is made if there is none.
  func hold(_ message: consuming OutboxMessage) {
    if let lane = lane(for: message.route) {
      _ = lane.held.push(message)
    } else {
      let lane = makeLane(message.route.name)
      _ = lane.held.push(message)
      resume(lane)
    }
  }

  /// The first lane of an endpoint that is not paused any more, with something in it; nil when there is none.
  func nextReady() -> Lane? {
    while let lane = state.value.ready.first {
      if !lane.state.value.isPaused {
        if !lane.held.isEmpty { return lane }
        lane.state.value.hasEnded = true
        // The route may keep the lane for long.
        lane.held.dropStorage()
        state.value.lanes[lane.name] = nil
      }
      lane.state.value.isListed = false
      _ = state.value.ready.popFirst()
    }
    return nil
  }

  /// Lets the next lane have its turn.
  func rotate() {
    if let lane = state.value.ready.popFirst() { state.value.ready.append(lane) }
  }

  /// Takes a message, paused or not; nil when there is none.
  func popAny() -> OutboxMessage? {
    for lane in state.value.lanes.values {
      if let message = lane.held.popFirst() { return message }
    }
    return nil
  }

  /// Hands every held message to `body`, which returns those that stay.
  func filter(_ body: (consuming OutboxMessage) -> OutboxMessage?) {
    for lane in state.value.lanes.values {
      let kept = MPSCQueue<OutboxMessage>()
      while let message = lane.held.popFirst() {
        if let message = body(message) { _ = kept.push(message) }
      }
      while let message = kept.popFirst() { _ = lane.held.push(message) }
    }
  }
}
