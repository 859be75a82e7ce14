import TestSupport
import XCTest

@testable import MailroomTransport

/// Rows RI1 to RI7 of the reference: requests and one-way messages over real sockets.
final class RPCIntegrationTests: TransportTestCase {
  /// Sends all requests at once, and returns how each ended.
  private func outcomes(_ texts: String...) throws -> [Outcome?] {
    let client = try makePair()
    let replies = try texts.map { try client.ask($0) }
    let outcomes = replies.map { $0.outcome() }
    XCTAssertTrue(client.isActive)
    XCTAssertEqual(client.unknownReplies, 0)
    for reply in replies { XCTAssertEqual(reply.outcomes.count, 1) }
    return outcomes
  }

  private func success(_ text: String) -> Outcome { .success(Array(text.utf8)) }

  func testRI1SingleRPC() throws {
    XCTAssertEqual(try outcomes("hello/Aaron"), [success("Hello, Aaron!")])
  }

  func testRI2DoubleRPC() throws {
    XCTAssertEqual(
      try outcomes("hello/Aaron", "hello/Reynold"), [success("Hello, Aaron!"), success("Hello, Reynold!")])
  }

  func testRI3ReturnErrorRPC() throws {
    XCTAssertEqual(try outcomes("return error/OK"), [.failure(.remoteFailure, "Returned: OK")])
  }

  func testRI4ThrowErrorRPC() throws {
    struct Thrown: Error { let text: String }
    let service = ServiceLog { service in
      service.onRequest = { body, responder in
        do {
          throw Thrown(text: body.utf8String() ?? "")
        } catch {
          responder.fail("\(error)")
        }
      }
    }
    let client = try makePair(service)
    let outcome = try client.ask("uh-oh").outcome()
    XCTAssertEqual(outcome?.reason, .remoteFailure)
    guard case .failure(_, let message) = outcome else { return XCTFail("no failure") }
    XCTAssertTrue(message.contains("uh-oh"), message)
  }

  func testRI5DoubleTrouble() throws {
    XCTAssertEqual(
      try outcomes("return error/OK", "return error/too"),
      [.failure(.remoteFailure, "Returned: OK"), .failure(.remoteFailure, "Returned: too")])
  }

  func testRI6SendSuccessAndFailure() throws {
    XCTAssertEqual(
      try outcomes("hello/Bob", "return error/the", "hello/Builder", "return error/!"),
      [
        success("Hello, Bob!"), .failure(.remoteFailure, "Returned: the"), success("Hello, Builder!"),
        .failure(.remoteFailure, "Returned: !"),
      ])
  }

  func testRI7SendOneWayMessage() throws {
    let service = ServiceLog()
    var configuration = TransportConfiguration()
    configuration.maximumPendingReplies = 1
    let client = try makePair(service, configuration: configuration)
    let message = Array("no reply".utf8)
    for _ in 0..<3 { try client.tell(message) }
    let log = try XCTUnwrap(service.connection())
    log.noted.wait(3)
    XCTAssertEqual(log.oneWays.value, [message, message, message])
    // One request may wait for its answer, so none of the messages does.
    XCTAssertEqual(try client.ask("hello/you").outcome(), success("Hello, you!"))
  }
}
