internal import MailroomQueue
internal import MailroomTransport

/// Serves one connection of an environment: finds the endpoint that a message is for, and hands it to its inbox.
///
/// Loop-confined.
///
/// Lookups are answered right here, so that they never wait behind messages of users.
final class RemoteHandler: ConnectionHandler {
  /// The name that lookups are addressed to; the reference's.
  static let verifierName = "endpoint-verifier"

  private static let introductionName = Array(Introduction.endpointName.utf8)

  let peer: RemotePeer
  /// What references in messages are bound to.
  let source: MessageSource
  var client: TransportClient { peer.client }
  var env: RPCEnv { peer.env }
  private let routes = Confined(RouteCache())
  let numbered = Confined(NumberedEnvelopes())
  // In boxes, for every message touches them.
  private let last = Confined(LastRoute())
  let turn = Confined(TurnInPlace())
  let spare = Confined(SpareCall())
  /// Messages of this batch of reading that are still to be posted.
  let waiting = Confined(WaitingMessages())

  /// What references in replies are bound to, as in messages.
  var asker: (any AnyObject & Sendable)? { source }

  init(_ peer: RemotePeer) {
    self.peer = peer
    source = MessageSource(env: peer.env, peer: peer)
  }

  func receive(request body: RawSpan, responder: RPCResponder) {
    if let number = body.shortPrefixNumber {
      let content = body.droppingShortPrefixNumber()
      if last.value.isNumbered(number) {
        if servesInTurn(content, responder) || joins(content, responder) { return }
        if content.byte(at: 0) != Content.java, let route = last.value.route {
          return deliver(request: content, responder, to: route)
        }
      }
      if numbered.value.isScattered && servesAlone(content, behind: number, responder) { return }
      return receive(request: content, behind: number, responder)
    }
    if let number = body.longPrefixNumber {
      let content = body.droppingLongPrefixNumber()
      if numbered.value.isScattered && servesAlone(content, behind: number, responder) { return }
      return receive(request: content, behind: number, responder)
    }
    let length = last.value.envelopeLength(in: body)
    if length >= 0 {
      let content = body.dropping(length)
      if servesInTurn(content, responder) { return }
      if content.byte(at: 0) != Content.java, let route = last.value.route {
        return deliver(request: content, responder, to: route)
      }
    }
    do {
      let envelope = try Envelope(parsing: body)
      guard let route = route(for: envelope, envelope.content, responder) else { return }
      remember(route, envelope, of: body)
      deliver(request: envelope.content, responder, to: route)
    } catch {
      responder.fail("The request's envelope cannot be read: \(error)")
    }
  }

  private func receive(request content: RawSpan, behind number: Int, _ responder: RPCResponder) {
    if numbered.value.isTyped(number) { return receive(typedRequest: content, behind: number, responder) }
    if let route = numbered.value.route(number), content.byte(at: 0) != Content.java {
      if !numbered.value.isScattered { last.value.note(route, number) }
      return deliver(request: content, responder, to: route)
    }
    if let route = find(number, content, responder) { deliver(request: content, responder, to: route) }
  }

  private func receive(typedRequest value: RawSpan, behind number: Int, _ responder: RPCResponder) {
    guard let route = numbered.value.route(number) ?? find(number, value, responder) else { return }
    last.value.noteTyped(route)
    let handler = numbered.value.handlers(number).request
    guard handler >= 0 else {
      // Whoever says that there is no handler is to say for what.
      return deliver(request: numbered.value.content(number, value).rawSpan, responder, to: route)
    }
    if collects(value, route) { return collect(value, by: handler, RemoteRequest(responder), for: route.inbox) }
    let hasCall = spare.value.begin(responder)
    if hasCall && hasTurn
      && wasServed(spare.value.deliver(value, to: handler, from: source, by: last.value))
    {
      return spare.value.settle()
    }
    if !hasCall { spare.value.call = call(for: RemoteRequest(responder)) }
    deliver(value, by: handler, MessageOrigin(call: spare.value.call, source: source), to: route)
    spare.value.settle()
  }

