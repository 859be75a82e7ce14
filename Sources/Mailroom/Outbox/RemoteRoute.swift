internal import MailroomQueue
internal import MailroomTransport

/// The way to one endpoint of another process: what every message to it has in common.
///
/// There is one for each name in an outbox, so all references to an endpoint share its bounds.
///
/// - Thread safety: any thread.
final class RemoteRoute: Sendable {
  let outbox: Outbox
  /// The endpoint's name.
  let name: String
  /// The envelope, which stands in front of every message's content, or its number does.
  let prefix: BodyPrefix
  /// The envelope with what the content of typed messages begins with; none before the first of them.
  private let typed = OnceReference<TypedPrefixes>()
  /// What waits in the outbox to be sent to the endpoint.
  let gauge: FlowGauge
  /// Loop-confined, and the lanes' own: where messages to the endpoint were held back last; nil if they never were.
  let lane = Confined<OutboxLanes.Lane?>(nil)

  init(outbox: Outbox, name: String, envelope: [UInt8], marks: FlowMarks) {
    self.outbox = outbox
    self.name = name
    prefix = BodyPrefix(envelope)
    gauge = FlowGauge(marks)
  }

  /// The route that messages take now: this one, or that of the outbox which this one's outbox has turned out to be the same as.
  var current: RemoteRoute { outbox.isAlias ? outbox.currentRoute(for: self) : self }

  /// What stands in front of a message's content: the envelope, and behind it the head of messages of its type, if it has one.
  ///
  /// - Cost: without a head, nothing; for one of the first few types, a look into a small table.
  @inline(__always)
  func prefix(for head: MessageHead?) -> BodyPrefix {
    guard let head else { return prefix }
    return typedPrefix(for: head)
  }

  private func typedPrefix(for head: MessageHead) -> BodyPrefix {
    if let typed = typed.object { return typed.prefix(for: head, behind: prefix) }
    let made = TypedPrefixes()
    typed.set(made)
    return (typed.object ?? made).prefix(for: head, behind: prefix)
  }

  /// Counts a message in, before it is posted.
  ///
  /// - Throws: ``RPCError`` with ``RPCError/Code/full``.
  func admit(byteCount: Int) throws(RPCError) {
    if !gauge.admit(bytes: byteCount) { throw full }
  }

  /// The error for a message that finds the route full.
  var full: RPCError {
    let level = gauge.level
    return RPCError(
      .full,
      "\(level.messages) messages, \(level.bytes) bytes together, wait to be sent to \(name) at \(outbox.peer); "
        + "RPCConfiguration.maximumOutboxMessages and maximumOutboxBytes are the limits",
      execution: .notExecuted, cause: NoRoom())
  }
}
