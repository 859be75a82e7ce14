internal import MailroomTransport

/// How an ask for raw bytes ended: the reply's bytes or an error.
///
/// Borrowed for the time of one callback.
public struct RPCBytesReply: ~Escapable {
  private let response: RawSpan?
  private let failure: RPCError?

  @_lifetime(copy bytes)
  init(bytes: RawSpan) {
    response = bytes
    failure = nil
  }

  @_lifetime(immortal)
  init(error: RPCError) {
    response = nil
    failure = error
  }

  @_lifetime(copy response)
  init(_ response: borrowing TransportResponse, from source: MessageSource?, _ limit: AskLimit?) {
    switch response {
    case .success(let body):
      if body.byte(at: 0) == Content.raw {
        self.response = body.dropping(1)
        failure = nil
      } else {
        self.response = nil
        switch ReplyContent.decode(body, as: RPCBytes.self, from: source) {
        case .success: failure = RPCError(.undecodable, "the reply is not raw bytes")
        case .failure(let error):
          // The peer may be the first to see that the time is over.
          let isEarly = error.execution == .notExecuted
          failure = isEarly ? limit?.named(error, in: source?.env) ?? error : error
        }
      }
    case .failure(let error):
      self.response = nil
      let error = RPCError(error)
      failure = limit?.named(error, in: source?.env) ?? error
    }
  }

  /// The reply's bytes.
  ///
  /// - Throws: ``RPCError`` when the ask failed.
  public var bytes: RawSpan {
    @_lifetime(copy self)
    get throws(RPCError) {
      if let response { return response }
      throw failure ?? RPCError(.undecodable, "no reply")
    }
  }
}
