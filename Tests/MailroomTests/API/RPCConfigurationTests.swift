import XCTest

@testable import Mailroom

final class RPCConfigurationTests: XCTestCase {
  func testDefaults() {
    let configuration = RPCConfiguration()
    XCTAssertEqual(configuration.askTimeout, .seconds(120))
    XCTAssertEqual(configuration.lookupTimeout, .seconds(120))
    XCTAssertEqual(configuration.retryAttempts, 3)
    XCTAssertEqual(configuration.retryWait, .seconds(3))
    XCTAssertEqual(configuration.reconnectDelay, .milliseconds(100))
    XCTAssertEqual(configuration.maximumReconnectDelay, .seconds(5))
    XCTAssertEqual(configuration.transport.maximumConcurrentConnects, 64)
    XCTAssertEqual(configuration.portRetries, 16)
    XCTAssertGreaterThanOrEqual(configuration.messageLoopThreads, 2)
    XCTAssertEqual(configuration.eventLoops, 1)
    XCTAssertEqual(configuration.busyPoll, .zero)
    XCTAssertNil(configuration.eventLoopProcessors)
    XCTAssertNil(configuration.messageLoopProcessors)
    XCTAssertEqual(configuration.maximumInboxMessages, 16_384)
    XCTAssertEqual(configuration.maximumInboxBytes, 16 << 20)
    XCTAssertEqual(configuration.maximumOutboxMessages, 131_072)
    XCTAssertEqual(configuration.maximumOutboxBytes, 64 << 20)
    XCTAssertEqual(configuration.slowTurnThreshold, .seconds(5))
    XCTAssertEqual(configuration.shutdownTimeout, .seconds(10))
  }

  func testCodeThatSetsATimeoutIsItsSource() {
    var configuration = RPCConfiguration()
    XCTAssertEqual(configuration.askTimeoutSource, "spark.rpc.askTimeout")
    XCTAssertEqual(configuration.lookupTimeoutSource, "spark.rpc.lookupTimeout")
    configuration.askTimeout = .seconds(120)
    XCTAssertEqual(configuration.askTimeoutSource, "RPCConfiguration.askTimeout")
    XCTAssertEqual(configuration.lookupTimeoutSource, "spark.rpc.lookupTimeout")
    configuration.lookupTimeout += .seconds(1)
    XCTAssertEqual(configuration.lookupTimeoutSource, "RPCConfiguration.lookupTimeout")
  }
}