  /// Finds the endpoint that requests behind a number are for, and the handlers of typed ones; nil when this one was answered here.
  private func find(_ number: Int, _ content: RawSpan, _ responder: RPCResponder) -> InboxRoute? {
    guard let bytes = numbered.value.envelope(number), let envelope = try? Envelope(parsing: bytes.rawSpan) else {
      responder.fail("The request's envelope cannot be read: the number \(number) stands for none")
      return nil
    }
    // With a head, that says what it is, and not what follows.
    let route = route(for: envelope, envelope.content.byteCount > 0 ? envelope.content : content, responder)
    numbered.value.note(route, for: number)
    return route
  }

  /// The endpoint that a request is for; nil for one that is answered here, because it is for none or about the environment.
  private func route(
    for envelope: borrowing Envelope, _ content: RawSpan, _ responder: RPCResponder
  ) -> InboxRoute? {
    if envelope.name.equals(Self.introductionName.rawSpan) {
      introduce(content, from: envelope.sender, responder)
      return nil
    }
    peer.announce(envelope.sender)
    if content.byte(at: 0) == Content.java {
      receive(javaObject: content, to: envelope.name, responder)
      return nil
    }
    if let route = find(envelope.name) { return route }
    let error = Self.notFound(envelope.name)
    do { try call(for: RemoteRequest(responder)).fail(error) } catch { responder.fail(error.message) }
    return nil
  }

  func receive(oneWay body: RawSpan) {
    if let number = body.shortPrefixNumber {
      let content = body.droppingShortPrefixNumber()
      if last.value.isNumbered(number) {
        if servesInTurn(content) || joins(content) { return }
        if let route = last.value.route { return deliver(content, .oneWay(source), to: route) }
      }
      if numbered.value.isScattered && servesAlone(content, behind: number) { return }
      return receive(oneWay: content, behind: number)
    }
    if let number = body.longPrefixNumber {
      let content = body.droppingLongPrefixNumber()
      if numbered.value.isScattered && servesAlone(content, behind: number) { return }
      return receive(oneWay: content, behind: number)
    }
    let length = last.value.envelopeLength(in: body)
    if length >= 0 {
      let content = body.dropping(length)
      if servesInTurn(content) { return }
      if let route = last.value.route { return deliver(content, .oneWay(source), to: route) }
    }
    guard let envelope = try? Envelope(parsing: body) else { return lost(nil, Self.unreadable) }
    guard let route = route(for: envelope) else { return }
    remember(route, envelope, of: body)
    deliver(envelope.content, .oneWay(source), to: route)
  }

  private func receive(oneWay content: RawSpan, behind number: Int) {
    if numbered.value.isTyped(number) { return receive(typedOneWay: content, behind: number) }
    if let route = numbered.value.route(number) {
      if !numbered.value.isScattered { last.value.note(route, number) }
      return deliver(content, .oneWay(source), to: route)
    }
    if let route = find(number) { deliver(content, .oneWay(source), to: route) }
  }

  private func receive(typedOneWay value: RawSpan, behind number: Int) {
    guard let route = numbered.value.route(number) ?? find(number) else { return }
    last.value.noteTyped(route)
    let handler = numbered.value.handlers(number).message
    guard handler >= 0 else {
      return deliver(numbered.value.content(number, value).rawSpan, .oneWay(source), to: route)
    }
    if hasTurn && wasServed(last.value.deliver(value, to: handler, from: source)) { return }
    deliver(value, by: handler, .oneWay(source), to: route)
  }

  /// As ``find(_:_:_:)``, for one-way messages; nil, and this one is lost, when there is none.
  private func find(_ number: Int) -> InboxRoute? {
    guard let bytes = numbered.value.envelope(number), let envelope = try? Envelope(parsing: bytes.rawSpan) else {
      lost(nil, Self.unreadable)
      return nil
    }
    let route = route(for: envelope)
    numbered.value.note(route, for: number)
    return route
  }

  /// The endpoint that a one-way message is for; nil, and the message is lost, when there is none.
  private func route(for envelope: borrowing Envelope) -> InboxRoute? {
    peer.announce(envelope.sender)
    if let route = find(envelope.name) { return route }
    lost(envelope.name.utf8String(), Self.notFound(envelope.name))
    return nil
  }

  var looksAhead: Bool { numbered.value.isScattered }

