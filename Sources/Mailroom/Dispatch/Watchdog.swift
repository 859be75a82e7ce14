internal import Logging
internal import MailroomQueue

/// Looks whether the endpoints of an environment are stuck in a turn.
///
/// Confined to whoever looks: to the task of ``run(_:_:)``, but for tests.
struct Watchdog {
  private var watch: TurnWatch<TurnMark>

  init(threshold: Duration) { watch = TurnWatch(threshold: threshold) }

  /// Looks at inboxes; returns the turns that are found to be slow, each once.
  mutating func look(_ inboxes: [Inbox], at now: MonotonicTime) -> [RPCSlowTurn] {
    var turns: [TurnMark: UInt] = [:]
    var places: [TurnMark: (endpoint: String, thread: String)] = [:]
    for inbox in inboxes {
      for mark in inbox.marks {
        guard let (turn, thread) = mark.current else { continue }
        turns[mark] = turn
        places[mark] = (inbox.name, inbox.scheduler.nameOfThread(thread))
      }
    }
    return watch.look(turns, at: now).compactMap { mark, duration in
      places[mark].map { RPCSlowTurn(endpoint: $0.endpoint, duration: duration, thread: $0.thread) }
    }
  }

  /// Looks at the inboxes of a dispatcher twice in the threshold, until the task is cancelled.
  static func run(_ dispatcher: Dispatcher, _ configuration: RPCConfiguration, threshold: Duration) async {
    var watchdog = Watchdog(threshold: threshold)
    let pause = max(threshold / 2, .milliseconds(1))
    while true {
      do { try await Task.sleep(for: pause) } catch { return }
      for slow in watchdog.look(dispatcher.inboxes, at: .now) {
        configuration.logger.warning(
          "The endpoint \(slow.endpoint) has been in one turn for \(slow.duration) on the thread \(slow.thread)")
        configuration.onSlowTurn?(slow)
      }
    }
  }
}
