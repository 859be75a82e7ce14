public import MailroomTransport

// The type itself is the transport's, which hands it to the asker's function without anything in between.

extension RPCBytesReply {
  /// A reply of the same environment.
  @_lifetime(copy bytes)
  init(bytes: RawSpan) { self.init(body: bytes) }

  /// The end of an ask without a reply.
  @_lifetime(immortal)
  init(error: RPCError) { self.init(body: RawSpan(), failure: error) }

  /// The reply's bytes.
  ///
  /// - Throws: ``RPCError`` when the ask failed.
  public var bytes: RawSpan {
    @_lifetime(copy self)
    get throws(RPCError) {
      if failure == nil {
        if !hasAsker { return body }
        if body.byte(at: 0) == Content.raw { return body.dropping(1) }
      }
      throw error
    }
  }

  /// Why there are no bytes.
  private var error: RPCError {
    let source = asker as? MessageSource
    if let failure {
      if let error = failure as? RPCError { return error }
      guard let error = failure as? TransportError else { return RPCError(.undecodable, "no reply") }
      return AskLimit.named(RPCError(error), isOwn: hasOwnTimeout, in: source?.env)
    }
    switch ReplyContent.decode(body, as: RPCBytes.self, from: source) {
    case .success: return RPCError(.undecodable, "the reply is not raw bytes")
    case .failure(let error):
      // The peer may be the first to see that the time is over.
      return error.execution == .notExecuted ? AskLimit.named(error, isOwn: hasOwnTimeout, in: source?.env) : error
    }
  }
}
