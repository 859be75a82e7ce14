import XCTest

@testable import Mailroom

/// What rows TO-2 and RE33 of the acceptance table say about messages.
final class RPCErrorTimeoutTests: XCTestCase {
  private let suffix = "This timeout is controlled by spark.rpc.askTimeout"

  func testRE33TheMessageNamesTheSetting() {
    let error = RPCError(.timeout, "no answer before the deadline", execution: .unknown)
    let named = error.controlled(by: RPCConfiguration().askTimeoutSource)
    XCTAssertEqual(named.message, "no answer before the deadline. " + suffix)
    XCTAssertEqual(named.code, .timeout)
    XCTAssertEqual(named.execution, .unknown)
  }

  func testRE33TheDescriptionIsNotDoubled() {
    let named = RPCError(.timeout, "no answer.").controlled(by: "spark.rpc.askTimeout")
    XCTAssertEqual(named.message, "no answer. " + suffix)
    XCTAssertEqual(named.controlled(by: "spark.rpc.askTimeout").message, named.message)
    XCTAssertEqual(named.controlled(by: "spark.rpc.lookupTimeout").message, named.message)
  }

  func testRE33OtherErrorsStayAsTheyAre() {
    for code in [RPCError.Code.connectionLost, .cancelled, .handlerFailed] {
      XCTAssertEqual(RPCError(code, "why").controlled(by: "spark.rpc.askTimeout").message, "why")
    }
  }

  func testTheRestOfTheErrorIsKept() {
    let cause = RPCError(.connectFailed, "inner")
    let error = RPCError(.timeout, "m", execution: .notExecuted, remoteType: "T", cause: cause).controlled(by: "k")
    XCTAssertEqual(error.execution, .notExecuted)
    XCTAssertEqual(error.remoteType, "T")
    XCTAssertEqual((error.cause as? RPCError)?.message, "inner")
  }
}
