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
  private(set) var sink: ReplySink?
  /// Until when it may wait.
  let deadline: MonotonicTime

  /// A one-way message.
  ///
  /// - Parameter home: the reference's route, if that is another one.
  init(_ content: consuming ByteWriter, to route: RemoteRoute, of home: RemoteRoute? = nil) {
    self.content = content
    self.route = route
    self.home = home
    sink = nil
    deadline = .distantFuture
  }

  /// A request.
  init(
    _ content: consuming ByteWriter, to route: RemoteRoute, of home: RemoteRoute? = nil, _ sink: ReplySink,
    deadline: MonotonicTime
  ) {
    self.content = content
    self.route = route
    self.home = home
    self.sink = sink
    self.deadline = deadline
  }

  /// The content's first byte.
  var tag: UInt8 { content.bytes.byte(at: 0) ?? Content.raw }

  /// The content behind its first byte.
  var rest: RawSpan {
    @_lifetime(borrow self)
    get { content.bytes.dropping(1) }
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

  /// Takes out who waits for the answer.
  mutating func takeSink() -> ReplySink? { sink.take() }

  /// Whether nobody wants the answer any more.
  var isAbandoned: Bool { sink?.isAbandoned ?? false }
}
