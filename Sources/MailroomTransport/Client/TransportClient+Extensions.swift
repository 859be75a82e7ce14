internal import MailroomQueue
internal import Synchronization

// What two processes of this library tell each other beyond the reference's protocol.

extension TransportClient {
  /// Whether both sides know that the other one understands the extensions: exact on the connection's event loop, a hint elsewhere.
  package var hasExtensions: Bool { extended.load(ordering: .relaxed) }

  /// Uses and accepts the frames of the extensions from now on: both sides have said that they understand them.
  ///
  /// Only on the connection's event loop. There is no way back, and what was said first counts.
  ///
  /// - Parameter limits: what the peer keeps of prefixes with numbers; the handler says what this side keeps.
  package func enableExtensions(prefixes limits: PrefixLimits = .none) {
    guard let connection, !connection.hasExtensions else { return }
    connection.hasExtensions = true
    connection.prefixes.value = PrefixNumbers(
      within: limits, longest: configuration.longestFrame - FrameFormat.prefixOverhead)
    extended.store(true, ordering: .relaxed)
  }

  /// What a message on this connection begins with in place of `prefix`: to be written by ``ByteWriter/append(_:_:)``.
  ///
  /// Only on the connection's event loop, right before the message is encoded. A peer that is to know a number is told so here.
  package func mark(of prefix: BodyPrefix) -> PrefixMark { connection?.mark(of: prefix) ?? .none }

  /// Asks the peer to send nothing to this side's endpoint of this name, in UTF-8, for now.
  ///
  /// Only on the connection's event loop. Does nothing without extensions, or when the connection is ending. Sent whether there is
  /// room for messages or not.
  package func send(pauseOf endpoint: RawSpan) {
    guard let connection = connection, connection.hasExtensions, connection.acceptsRequests else { return }
    connection.say { (writer) throws(FrameError) in
      try writer.append(frame: .pauseEndpoint(name: endpoint), limit: .max)
    }
    // At once: the peer goes on sending until it knows, and there may be much to read in this tick.
    connection.writeAhead()
  }

  /// Takes ``send(pauseOf:)`` back, under the same conditions.
  package func send(resumptionOf endpoint: RawSpan) {
    guard let connection = connection, connection.hasExtensions, connection.acceptsRequests else { return }
    connection.say { (writer) throws(FrameError) in
      try writer.append(frame: .resumeEndpoint(name: endpoint), limit: .max)
    }
  }
}
