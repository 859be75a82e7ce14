import TestSupport
import XCTest

@testable import MailroomTransport

/// That nothing of what is opened stays open.
final class UVHandleTests: TransportTestCase {
  func testHandleIsCountedUntilItsCloseCallback() throws {
    let core = try LoopCore()
    let (opened, closed) = (UVHandleCount.opened, UVHandleCount.closed)
    let stream = try UVTCP(core.uv)
    XCTAssertEqual(UVHandleCount.opened, opened + 1)
    XCTAssertFalse(stream.isClosing)
    var told = 0
    stream.close { told += 1 }
    stream.close { XCTFail("closed twice") }
    XCTAssertTrue(stream.isClosing)
    XCTAssertEqual(UVHandleCount.closed, closed)
    XCTAssertEqual(told, 0)
    core.beginShutdown {}
    core.run()
    XCTAssertEqual(told, 1)
    expectHandlesClosed()
  }

  func testHandleLivesUntilItIsClosed() throws {
    let core = try LoopCore()
    weak var stream: UVTCP?
    do {
      let made = try UVTCP(core.uv)
      stream = made
      made.close()
    }
    XCTAssertNotNil(stream)
    core.beginShutdown {}
    core.run()
    XCTAssertNil(stream)
  }

  func testDescriptorThatIsNoSocketStaysTheCallers() throws {
    let core = try LoopCore()
    XCTAssertThrowsError(try UVTCP(core.uv, adopting: -1))
    core.beginShutdown {}
    core.run()
    expectHandlesClosed()
  }

  func testTenThousandConnectionsLeaveNothingBehind() throws {
    let group = try makeGroup(count: 2)
    let server = try awaited("the server's start") {
      try await TransportServer.start(group: group, host: "127.0.0.1", port: 0) { _ in Echo() }
    }
    let factory = TransportClientFactory(group: group) { _ in Echo() }
    let descriptors = ProcessResources.descriptors.count
    let done = Signal("a connection to be made, used and closed")
    let failures = Box<[String]>([])
    // Some at a time, each followed by the next when it has been answered and closed.
    let rounds = Rounds(factory, port: server.port, count: 10_000) { failure in
      if let failure { failures.append(failure) }
      done.fire()
    }
    for _ in 0..<16 { rounds.next() }
    done.wait(10_000, seconds: 120)
    XCTAssertEqual(failures.value, [])
    // libuv keeps one in reserve on each loop from the first socket on.
    waitUntil("all descriptors to be closed") {
      ProcessResources.descriptors.count <= descriptors + group.loops.count
    }
    try shutDown(group)
    expectHandlesClosed()
    XCTAssertGreaterThanOrEqual(UVHandleCount.closed, 20_000)
  }

  /// Makes connections one after another: connects, asks, closes, and goes on.
  private final class Rounds: Sendable {
    private let factory: TransportClientFactory
    private let port: Int
    private let left: Box<Int>
    private let onDone: @Sendable (String?) -> Void

    init(_ factory: TransportClientFactory, port: Int, count: Int, _ onDone: @escaping @Sendable (String?) -> Void) {
      self.factory = factory
      self.port = port
      left = Box(count)
      self.onDone = onDone
    }

    func next() {
      var isLast = false
      left.update {
        isLast = $0 == 0
        if !isLast { $0 -= 1 }
      }
      if isLast { return }
      factory.unmanagedClient(host: "127.0.0.1", port: port) { [self] result in
        do {
          let client = try result.get()
          try client.sendRPC([UInt8]([1, 2]).rawSpan, timeout: .seconds(30)) { [self] response in
            let outcome = Outcome(response)
            client.close()
            onDone(outcome == .success([1, 2]) ? nil : "\(outcome)")
            next()
          }
        } catch {
          onDone("\(error)")
          next()
        }
      }
    }
  }
}
