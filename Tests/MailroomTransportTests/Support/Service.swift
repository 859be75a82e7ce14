import TestSupport

@testable import MailroomTransport

/// What happened on one connection, as its handler was told.
final class ConnectionLog: Sendable {
  /// Fires when the handler was told of the opening, of each one-way message, each request that it holds, and the end.
  let opened = Signal("a connection to open")
  let noted = Signal("a one-way message")
  let holding = Signal("a request to be held")
  let closed = Signal("a connection to close")

  /// In the order told: "open", "request", "one-way", "pause", "resume", "batch", "close".
  let events = Box<[String]>([])
  let oneWays = Box<[[UInt8]]>([])
  /// Requests that were not answered.
  let held = Box<[RPCResponder]>([])
  /// What the handler was told at the end, as often as it was.
  let ends = Box<[TransportError?]>([])
  let client: TransportClient

  init(_ client: TransportClient) { self.client = client }

  /// Why the connection ended, if that was an error; fails the test when it does not end.
  func end(seconds: Int = 20, file: StaticString = #filePath, line: UInt = #line) -> TransportError? {
    closed.wait(seconds: seconds, file: file, line: line)
    return ends.value.first ?? nil
  }
}

/// The connections of one side of a test, and what serves them.
final class ServiceLog: Sendable {
  let accepted = Signal("a connection")
  private let logs = Box<[ConnectionLog]>([])
  private let changes: @Sendable (Service) -> Void

  /// - Parameter changes: is run on every new handler, to change what it does.
  init(_ changes: @escaping @Sendable (Service) -> Void = { _ in }) { self.changes = changes }

  /// All connections, in the order made.
  var connections: [ConnectionLog] { logs.value }

  /// Waits for the next connection, which must be the `count`th.
  func connection(_ count: Int = 1, file: StaticString = #filePath, line: UInt = #line) -> ConnectionLog? {
    while connections.count < count { if !accepted.wait(file: file, line: line) { return nil } }
    return connections[count - 1]
  }

  /// Makes handlers for the connections.
  var factory: ConnectionHandlerFactory {
    { [self] client in
      let log = ConnectionLog(client)
      let service = Service(log)
      changes(service)
      logs.append(log)
      accepted.fire()
      return service
    }
  }
}

/// Does what requests say: "hello/NAME", "return error/TEXT", "hold" (no answer), "close", "size/COUNT"; echoes all others.
final class Service: ConnectionHandler {
  let log: ConnectionLog
  /// Run in place of what is said above.
  var onRequest: ((RawSpan, RPCResponder) -> Void)?
  var onOneWay: ((RawSpan) -> Void)?
  var onOpen: (() -> Void)?
  var onClose: ((TransportError?) -> Void)?

  init(_ log: ConnectionLog) { self.log = log }

  func connectionDidOpen() {
    log.events.append("open")
    log.opened.fire()
    onOpen?()
  }

  func receive(request body: RawSpan, responder: RPCResponder) {
    log.events.append("request")
    if let onRequest { return onRequest(body, responder) }
    do throws(TransportError) {
      try answer(body, responder)
    } catch {
      responder.fail("not answered: \(error)")
    }
  }

  private func answer(_ body: RawSpan, _ responder: RPCResponder) throws(TransportError) {
    let text = body.byteCount < 200 ? body.utf8String() ?? "" : ""
    let command = text.prefix { $0 != "/" }
    let argument = String(text.dropFirst(command.count + 1))
    switch command {
    case "hello": try responder.succeed(Array("Hello, \(argument)!".utf8).rawSpan)
    case "return error": responder.fail("Returned: \(argument)")
    case "size": try responder.succeed([UInt8](repeating: 0x5A, count: Int(argument) ?? 0).rawSpan)
    case "close": responder.client.close()
    case "hold":
      log.held.append(responder)
      log.holding.fire()
    default: try responder.succeed(body)
    }
  }

  func receive(oneWay body: RawSpan) {
    log.events.append("one-way")
    log.oneWays.append(body.array())
    onOneWay?(body)
    log.noted.fire()
  }

  func peerDidPause(_ endpoint: RawSpan) { log.events.append("pause") }
  func peerDidResume(_ endpoint: RawSpan) { log.events.append("resume") }
  func connectionDidReadBatch() { log.events.append("batch") }

  func connectionDidClose(_ error: TransportError?) {
    log.events.append("close")
    log.ends.append(error)
    onClose?(error)
    log.closed.fire()
  }
}

/// Echoes requests, and keeps nothing.
final class Echo: ConnectionHandler {
  func receive(request body: RawSpan, responder: RPCResponder) { try? responder.succeed(body) }
  func receive(oneWay body: RawSpan) {}
}
