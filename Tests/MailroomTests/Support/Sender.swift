import MailroomQueue
import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// An outbox with its event loop, and how the asks that were posted to it ended.
final class Sender: Sendable {
  struct End: Sendable {
    let number: Int
    let error: TransportError?

    func assertIs(
      _ reason: TransportError.Reason, isNotSent: Bool, file: StaticString = #filePath, line: UInt = #line
    ) {
      XCTAssertEqual(error?.reason, reason, "ask \(number): \(String(describing: error))", file: file, line: line)
      XCTAssertEqual(error?.isNotSent, isNotSent, "ask \(number): \(String(describing: error))", file: file, line: line)
    }
  }

  let outbox: Outbox
  let loop: EventLoop
  let ends = Results<End>("the end of an ask")
  private let group: EventLoopGroup
  private let link: Link
  private let hook = Box<@Sendable (Int, (Int) -> Void) -> Void>({ _, _ in })

  /// The codes of the errors of one-way messages that were not sent.
  let lost = Box<[RPCError.Code]>([])
  let route: RemoteRoute
  /// How often the outbox began to connect.
  let attempts = Box(0)
  /// Runs on the loop, right behind the outbox's being told of a connection.
  let onConnected = Box<@Sendable () -> Void>({})

  init(
    _ group: EventLoopGroup, port: Int, _ configuration: TransportConfiguration = .init(), backoff: Duration = .zero,
    marks: FlowMarks = FlowMarks(messages: 100_000, bytes: 1 << 30)
  ) throws {
    self.group = group
    loop = group.next()
    let link = Link()
    self.link = link
    var configuration = configuration
    configuration.closeTimeout = .milliseconds(50)
    let factory = TransportClientFactory(group: group, configuration: configuration) { client in
      Handler(client, link)
    }
    outbox = Outbox(
      address: try RPCAddress(host: "127.0.0.1", port: port), loop: loop,
      policy: Outbox.Policy(
        marks: marks,
        backoff: ReconnectBackoff(first: backoff, maximum: backoff),
        onLost: { [lost] _, count, error in for _ in 0..<count { lost.append(error.code) } })
    ) { [attempts, onConnected] outbox, onResult in
      attempts.update { $0 += 1 }
      factory.unmanagedClient(host: "127.0.0.1", port: port, on: outbox.loop) { result in
        onResult(result.mapError { RPCError($0) })
        if case .success = result { onConnected.value() }
      }
    }
    route = try outbox.route(to: "test") { [] }
    link.outbox.update { [outbox] in $0 = outbox }
  }

  /// Runs where an ask ends, with its number and a function that asks again.
  var onEnd: @Sendable (Int, (Int) -> Void) -> Void {
    get { hook.value }
    set { hook.update { $0 = newValue } }
  }

  /// Keeps the loop from doing anything until the gate is opened.
  func block() async -> Gate {
    let gate = Gate("the end of the loop's block")
    let blocked = Signal("the loop's block")
    loop.execute {
      blocked.fire()
      gate.pass()
    }
    await blocked.comes()
    return gate
  }

  /// Sends a number, in a message of a size, unless the route is full; says whether it was.
  @discardableResult
  func send(_ number: Int, to other: RemoteRoute? = nil, size: Int = 2) -> Bool {
    let route = other ?? route
    let body = body(number, size: size)
    guard route.gauge.admit(bytes: body.count) else { return false }
    outbox.post(OutboxMessage(body, to: route))
    return true
  }

  /// Runs `body` on the loop, with the connection, and returns what it returns.
  func onLoop<Value: Sendable>(_ body: @escaping @Sendable (TransportClient) -> Value) async -> Value? {
    let results = Results<Value?>("the loop's turn")
    loop.execute { [self] in results.add(outbox.directClient(for: route).map(body)) }
    return await results.next()[0]
  }

  func ask(_ number: Int, in timeout: Duration = .seconds(600), isAbandoned: Bool = false) {
    let body = body(number)
    XCTAssertTrue(route.gauge.admit(bytes: body.count), "there is room for asks")
    let sink = Sink(isAbandoned: isAbandoned) { [self] error in
      onEnd(number) { ask($0) }
      ends.add(End(number: number, error: error))
    }
    outbox.post(OutboxMessage(body, to: route, .receiver(sink), deadline: .now.advanced(by: timeout)))
  }

  private func body(_ number: Int, size: Int = 2) -> ByteWriter {
    var writer = ByteWriter()
    for _ in 2..<max(2, size) { writer.append(0) }
    writer.append(integer: UInt16(number))
    return writer
  }

  /// Receives `count` frames and returns the numbers in them.
  func numbers(_ count: Int, at peer: RawSocket) async throws -> [Int] {
    var numbers: [Int] = []
    for _ in 0..<count { numbers.append(try await peer.receiveFrame().suffix(2).reduce(0) { $0 << 8 | Int($1) }) }
    return numbers
  }

  /// As ``numbers(_:at:)``, for many messages of two bytes.
  func numbersBlocking(_ count: Int, at peer: RawSocket) throws -> [Int] {
    let length = FrameFormat.oneWayOverhead + 2
    let bytes = try peer.receiveBlocking(count * length)
    return stride(from: 0, to: bytes.count, by: length).map { start in
      Int(bytes[start + length - 2]) << 8 | Int(bytes[start + length - 1])
    }
  }

  /// Ends the loop.
  func end() async {
    await group.shutdown()
    link.outbox.update { $0 = nil }
    // They refer back; an environment that ends sees to that.
    outbox.endRoutes()
  }

  private final class Link: Sendable {
    let outbox = Box<Outbox?>(nil)
  }

  /// Tells the outbox when its connection has ended, as an environment does.
  private final class Handler: ConnectionHandler {
    private let client: TransportClient
    private let link: Link

    init(_ client: TransportClient, _ link: Link) { (self.client, self.link) = (client, link) }

    func receive(request body: RawSpan, responder: RPCResponder) {}
    func receive(oneWay body: RawSpan) {}
    func connectionDidClose(_ error: TransportError?) { link.outbox.value?.didLose(client) }
  }

  private final class Sink: TransportResponseReceiver {
    let isAbandoned: Bool
    private let onEnd: @Sendable (TransportError?) -> Void

    init(isAbandoned: Bool, onEnd: @escaping @Sendable (TransportError?) -> Void) {
      self.isAbandoned = isAbandoned
      self.onEnd = onEnd
    }

    func receive(_ response: borrowing TransportResponse) {
      switch response {
      case .success: onEnd(nil)
      case .failure(let error): onEnd(error)
      }
    }
  }
}