  func peerWillSend(to number: Int) { numbered.value.fetch(number) }

  func peerDidNumber(_ prefix: RawSpan, _ number: Int) throws(FrameError) {
    // It may have stood for another prefix.
    last.value.route = nil
    numbered.value.limits = peer.envelopes
    try numbered.value.define(number, prefix)
  }

  private func remember(_ route: InboxRoute, _ envelope: borrowing Envelope, of body: RawSpan) {
    last.value.note(route)
    let bytes = body.dropping(0, last: envelope.content.byteCount)
    route.envelope.value.note(bytes)
  }

  func peerDidPause(_ endpoint: RawSpan) {
    if let name = endpoint.utf8String() { peer.outbox?.pause(name, on: client) }
  }

  func peerDidResume(_ endpoint: RawSpan) {
    if let name = endpoint.utf8String() { peer.outbox?.resume(name, on: client) }
  }

  func connectionDidReadBatch() {
    endTurn()
    numbered.value.didReadBatch()
    postWaiting()
  }

  func connectionDidClose(_ error: TransportError?) {
    connectionDidReadBatch()
    peer.didClose(error)
  }

  /// One-way messages found no endpoint.
  private func lost(_ name: String?, _ error: RPCError, count: Int = 1) {
    env.report(RPCDeadLetter(endpoint: name, peer: nil, count: count, error: error))
  }

  private static let unreadable = RPCError(
    .undecodable, "the message's envelope cannot be read", execution: .notExecuted)

  /// Finds an endpoint by the bytes of its name, without making a string if it was found lately.
  func find(_ name: RawSpan) -> InboxRoute? {
    if let route = routes.value.find(name) { return route }
    guard let text = name.utf8String(), let registration = env.dispatcher.find(text) else { return nil }
    let route = InboxRoute(
      name: Array(text.utf8), inbox: registration.inbox, isHere: registration.eventLoop === client.loop)
    routes.value.insert(route)
    return route
  }

  private func deliver(request content: RawSpan, _ responder: RPCResponder, to route: InboxRoute) {
    guard content.byte(at: 0) == Content.keyed else {
      if collects(content, route) { return collect(content, RemoteRequest(responder), for: route.inbox) }
      if !spare.value.begin(responder) { spare.value.call = call(for: RemoteRequest(responder)) }
      deliver(content, MessageOrigin(call: spare.value.call, source: source), to: route)
      return spare.value.settle()
    }
    var reader = RPCReader(content.dropping(1), from: nil)
    guard let key = try? RPCRequestKey(from: &reader) else {
      return responder.fail("The key of the request cannot be read")
    }
    let (rest, request) = (reader.readRest(), RemoteRequest(responder, key: key))
    if collects(rest, route) { return collect(rest, request, for: route.inbox) }
    deliver(rest, .request(call(for: request)), to: route)
  }

  func call(for request: RemoteRequest) -> RemoteCall { RemoteCall(request, from: peer, source) }

  /// Whether the next message of the last route may be served in the turn that there is.
  ///
  /// What was read before is where it belongs when the handler runs, whose effects may go the same way, or stop an endpoint.
  @inline(__always)
  private var hasTurn: Bool { waiting.value.batch.count == 0 && last.value.has(turn.value) }

  /// Serves a one-way message of the last message's route, if there is a turn for it; says whether it did.
  @inline(__always)
  private func servesInTurn(_ content: RawSpan) -> Bool {
    hasTurn && wasServed(last.value.deliver(content, from: source))
  }

  /// Whether a message was served in the turn that there was, which is over if it was not, or if its handler has suspended.
  @inline(__always)
  private func wasServed(_ delivered: Inbox.DeliveredInPlace) -> Bool {
    switch delivered {
    case .done: return true
    case .suspended:
      // The turn is the handler's now.
      turn.value.inbox = nil
      return true
    case .refused:
      endTurn()
      return false
    }
  }

