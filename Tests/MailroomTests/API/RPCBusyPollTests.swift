import TestSupport
import XCTest

@testable import Mailroom

/// Environments whose threads look for work before they sleep.
final class RPCBusyPollTests: EnvironmentTestCase {
  private func configuration(_ busyPoll: Duration) -> RPCConfiguration {
    var configuration = RPCConfiguration()
    configuration.busyPoll = busyPoll
    configuration.eventLoops = 2
    return configuration
  }

  func testAllKindsOfDispatchAnswer() async throws {
    // The long one never sleeps while there is a core for it; the short one sleeps again and again.
    for busyPoll in [Duration.seconds(3600), .microseconds(10)] {
      let server = try await makeServer(configuration(busyPoll))
      let client = try await makeClient(configuration(busyPoll))
      for (index, dispatch) in Way.dispatches.enumerated() {
        let local = try server.register("echo-\(index)", Echo(), on: dispatch)
        let remote = try await client.endpointRef(server.uri("echo-\(index)"))
        for ref in [local, remote] {
          for number in 0..<50 {
            let reply = try await ref.ask(Say(text: "\(number)"))
            XCTAssertEqual(reply, "\(number)", "\(dispatch)")
          }
        }
      }
      let calls = Results<RPCCallContext<String>>("a call")
      try server.register("silent", Scripted.answering { _, call in calls.add(call) })
      let silent = try await client.endpointRef(server.uri("silent"))
      await assertThrows(.timeout) { try await silent.ask(Say(text: ""), timeout: .milliseconds(5)) }
      calls.clear()
      await client.shutdown()
      await server.shutdown()
    }
  }

  func testEnvironmentsThatSpinShutDown() async throws {
    for _ in 0..<5 {
      let server = try await makeServer(configuration(.seconds(3600)))
      try server.register("echo", Echo())
      try server.register("own", Echo(), on: .dedicated())
      await server.shutdown()
    }
  }
}
