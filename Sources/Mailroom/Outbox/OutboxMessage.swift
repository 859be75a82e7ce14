internal import MailroomQueue
internal import MailroomTransport

/// A message on its way to another process.
struct OutboxMessage: ~Copyable, Sendable {
  /// The content, a byte at least; see ``Content``.
  ///
  /// The envelope is the route's, and how it is sent is the connection's.
  let content: ByteWriter
  /// Where it goes; counts it from before it is posted until it is sent or failed.
  private(set) var route: RemoteRoute
  /// The route that its reference has, if another outbox than that one's carries it: where it goes back to when that cannot.
  private(set) var home: RemoteRoute?
  /// Who waits for the answer; nil for a one-way message.
  let sink: ReplySink?
  /// Until when it may wait.
  let deadline: MonotonicTime

  /// A request, or a one-way message.
  ///
  /// - Parameters:
  ///   - home: the reference's route, if that is another one.
  ///   - sink: who waits for the answer; nil for a one-way message.
  init(
    _ content: consuming ByteWriter, to route: RemoteRoute, of home: RemoteRoute? = nil, _ sink: ReplySink? = nil,
    deadline: MonotonicTime = .distantFuture
  ) {
    self.content = content
    self.route = route
    self.home = home
    self.sink = sink
    self.deadline = deadline
  }

  /// Sends it another way, which counts it from now on.
  mutating func redirect(to route: RemoteRoute) {
    self.route.gauge.remove(messages: 1, bytes: content.count)
    _ = route.gauge.add(bytes: content.count)
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
