internal import MailroomTransport

/// Reads replies.
enum ReplyContent {
  /// The value or the failure in the body of a reply.
  static func decode<Reply: RPCValue>(
    _ body: RawSpan, as type: Reply.Type, from source: MessageSource?
  ) -> Result<Reply, RPCError> {
    var reader = RPCReader(body, from: source)
    do {
      switch try reader.readByte() {
      case Content.typed:
        let reply = try Reply(from: &reader)
        guard reader.remaining == 0 else {
          return .failure(RPCError(.undecodable, "\(reader.remaining) bytes are left behind the reply"))
        }
        return .success(reply)
      case Content.raw:
        guard let bytes = RPCBytes(reader.readRest()) as? Reply else {
          return .failure(RPCError(.undecodable, "raw bytes came as the reply, \(Reply.self) was expected"))
        }
        return .success(bytes)
      case Content.failure: return .failure(try Content.readFailure(&reader))
      case let other:
        return .failure(RPCError(.undecodable, "the reply begins with the unknown byte \(other)"))
      }
    } catch {
      return .failure(RPCError(.undecodable, "the reply cannot be decoded: \(error)", cause: error))
    }
  }
}
