internal import MailroomQueue
internal import MailroomTransport

/// How queued messages leave for the connection.
///
/// On the loop.
extension Outbox {
  /// Sends what is queued; false when something is left because the connection has no room, or for the next turn.
  @discardableResult
  func drain(_ core: OutboxCore) -> Bool {
    // A message whose failing reaches user code may post or send on this very outbox.
    guard !core.isDraining else { return true }
    core.isDraining = true
    open.value = nil
    defer {
      core.flushCount()
      core.isDraining = false
      if core.backlog.isEmpty && core.lanes.isEmpty { open.value = core.client }
    }
    var count = 0
    while let client = core.client {
      // Its end is known before it is told: what is sent now would fail.
      if !client.isActive { break }
      if !client.isWritable { return false }
      count += 1
      if count > Self.budget {
        loop.schedule(self)
        return false
      }
      // What was held back takes turns with what was not.
      if count % 2 == 0, let message = popReady(client, core) {
        send(message, client, core)
      } else if let message = core.backlog.popFirst() ?? popQueued() {
        if !core.lanes.isEmpty && core.lanes.hasLane(for: message.route) {
          watch(core, until: message.deadline)
          core.lanes.hold(message)
        } else {
          send(message, client, core)
        }
      } else if let message = popReady(client, core) {
        send(message, client, core)
      } else {
        if core.lanes.isEmpty {
          core.timer?.cancel()
          core.timer = nil
        }
        return true
      }
    }
    if let client = core.client { lose(client) }
    return true
  }

  /// Takes a message that was held back and may leave now.
  ///
  /// These are much. So they do not fill the connection, where all others would stand behind them, and leave a little in each
  /// turn of the loop, so that they stop soon when their endpoint asks for it.
  private func popReady(_ client: TransportClient, _ core: OutboxCore) -> OutboxMessage? {
    guard core.lanes.holdsReady, core.laneBytes < Self.laneBudget, client.takesBulk,
      let message = core.lanes.popReady()
    else { return nil }
    core.laneBytes += message.content.count
    if core.laneBytes >= Self.laneBudget { loop.schedule(self) }
    return message
  }

  func send(_ message: consuming OutboxMessage, _ client: TransportClient, _ core: OutboxCore) {
    var message = message
    core.countOut(message.route, message.content.count)
    guard let sink = message.takeSink() else {
      do throws(TransportError) {
        try client.send(message.route.prefix, tag: message.tag, message.rest)
      } catch {
        policy.onLost(message.route, RPCError(error))
      }
      return
    }
    if sink.isAbandoned { return }
    do throws(TransportError) {
      try client.sendRPC(sink, deadline: message.deadline, message.route.prefix, tag: message.tag, message.rest)
    } catch {
      sink.fail(error)
    }
  }
}
