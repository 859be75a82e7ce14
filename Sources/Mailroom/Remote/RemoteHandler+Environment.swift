internal import MailroomTransport

/// Requests that are about the environment, and not for one of its endpoints: answered where they are read.
extension RemoteHandler {
  /// Answers the introduction of a peer that has connected, and says who this environment is.
  func introduce(_ content: RawSpan, from sender: RPCAddress?, _ responder: RPCResponder) {
    guard let introduction = try? Introduction(request: content) else {
      return responder.fail("The introduction cannot be read")
    }
    let answer = Introduction(id: env.id, address: env.address, envelopes: peer.envelopes)
    // Only a maximum frame below a hundred bytes could not take it; then the peer goes on without.
    try? client.respond(responder.requestID) { answer.appendReply(to: &$0) }
    // Behind the answer, which tells the peer so.
    client.enableExtensions(prefixes: introduction.envelopes)
    // One that was dialled has said who it is when it answered; that alone counts.
    if client.isOutgoing { return }
    peer.introduce(introduction, address: sender)
    peer.announce(sender)
  }

  /// Answers lookups; other Java objects are of no type that an endpoint could have a handler for.
  func receive(javaObject content: RawSpan, to endpoint: RawSpan, _ responder: RPCResponder) {
    if endpoint.equals(Self.verifierName.utf8Array.rawSpan) {
      guard let name = JavaObjectStream.parseCheckExistence(content) else {
        return responder.fail("The lookup is no CheckExistence object of a version that is known here")
      }
      // The answer is 47 bytes; nothing about it can fail but a connection that has ended.
      try? responder.succeed(JavaObjectStream.boolean(env.dispatcher.find(name) != nil).rawSpan)
    } else if find(endpoint) == nil {
      responder.fail(Self.notFound(endpoint).message)
    } else {
      responder.fail("Java objects are not supported here")
    }
  }
}

extension RemoteHandler {
  static func notFound(_ name: RawSpan) -> RPCError {
    RPCError(
      .endpointNotFound, "could not find the endpoint \(name.utf8String() ?? "of an undecodable name")",
      execution: .notExecuted)
  }
}

extension String {
  var utf8Array: [UInt8] { Array(utf8) }
}
