internal import Logging
internal import MailroomQueue

/// Looks whether the endpoints of an environment are stuck in a turn.
///
/// Confined to whoever looks: to the task of ``run(_:_:)``, but for tests.
struct Watchdog {
  /// One of the marks of an inbox, which is kept, so that no other one can be mistaken for it.
  private struct Place: Hashable {
    let inbox: Inbox
    let mark: Int

    static func == (left: Place, right: Place) -> Bool { left.inbox === right.inbox && left.mark == right.mark }

    func hash(into hasher: inout Hasher) {
      hasher.combine(ObjectIdentifier(inbox))
      hasher.combine(mark)
    }
  }

  private var watch: TurnWatch<Place>

  init(threshold: Duration) { watch = TurnWatch(threshold: threshold) }

  /// Looks at inboxes; returns the turns that are found to be slow, each once.
  mutating func look(_ inboxes: [Inbox], at now: MonotonicTime) -> [RPCSlowTurn] {
    var turns: [Place: UInt] = [:]
    var threads: [Place: String] = [:]
    for inbox in inboxes {
      for mark in 0..<inbox.markCount {
        guard let (turn, thread) = inbox.turn(ofMark: mark) else { continue }
        let place = Place(inbox: inbox, mark: mark)
        turns[place] = turn
        threads[place] = inbox.scheduler.nameOfThread(thread)
      }
    }
    return watch.look(turns, at: now).compactMap { place, duration in
      threads[place].map { RPCSlowTurn(endpoint: place.inbox.name, duration: duration, thread: $0) }
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
