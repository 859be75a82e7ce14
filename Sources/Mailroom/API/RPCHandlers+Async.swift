/// A handler that may suspend, with its message and the means to answer it; waits for its endpoint.
typealias AsyncHandler<Endpoint> = @Sendable (Endpoint) async throws -> Void

/// Handlers that may suspend.
///
/// They begin on the endpoint's own thread like any other handler, and go on on Swift's threads once they have suspended. A
/// serial endpoint still handles one message at a time: while a handler is suspended, nothing else of the endpoint runs, and
/// `onStop` waits for it too. So a handler that asks its own serial endpoint waits in vain, as two do that ask each other. The
/// handlers of an ``RPCConcurrentEndpoint`` overlap; its inbox is full when as many are suspended as it may hold messages.
///
/// A handler's task is cancelled when the environment shuts down and the time for that is over.
///
/// `onStart` and `onStop` cannot suspend, since everything waits for them, and raw bytes are lent for the time of one call,
/// so their handlers cannot either; both may answer later, through a context or from a task of their own.
extension RPCHandlers {
  /// Handles one-way messages of a type with a handler that may suspend.
  ///
  /// The last handler for a type counts.
  public mutating func receive<Message: RPCMessage>(
    _ type: Message.Type, _ body: @escaping @Sendable (Endpoint, Message) async throws -> Void
  ) {
    add(
      message: Entry(
        type: ObjectIdentifier(type), name: MessageHead.of(type).name,
        decodeAndRun: { _, reader, _ in
          let message: Message = try Self.decode(&reader)
          return { endpoint in try await body(endpoint, message) }
        },
        run: { _, message in
          guard let message = message as? LocalOneWay<Message> else { return nil }
          return { endpoint in try await body(endpoint, message.message) }
        }))
  }

  /// Handles requests of a type with a handler that may suspend, and answers through the context, now or later.
  public mutating func ask<Request: RPCRequest>(
    _ type: Request.Type,
    _ body: @escaping @Sendable (Endpoint, Request, RPCCallContext<Request.Reply>) async throws -> Void
  ) {
    let handler = { @Sendable (request: Request, context: RPCCallContext<Request.Reply>) -> AsyncHandler<Endpoint> in
      { endpoint in
        do {
          try await body(endpoint, request, context)
        } catch {
          // The handler may have answered before it threw; then its error is for `onError` only.
          try? context.fail(Content.thrown(error))
          throw error
        }
      }
    }
    add(
      request: Entry(
        type: ObjectIdentifier(type), name: MessageHead.of(type).name,
        decodeAndRun: { _, reader, remote in
          guard let remote else { return nil }
          let request: Request = try Self.decode(&reader)
          return handler(request, RPCCallContext(call: .remote(remote)))
        },
        run: { _, message in
          guard let message = message as? LocalAsk<Request> else { return nil }
          return handler(message.request, RPCCallContext(call: .local(message.call, sender: message.sender)))
        }))
  }

  /// Handles requests of a type with a handler that may suspend, and returns the reply.
  public mutating func ask<Request: RPCRequest>(
    _ type: Request.Type, _ body: @escaping @Sendable (Endpoint, Request) async throws -> Request.Reply
  ) {
    ask(type) { endpoint, request, context in try context.reply(try await body(endpoint, request)) }
  }
}
