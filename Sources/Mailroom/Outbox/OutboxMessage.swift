internal import MailroomQueue
internal import MailroomTransport

/// A message on its way to another process.
struct OutboxMessage: ~Copyable, Sendable {
  /// The content, see ``Content``, without the head if there is one.
  ///
  /// The envelope is the route's, and how it is sent is the connection's.
  let content: ByteWriter
  /// What the content begins with, if it was left out, because a number may stand for it, too.
  let head: MessageHead?
  /// Where it goes; counts it from before it is posted until it is sent or failed.
  private(set) var route: RemoteRoute
  /// The route that its reference has, if another outbox than that one's carries it: where it goes back to when that cannot.
  private(set) var home: RemoteRoute?
  /// Who waits for the answer; nil for a one-way message.
  var sink: ReplySink?
  /// Until when it may wait.
  let deadline: MonotonicTime

  /// A request, or a one-way message.
  ///
  /// - Parameters:
  ///   - head: what stands in front of the content.
  ///   - home: the reference's route, if that is another one.
  ///   - sink: who waits for the answer; nil for a one-way message.
  init(
    _ content: consuming ByteWriter, behind head: MessageHead? = nil, to route: RemoteRoute,
    of home: RemoteRoute? = nil, _ sink: consuming ReplySink? = nil, deadline: MonotonicTime = .distantFuture
  ) {
    self.content = content
    self.head = head
    self.route = route
    self.home = home
    self.sink = sink
    self.deadline = deadline
  }

  /// The bytes that its route counts it with: the content, whole.
  var size: Int { content.count + head.size }

  /// Sends it another way, which counts it from now on.
  mutating func redirect(to route: RemoteRoute) {
    self.route.gauge.remove(messages: 1, bytes: size)
    _ = route.gauge.add(bytes: size)
    if home == nil { home = self.route }
    self.route = route
  }

  /// Sends it the way that its reference has again.
  mutating func returnHome() {
    guard let home else { return }
    redirect(to: home)
    self.home = nil
  }

  /// Whether nobody wants the answer any more.
  var isAbandoned: Bool { sink?.isAbandoned ?? false }
}

extension MessageHead? {
  /// How many bytes the content has more.
  @inline(__always)
  var size: Int {
    guard let head = self else { return 0 }
    return head.bytes.count
  }
}
