import TestSupport
import XCTest

@testable import MailroomTransport

/// Is told of a request's id too.
final class IdentifiedAsker: TransportResponseReceiver {
  let reply = Reply()
  let sent = Signal("the request to be sent")
  let id = Box<Int64?>(nil)
  let isCancelling: Bool

  init(isCancelling: Bool = false) { self.isCancelling = isCancelling }

  func receive(_ response: borrowing TransportResponse) { reply.receive(response) }

  func wasSent(_ requestID: Int64, on client: TransportClient) {
    XCTAssertTrue(client.loop.isCurrent)
    XCTAssertNil(id.value)
    id.update { $0 = requestID }
    if isCancelling { client.cancel(requestID) }
    sent.fire()
  }
}
