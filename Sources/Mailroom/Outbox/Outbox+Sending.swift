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
    open.value.client = nil
    defer {
      core.flushCount()
      core.isDraining = false
      if core.backlog.isEmpty && core.lanes.isEmpty { open.value.client = core.client }
    }
    var count = 0
    var isReadyFirst = true
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
      isReadyFirst.toggle()
      if isReadyFirst, let sent = sendReady(client, core) {
        count += sent - 1
      } else if core.backlog.isEmpty, let sent = sendBatch(client, core, atMost: Self.budget - count + 1) {
        count += sent - 1
      } else if let message = core.backlog.popFirst() ?? popQueued() {
        if !core.lanes.isEmpty && core.lanes.hasLane(for: message.route) {
          watch(core, until: message.deadline)
          core.lanes.hold(message)
        } else {
          send(message, client, core)
        }
      } else if let sent = sendReady(client, core) {
        count += sent - 1
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

  /// Whether messages that were held back may leave in this turn.
  func sendsReady(_ client: TransportClient, _ core: OutboxCore) -> Bool {
    core.laneBytes < Self.laneBudget && client.takesBulk
  }

  /// Sends messages of one endpoint that were held back and may leave now; nil when there are none.
  ///
  /// These are much. So they do not fill the connection, where all others would stand behind them, and leave a little in each
  /// turn of the loop, so that they stop soon when their endpoint asks for it.
  private func sendReady(_ client: TransportClient, _ core: OutboxCore) -> Int? {
    guard core.lanes.holdsReady, sendsReady(client, core), let lane = core.lanes.nextReady() else { return nil }
    var (count, bytes) = (0, 0)
    if var batch = lane.held.takeRest() {
      while count < Self.run, core.laneBytes + bytes < Self.laneBudget, client.takesBulk, client.isWritable,
        client.isActive, let run = batch.currentRun, let size = sendNext(of: &batch, run, run.prefix, client)
      {
        core.countOut(run.route, bytes: size)
        count += 1
        bytes += size
      }
      lane.held.putBack(batch)
    } else if let message = lane.held.popFirst() {
      count = 1
      bytes = message.size
      send(message, client, core)
    }
    // Several endpoints whose messages were held back take turns, too.
    core.lanes.rotate()
    core.laneBytes += bytes
    if core.laneBytes >= Self.laneBudget { loop.schedule(self) }
    return count
  }

  /// Sends messages straight out of the batch that stands first, those that go one way, or has them held where that is to pause; nil
  /// when there is no batch, or when they came by an alias and have to be looked at one by one.
  private func sendBatch(_ client: TransportClient, _ core: OutboxCore, atMost limit: Int) -> Int? {
    guard var batch = queue.takeRest() else { return nil }
    guard let run = batch.currentRun, run.home == nil else {
      queue.putBack(batch)
      return nil
    }
    let lane = core.lanes.isEmpty ? nil : core.lanes.lane(for: run.route)
    let most = min(limit, batch.left, core.lanes.isEmpty ? .max : Self.run)
    let mostBytes = core.lanes.isEmpty ? .max : Self.runBytes
    var (count, bytes) = (0, 0)
    if let lane {
      while count < most, var message = batch.next() {
        count += 1
        watch(core, until: message.deadline)
        lane.held.hold(
          batch.bytes.bytes.extracting(message.content), behind: run.head, message.sink.take(),
          deadline: message.deadline, to: run.route, of: nil)
      }
    } else {
      var (run, prefix, left) = (run, run.prefix, most)
      while bytes < mostBytes, client.isWritable, client.isActive {
        if left == 0 {
          // Types that take turns are runs of their own, and go the same way.
          guard count < limit, core.lanes.isEmpty, let next = batch.currentRun, next.route === run.route,
            next.home == nil
          else { break }
          (run, prefix, left) = (next, next.prefix, min(limit - count, batch.left))
        }
        guard let size = sendNext(of: &batch, run, prefix, client) else { break }
        count += 1
        left -= 1
        bytes += size
      }
      core.countOut(run.route, messages: count, bytes: bytes)
    }
    queue.putBack(batch)
    return count
  }

  /// Sends the next message of a batch, which is of that run; says what it is counted with.
  @inline(__always)
  private func sendNext(
    of batch: inout OutboxBatch.Rest, _ run: OutboxBatch.Run, _ prefix: BodyPrefix, _ client: TransportClient
  ) -> Int? {
    guard var message = batch.next() else { return nil }
    send(
      prefix, batch.bytes.bytes.extracting(message.content), message.sink.take(), deadline: message.deadline, run.route,
      client)
    return run.size(of: message.content.count)
  }

  private func send(
    _ prefix: BodyPrefix, _ content: RawSpan, _ sink: consuming ReplySink?, deadline: MonotonicTime,
    _ route: RemoteRoute, _ client: TransportClient
  ) {
    if sink == nil {
      do throws(TransportError) {
        try client.send(prefix, content)
      } catch {
        policy.onLost(route, 1, RPCError(error))
      }
    } else if let sink = (consume sink)?.unlessAbandoned() {
      client.sendRPC(sink, deadline: deadline, prefix, content)
    }
  }

  func send(_ message: consuming OutboxMessage, _ client: TransportClient, _ core: OutboxCore) {
    core.countOut(message.route, bytes: message.size)
    let sink = message.sink.take()
    send(
      message.route.prefix(for: message.head), message.content.bytes, sink, deadline: message.deadline,
      message.route, client)
  }
}
