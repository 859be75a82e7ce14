internal import MailroomQueue
internal import MailroomTransport

/// A message on its way to another process.
struct OutboxMessage: ~Copyable, Sendable {
  /// Envelope and content.
  let body: ByteWriter
  /// Where it goes; counts it from before it is posted until it is sent or failed.
  private(set) var route: RemoteRoute
  /// Who waits for the answer; nil for a one-way message.
  let sink: ReplySink?
  /// Until when it may wait.
  let deadline: MonotonicTime

  /// A one-way message.
  init(_ body: consuming ByteWriter, to route: RemoteRoute) {
    self.body = body
    self.route = route
    sink = nil
    deadline = .distantFuture
  }

  /// A request.
  init(_ body: consuming ByteWriter, to route: RemoteRoute, _ sink: ReplySink, deadline: MonotonicTime) {
    self.body = body
    self.route = route
    self.sink = sink
    self.deadline = deadline
  }

  /// Sends it another way, which counts it from now on.
  mutating func redirect(to route: RemoteRoute) {
    self.route.gauge.remove(messages: 1, bytes: body.count)
    _ = route.gauge.add(bytes: body.count)
    self.route = route
  }

  /// Whether nobody wants the answer any more.
  var isAbandoned: Bool { sink?.isAbandoned ?? false }
}