  /// Serves a request of the last message's route, if there is a turn for it and all it takes; says whether it did.
  @inline(__always)
  private func servesInTurn(_ content: RawSpan, _ responder: RPCResponder) -> Bool {
    guard hasTurn, content.byte(at: 0) == Content.raw || content.byte(at: 0) == Content.typed,
      spare.value.begin(responder)
    else { return false }
    switch spare.value.deliver(content, from: source, to: last.value) {
    case .done: break
    case .suspended: turn.value.inbox = nil
    case .refused:
      endTurn()
      if let route = last.value.route {
        deliver(content, MessageOrigin(call: spare.value.call, source: source), to: route)
      }
    }
    spare.value.settle()
    return true
  }

  /// - Parameter handler: the one that a typed message's value is for, if it is known.
  func deliver(
    _ content: RawSpan, by handler: Int = TypeHandlers.missing, _ origin: MessageOrigin, to route: InboxRoute
  ) {
    let inbox = route.inbox
    if route.isHere {
      if waiting.value.batch.count > 0 { postWaiting() }
      if !turn.value.isOf(inbox) {
        endTurn()
        if inbox.beginTurnInPlace() { turn.value.inbox = inbox }
      }
      if turn.value.isOf(inbox) {
        let delivered =
          handler < 0
          ? inbox.deliverInPlace(content, origin.call, from: origin.source)
          : inbox.deliverInPlace(content, to: handler, origin.call, from: origin.source)
        if wasServed(delivered) { return }
      }
    }
    if origin.call == nil && collects(content, route) { return collect(content, by: handler, nil, for: inbox) }
    if waiting.value.areFor(inbox) { postWaiting() }
    didPost(
      inbox.postRemote(content: content.array(), origin: origin, to: handler), to: inbox, count: 1,
      size: content.byteCount, oneWays: origin.call == nil ? 1 : 0)
  }

  /// Whether messages for a route's inbox are posted together.
  private func collects(_ content: RawSpan, _ route: InboxRoute) -> Bool {
    // What runs on this loop may be served in place the next moment, which must not overtake anything.
    !route.isHere && route.inbox.takesBatches && content.byteCount <= RemoteBatch.longestContent
  }

  /// Has a message wait for others that go to the same inbox, if ``collects(_:_:)`` says so.
  private func collect(
    _ content: RawSpan, by handler: Int = TypeHandlers.missing, _ request: RemoteRequest?, for inbox: Inbox
  ) {
    if !waiting.value.areFor(inbox) {
      postWaiting()
      waiting.value.inbox = inbox
    }
    waiting.value.batch.append(content, to: handler, request)
    if waiting.value.areDue() { postWaiting() }
  }

  /// Has a message of the last message's route wait for others, if some wait for the same inbox already; says whether it does.
  @inline(__always)
  private func joins(_ content: RawSpan, _ responder: RPCResponder? = nil) -> Bool {
    guard waiting.value.batch.count > 0, last.value.has(waiting.value),
      content.byteCount <= RemoteBatch.longestContent,
      responder == nil || content.byte(at: 0) == Content.raw || content.byte(at: 0) == Content.typed
    else { return false }
    waiting.value.batch.append(content, responder.map { RemoteRequest($0) })
    if waiting.value.areDue() { postWaiting() }
    return true
  }

  /// Posts what waits: at the end of a batch of reading, or before something else.
  func postWaiting() {
    let (count, size) = (waiting.value.batch.count, waiting.value.batch.size)
    guard count > 0, let inbox = waiting.value.inbox else { return }
    let oneWays = waiting.value.batch.oneWays
    if count == 1 {
      let (content, handler, origin) = waiting.value.batch.takeOnly(from: source)
      let posted = inbox.postRemote(content: content, origin: origin, to: handler)
      return didPost(posted, to: inbox, count: 1, size: size, oneWays: oneWays)
    }
    let posted = inbox.post(waiting.value.batch.take(from: source), count: count, size: size)
    didPost(posted, to: inbox, count: count, size: size, oneWays: oneWays)
  }

  private func didPost(_ posted: Inbox.PostedRemote, to inbox: Inbox, count: Int, size: Int, oneWays: Int) {
    switch posted {
    case .taken: break
    case .takenAndFull: peer.feed.inboxIsFull(inbox, messages: count, bytes: size)
    case .refused: if oneWays > 0 { lost(inbox.name, .stopped(inbox.name), count: oneWays) }
    }
  }

  func endTurn() { turn.value.end() }
}
