import MailroomQueue
import TestSupport
import XCTest

@testable import MailroomTransport

/// How a request ended, with bytes of its own.
enum Outcome: Equatable, Sendable {
  case success([UInt8])
  case failure(TransportError.Reason, String)

  init(_ response: borrowing TransportResponse) {
    switch response {
    case .success(let body): self = .success(body.array())
    case .failure(let error): self = .failure(error.reason, error.message)
    }
  }

  /// Why it failed, if it did.
  var reason: TransportError.Reason? {
    if case .failure(let reason, _) = self { reason } else { nil }
  }

  /// The answer's body, if there is one.
  var body: [UInt8]? {
    if case .success(let body) = self { body } else { nil }
  }
}

/// What a test is told of one request: everything, so that it notices when it is told twice.
final class Reply: TransportResponseReceiver {
  private let signal: Signal
  private let told = Box<[Outcome]>([])
  private let lastError = Box<TransportError?>(nil)

  init(_ name: String = "an answer") { signal = Signal(name) }

  func receive(_ response: borrowing TransportResponse) {
    switch response {
    case .success: break
    case .failure(let error): lastError.update { $0 = error }
    }
    told.append(Outcome(response))
    signal.fire()
  }

  /// All that was told so far.
  var outcomes: [Outcome] { told.value }
  /// The last error that was told.
  var error: TransportError? { lastError.value }

  /// Waits for the outcome; fails the test if it does not come.
  @discardableResult
  func outcome(seconds: Int = 20, file: StaticString = #filePath, line: UInt = #line) -> Outcome? {
    guard outcomes.isEmpty else { return outcomes[0] }
    signal.wait(seconds: seconds, file: file, line: line)
    return outcomes.first
  }
}

extension TransportClient {
  /// Sends a request, and has its end told to the result.
  func ask(
    _ body: [UInt8], timeout: Duration = .seconds(30), name: String = "an answer"
  ) throws(TransportError) -> Reply {
    let reply = Reply(name)
    try sendRPC(.receiver(reply), deadline: MonotonicTime.now.advanced(by: timeout)) { $0.append(body) }
    return reply
  }

  /// As with bytes, with the text's.
  func ask(_ text: String, timeout: Duration = .seconds(30)) throws(TransportError) -> Reply {
    try ask(Array(text.utf8), timeout: timeout, name: "the answer to \(text.prefix(40))")
  }

  /// Sends a one-way message.
  func tell(_ body: [UInt8]) throws(TransportError) { try send(body.rawSpan) }
}
