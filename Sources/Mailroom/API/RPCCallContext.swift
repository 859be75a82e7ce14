internal import MailroomQueue
internal import MailroomTransport

/// The means to answer one request.
///
/// A call is answered once: ``reply(_:)`` or ``fail(_:)``, in the handler or later, from any thread. A context that is
/// dropped without an answer answers by itself, with ``RPCError/Code/noReply``, so that no asker waits for nothing.
///
/// - Thread safety: any thread. Copies stand for the same call.
public struct RPCCallContext<Reply: RPCValue>: Sendable {
  enum Call {
    case local(LocalCall<Reply>, sender: String)
    case remote(RemoteCall)
  }

  let call: Call

  /// Who asks: the connection's peer as "host:port", or for an ask of the same environment its own name.
  public var sender: String {
    switch call {
    case .local(_, let sender): sender
    case .remote(let call): call.peer.address
    }
  }

  /// What tells the request from all others over all its attempts; nil for one that is not asked with retries.
  public var requestKey: RPCRequestKey? {
    switch call {
    case .local(let call, _): call.key
    case .remote(let call): call.key
    }
  }

  /// Whether nobody waits for the answer any more: the asker gave up, its time is over, or its connection has ended.
  ///
  /// What an asker in another process does is known if that process is of this library; of others only that the connection ended.
  /// A request whose asker has gone before a handler was free is not handled at all.
  public var isCancelled: Bool {
    switch call {
    case .local(let call, _): call.isAbandoned
    case .remote(let call): call.isAbandoned
    }
  }

  /// How long the asker will wait still; nil if it has not said.
  ///
  /// Zero when its time is over.
  public var timeLeft: Duration? {
    switch call {
    case .local(let call, _): call.deadline.timeLeft
    case .remote(let call): call.deadline.timeLeft
    }
  }

  /// Answers with `value`.
  ///
  /// The answer to a caller whose connection has ended is dropped.
  ///
  /// - Throws: ``RPCError``: ``RPCError/Code/alreadyReplied`` for a second answer; ``RPCError/Code/unencodable`` or
  ///   ``RPCError/Code/tooLarge`` when the value cannot be sent, in which case the asker has been told so.
  public func reply(_ value: Reply) throws(RPCError) {
    switch call {
    case .local(let call, _): try call.reply(value)
    case .remote(let call): try call.reply(value)
    }
  }

  /// Answers that the request failed.
  ///
  /// An ``RPCError`` reaches the asker as it is, but for its cause: also what it says of ``RPCError/execution``, which is about
  /// this request then. The error of an ask of the handler's own says that about another request; throw it, or set it to unknown.
  /// Of other errors the type's name and the description do, and the error itself if it is an ``RPCTransferableError`` that
  /// the asker knows.
  ///
  /// - Throws: ``RPCError`` with ``RPCError/Code/alreadyReplied`` for a second answer.
  public func fail(_ error: any Error) throws(RPCError) {
    let failure = Content.failure(of: error)
    switch call {
    case .local(let call, _): try call.fail(failure)
    case .remote(let call): try call.fail(failure)
    }
  }
}

/// The means to answer one request of raw bytes with raw bytes; as ``RPCCallContext``.
public struct RPCBytesCallContext: Sendable {
  /// The call of a request of another process.
  ///
  /// Beside `local`, not with it in an enumeration, which would be copied, and what it refers to counted, to be looked at.
  let remote: RemoteCall?
  /// The call of a request of the same environment; there is one exactly if `remote` is nil.
  let local: LocalBytesCall?

  /// A request of another process; there is a call.
  @inline(__always)
  init(remote: RemoteCall?) {
    self.remote = remote
    local = nil
  }

  /// A request of the same environment; there is a call.
  @inline(__always)
  init(local: LocalBytesCall?) {
    remote = nil
    self.local = local
  }

  /// Who asks; as ``RPCCallContext/sender``.
  public var sender: String { local?.sender ?? remote?.peer.address ?? "" }

  /// Whether nobody waits for the answer any more; as ``RPCCallContext/isCancelled``.
  public var isCancelled: Bool { local?.isAbandoned ?? remote?.isAbandoned ?? true }

  /// How long the asker will wait still; as ``RPCCallContext/timeLeft``.
  public var timeLeft: Duration? { (local?.deadline ?? remote?.deadline)?.timeLeft }

  /// Answers with `bytes`.
  ///
  /// - Throws: as ``RPCCallContext/reply(_:)``.
  public func reply(_ bytes: RawSpan) throws(RPCError) {
    if remote == nil { return try local?.reply(bytes) ?? () }
    try remote?.reply(bytes: bytes)
  }

  /// Answers with `bytes`.
  ///
  /// - Throws: as ``RPCCallContext/reply(_:)``.
  public func reply(_ bytes: [UInt8]) throws(RPCError) {
    if remote == nil { return try local?.reply(bytes) ?? () }
    try remote?.reply(bytes: bytes.rawSpan)
  }

  /// Answers that the request failed; as ``RPCCallContext/fail(_:)``.
  ///
  /// - Throws: ``RPCError`` with ``RPCError/Code/alreadyReplied`` for a second answer.
  public func fail(_ error: any Error) throws(RPCError) {
    let failure = Content.failure(of: error)
    if remote == nil { return try local?.fail(failure) ?? () }
    try remote?.fail(failure)
  }
}

extension MonotonicTime {
  /// How long it is until a deadline: nil if there is none, zero when it is over.
  fileprivate var timeLeft: Duration? {
    if self == .distantFuture { return nil }
    let now = MonotonicTime.now
    return self > now ? .nanoseconds(nanoseconds - now.nanoseconds) : .zero
  }
}
