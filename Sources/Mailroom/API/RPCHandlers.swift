internal import MailroomTransport

/// The message types that an endpoint handles, and what it does with them: filled in by ``RPCEndpoint/handlers(_:)``.
///
/// A handler gets the endpoint as an argument, so that the table is made once for a type and captures nothing.
/// Handlers may be `async`, but for those of raw bytes. An error that a handler throws goes to the asker, if there is one, and to ``RPCEndpoint/onError(_:)``.
public struct RPCHandlers<Endpoint: AnyObject>: Sendable {
  struct Entry: Sendable {
    let type: ObjectIdentifier
    let name: [UInt8]
    /// Decodes a message of another process, and runs its handler or returns the one that may suspend, which is then to be run.
    let decodeAndRun: @Sendable (Endpoint, inout RPCReader, RemoteCall?) throws -> AsyncHandler<Endpoint>?
    /// Runs the handler for a message of the same environment, or returns the one that may suspend.
    let run: @Sendable (Endpoint, any LocalMessage) throws -> AsyncHandler<Endpoint>?
  }

  private(set) var onBytesRequest: (@Sendable (Endpoint, RawSpan, RPCBytesCallContext) throws -> Void)?
  private(set) var onBytes: (@Sendable (Endpoint, RawSpan) throws -> Void)?
  private(set) var messages: [Entry] = []
  private(set) var requests: [Entry] = []
  /// The types of ``messages``, and of ``requests``, in the same order.
  private(set) var messageTypes: [ObjectIdentifier] = []
  private(set) var requestTypes: [ObjectIdentifier] = []
  /// Wire names that were given to two message types of one table; registering such a table fails.
  private(set) var duplicateNames: [String] = []

  init() {}

  /// Handles one-way messages of a type.
  ///
  /// The last handler for a type counts.
  public mutating func receive<Message: RPCMessage>(
    _ type: Message.Type, _ body: @escaping @Sendable (Endpoint, Message) throws -> Void
  ) {
    add(
      message: Entry(
        type: ObjectIdentifier(type), name: MessageHead.of(type).name,
        decodeAndRun: { endpoint, reader, _ in
          try body(endpoint, try Self.decode(&reader))
          return nil
        },
        run: { endpoint, message in
          guard let message = message as? LocalOneWay<Message> else { return nil }
          try body(endpoint, message.message)
          return nil
        }))
  }

  /// Handles requests of a type with a handler that answers through the context, now or later.
  public mutating func ask<Request: RPCRequest>(
    _ type: Request.Type,
    _ body: @escaping @Sendable (Endpoint, Request, RPCCallContext<Request.Reply>) throws -> Void
  ) {
    let call = { @Sendable (endpoint: Endpoint, request: Request, context: RPCCallContext<Request.Reply>) throws in
      do {
        try body(endpoint, request, context)
      } catch {
        // The handler may have answered before it threw; then its error is for `onError` only.
        try? context.fail(Content.thrown(error))
        throw error
      }
    }
    add(
      request: Entry(
        type: ObjectIdentifier(type), name: MessageHead.of(type).name,
        decodeAndRun: { endpoint, reader, remote in
          guard let remote else { return nil }
          let request: Request = try Self.decode(&reader)
          try call(endpoint, request, RPCCallContext(call: .remote(remote)))
          return nil
        },
        run: { endpoint, message in
          guard let message = message as? LocalAsk<Request> else { return nil }
          try call(
            endpoint, message.request, RPCCallContext(call: .local(message.call, sender: message.sender)))
          return nil
        }))
  }

  /// Handles requests of a type with a handler that returns the reply.
  public mutating func ask<Request: RPCRequest>(
    _ type: Request.Type, _ body: @escaping @Sendable (Endpoint, Request) throws -> Request.Reply
  ) {
    ask(type) { endpoint, request, context in try context.reply(try body(endpoint, request)) }
  }

  /// Handles one-way messages of raw bytes, which are valid during the call only.
  public mutating func receiveBytes(_ body: @escaping @Sendable (Endpoint, RawSpan) throws -> Void) {
    onBytes = body
  }

  /// Handles requests of raw bytes, which are valid during the call only.
  public mutating func askBytes(
    _ body: @escaping @Sendable (Endpoint, RawSpan, RPCBytesCallContext) throws -> Void
  ) {
    onBytesRequest = body
  }

  mutating func add(message entry: Entry) {
    add(entry, to: \.messages)
    messageTypes = messages.map(\.type)
  }

  mutating func add(request entry: Entry) {
    add(entry, to: \.requests)
    requestTypes = requests.map(\.type)
  }

  private mutating func add(_ entry: Entry, to path: WritableKeyPath<Self, [Entry]>) {
    if let index = self[keyPath: path].firstIndex(where: { $0.type == entry.type }) {
      self[keyPath: path][index] = entry
      return
    }
    if self[keyPath: path].contains(where: { $0.name == entry.name }) {
      duplicateNames.append(String(decoding: entry.name, as: UTF8.self))
    }
    self[keyPath: path].append(entry)
  }

  static func decode<Message: RPCMessage>(_ reader: inout RPCReader) throws(RPCError) -> Message {
    do {
      let message = try Message(from: &reader)
      if reader.remaining > 0 { throw RPCError(.undecodable, "\(reader.remaining) bytes are left") }
      return message
    } catch {
      throw RPCError(
        .undecodable, "\(Message.messageName) cannot be decoded: \(error)", execution: .notExecuted, cause: error)
    }
  }
}
