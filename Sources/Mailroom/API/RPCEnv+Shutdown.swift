internal import Logging
internal import MailroomQueue
internal import MailroomTransport
internal import Synchronization

/// How an environment ends.
///
/// ```
///   running ──► stopping endpoints ──────────────────────────────► closing connections ──► ended
///                  │ shutdownTimeout             ▲ all have ended     │ closeTimeout
///                  ▼                             │                    ▼
///               handlers' tasks are cancelled ───┘                 peers that do not read are cut off
///                  │ a second                    │
///                  ▼                             │
///               who is left is named in the log ─┘
/// ```
///
/// Invariants: every step has a time after which the next one follows, so that nothing that a handler or a peer does keeps an
/// environment from ending; answers of handlers that ended in time are written before sockets close; asks end once each.
extension RPCEnv {
  /// How long handlers have to heed that they were cancelled; less when the whole shutdown may not take as long.
  private static let cancellationGrace = Duration.seconds(1)

  /// Whether ``shutdown()`` was called.
  public var isStopped: Bool { stopped.load(ordering: .acquiring) }

  /// Ends the environment: endpoints handle what is queued and stop, answers are sent, connections and threads end.
  ///
  /// Callable from anywhere, and again; each call returns when the environment has ended. A handler must not wait for it, because the
  /// shutdown waits for the handler: handlers use ``beginShutdown()``. Asks that are outstanding or come later fail with
  /// ``RPCError/Code/stopped``.
  ///
  /// After ``RPCConfiguration/shutdownTimeout`` the tasks of handlers that are suspended are cancelled, which they have a second
  /// more to heed; `async` handlers of messages that are still queued then begin with a cancelled task. Endpoints that have still not ended are left behind, and each is named in a warning that is
  /// logged: their handlers go on, and their threads, and what lives on these, end with them.
  public func shutdown() async {
    if stopped.exchange(true, ordering: .acquiringAndReleasing) { return await awaitTermination() }
    let allEnded = await stopEndpoints()
    if !allEnded { logWhatIsLeft() }
    localDeadlines.stop()
    let (server, factory, outboxes) = state.withLock { ($0.server, $0.factory, $0.outboxes.all) }
    server?.close()
    for outbox in outboxes { outbox.stop() }
    factory?.close()
    // Connections end by themselves within their time; only a handler that blocks a loop takes longer.
    await group.shutdown(within: configuration.transport.closeTimeout + Self.cancellationGrace)
    dispatcher.stopLoops(allEnded: allEnded)
    let watchdog = state.withLock { $0.watchdog }
    watchdog?.cancel()
    await watchdog?.value
    // The server and the connections keep the environment, so it lets go of them; outside the lock, for they end here.
    let ended = state.withLock { state in
      let ended = state
      state = State(address: ended.address, hasEnded: true)
      return ended
    }
    for callback in ended.onEnd { callback() }
  }

  /// Begins to end the environment as ``shutdown()`` does, and returns at once: the form for handlers.
  ///
  /// Asks and sends fail with ``RPCError/Code/stopped`` soon after; ``awaitTermination()`` waits for the end.
  public func beginShutdown() { Task { await shutdown() } }

  /// Waits until a ``shutdown()`` has ended the environment.
  public func awaitTermination() async {
    await withCheckedContinuation { continuation in
      let hasEnded = state.withLock { state in
        if !state.hasEnded { state.onEnd.append { continuation.resume() } }
        return state.hasEnded
      }
      if hasEnded { continuation.resume() }
    }
  }

  /// Stops all endpoints; says whether the last one ended in time.
  private func stopEndpoints() async -> Bool {
    let ended = Ended()
    // On none of the environment's own threads, since a handler may block any of these.
    let timer = Task {
      do {
        try await Task.sleep(for: min(configuration.shutdownTimeout, .longestSleep))
        if dispatcher.cancelHandlers() {
          try await Task.sleep(for: min(Self.cancellationGrace, configuration.shutdownTimeout))
        }
        ended.caller.resume(returning: false)
      } catch {
        // The endpoints have ended.
      }
    }
    defer { timer.cancel() }
    return await ended.caller.wait(fallback: true) {
      dispatcher.stopAll { ended.caller.resume(returning: true) }
    }
  }

  private func logWhatIsLeft() {
    for inbox in dispatcher.inboxes.sorted(by: { $0.name < $1.name }) {
      configuration.logger.warning("The endpoint \(inbox.name) is left behind by the shutdown: \(inbox.whereabouts)")
    }
  }

  private final class Ended: Sendable {
    let caller = SuspendedCaller<Bool>()
  }
}
