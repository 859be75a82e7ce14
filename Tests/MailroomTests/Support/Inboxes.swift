import TestSupport

@testable import Mailroom

/// Gives turns when a test says so.
final class ManualScheduler: InboxScheduler {
  private let scheduled = Box<[Inbox]>([])
  let threads: Int

  init(threads: Int = 1) { self.threads = threads }

  func nameOfThread(_ number: Int) -> String { "manual-\(number)" }

  func schedule(_ inbox: Inbox) { scheduled.append(inbox) }

  /// How many turns are owed.
  var count: Int { scheduled.value.count }

  /// Gives the oldest turn that is owed; false when none is.
  @discardableResult
  func giveTurn() -> Bool {
    var first: Inbox?
    scheduled.update { if !$0.isEmpty { first = $0.removeFirst() } }
    first?.takeTurn()
    return first != nil
  }

  /// Gives turns until none is owed.
  func giveAllTurns() { while giveTurn() {} }
}

/// Writes down what an inbox hands over.
final class DeliveryLog: EndpointDelivery {
  let events = Box<[String]>([])
  /// Runs inside of every delivery of a message.
  let onMessage: @Sendable (String) -> Void
  /// What the handler of a message waits for, if it may suspend.
  let suspending: @Sendable (String) -> Suspension?
  let identity: ObjectIdentifier
  let isConcurrent: Bool
  var places: EndpointPlaces { EndpointPlaces() }

  init(
    isConcurrent: Bool = false, suspending: @escaping @Sendable (String) -> Suspension? = { _ in nil },
    onMessage: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.suspending = suspending
    self.isConcurrent = isConcurrent
    self.onMessage = onMessage
    identity = ObjectIdentifier(events)
  }

  func start(_ me: RPCEndpointRef) { events.append("start") }
  func stop() { events.append("stop") }

  func deliver(_ content: RawSpan, _ call: RemoteCall?, from source: MessageSource?) -> HandlerTask? {
    take(String(decoding: content.array(), as: UTF8.self))
  }

  func handlers(named name: RawSpan) -> TypeHandlers { .none }

  func deliver(_ value: RawSpan, to handler: Int, _ call: RemoteCall?, from source: MessageSource?) -> HandlerTask? {
    take("\(handler): \(String(decoding: value.array(), as: UTF8.self))")
  }

  func deliver(_ event: PeerEvent) {
    switch event {
    case .connected(let peer): events.append("connected \(peer)")
    case .disconnected(let peer): events.append("disconnected \(peer)")
    case .failed(let error, let peer): events.append("failed \(error.code) \(peer)")
    }
  }

  func deliver(_ message: any LocalMessage) -> HandlerTask? {
    switch message {
    case let message as LocalOneWay<Note>: return take(message.message.text)
    case let message as LocalAsk<Say>:
      defer { try? message.call.reply(message.request.text) }
      return take(message.request.text)
    default: return take("a message of another type")
    }
  }

  func deliver(_ bytes: [UInt8]) { _ = take(String(decoding: bytes, as: UTF8.self)) }

  func deliver(_ bytes: [UInt8], _ call: LocalBytesCall?) {
    deliver(bytes)
    try? call?.reply(bytes)
  }

  private func take(_ text: String) -> HandlerTask? {
    events.append(text)
    onMessage(text)
    return suspending(text).map { suspension in
      HandlerTask { [events] in
        await suspension.wait()
        events.append("end of \(text)")
      }
    }
  }
}

/// Writes down what an inbox tells its owner, into the log of its endpoint.
final class OwnerLog: InboxOwner {
  let events: Box<[String]>
  let ended = Signal("the end of the inbox")

  init(_ events: Box<[String]>) { self.events = events }

  func inboxWillStop(_ inbox: Inbox) { events.append("will stop") }

  func inboxDidStop(_ inbox: Inbox) {
    events.append("did stop")
    ended.fire()
  }
}

extension Inbox {
  /// An inbox whose endpoint and owner write into one log.
  static func logging(
    named name: String = "inbox", _ scheduler: any InboxScheduler, budget: TurnLimit.Budget = .init(),
    bounds: InboxBounds = InboxBounds(), isConcurrent: Bool = false,
    onMessage: @escaping @Sendable (String) -> Void = { _ in },
    suspending: @escaping @Sendable (String) -> Suspension? = { _ in nil }
  ) -> (inbox: Inbox, log: DeliveryLog, owner: OwnerLog) {
    let log = DeliveryLog(isConcurrent: isConcurrent, suspending: suspending, onMessage: onMessage)
    let owner = OwnerLog(log.events)
    return (
      Inbox(name: name, endpoint: log, scheduler: scheduler, budget: budget, bounds: bounds, owner: owner),
      log, owner
    )
  }

  /// Posts a one-way message of the same environment; says whether it was taken.
  @discardableResult
  func post(_ text: String) -> Bool { post(.local(LocalOneWay(Note(text: text)))) }
}
