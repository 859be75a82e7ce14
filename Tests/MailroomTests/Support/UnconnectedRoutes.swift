import MailroomQueue
import XCTest

@testable import Mailroom

extension EnvironmentTestCase {
  /// Routes of an outbox that never connects.
  func makeRoutes(_ names: String...) throws -> [RemoteRoute] {
    let outbox = Outbox(
      address: try RPCAddress(host: "127.0.0.1", port: 1), loop: try makeGroup().next(),
      policy: Outbox.Policy(
        marks: FlowMarks(messages: 100, bytes: 1 << 20), backoff: ReconnectBackoff(first: .zero, maximum: .zero),
        onLost: { _, _, _ in })
    ) { _, _ in }
    addTeardownBlock { outbox.endRoutes() }
    return try names.map { name in try outbox.route(to: name) { [] } }
  }
}
