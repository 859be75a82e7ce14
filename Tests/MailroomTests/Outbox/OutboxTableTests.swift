import MailroomQueue
import TestSupport
import XCTest

@testable import Mailroom

/// An environment that meets ever new addresses, and which of its outboxes it keeps.
final class OutboxTableTests: EnvironmentTestCase {
  private static let most = 512

  private func count(_ env: RPCEnv) -> Int { env.state.withLock { $0.outboxes.count } }

  /// Has the environment make references to `count` addresses that nobody sends anything to.
  private static func meet(_ count: Int, _ env: RPCEnv) throws {
    for number in 0..<count { _ = try env.remoteRef(name: "echo", address: RPCAddress(host: "h\(number)", port: 1)) }
  }

  private func outbox(_ ref: RPCEndpointRef) throws -> Outbox {
    guard case .remote(let route) = ref.target else { throw RawSocket.Failure("it is remote") }
    return route.outbox
  }

  func testAddressesThatNobodyUsesAreForgotten() async throws {
    let client = try await makeClient()
    var (kept, most): ([RPCEndpointRef], Int) = ([], 0)
    for number in 0..<10_000 {
      let ref = try client.remoteRef(name: "echo", address: RPCAddress(host: "h\(number)", port: 1))
      if number % 100 == 0 { kept.append(ref) }
      most = max(most, count(client))
    }
    XCTAssertLessThanOrEqual(most, Self.most)
    for ref in kept {
      let again = try client.remoteRef(name: "other", address: XCTUnwrap(ref.address))
      XCTAssertTrue(try outbox(again) === outbox(ref), "one that has a reference is kept")
    }
  }

  func testPeersThatAreGoneAreForgotten() async throws {
    let client = try await makeClient()
    let server = try await makeServer()
    try server.register("echo", Echo())
    weak var known: Outbox?
    do {
      let ref = try await client.endpointRef(server.uri("echo"))
      known = try outbox(ref)
    }
    await server.shutdown()
    // It goes when its loop has seen the end, and the loop's own tasks for it are done.
    var rounds = 0
    await eventually("the outbox is forgotten") {
      try? Self.meet(1000, client)
      rounds += 1
      return known == nil
    }
    XCTAssertGreaterThan(rounds, 0)
    XCTAssertLessThanOrEqual(count(client), Self.most)
  }

  func testConnectionIsKeptThoughNobodyHasAReference() async throws {
    let client = try await makeClient()
    let server = try await makeServer()
    let echo = Echo()
    let (notes, noted) = (echo.notes, echo.noted)
    try server.register("echo", echo)
    let address = try XCTUnwrap(server.address)
    weak var known: Outbox?
    for number in 0..<20 {
      let ref = try client.remoteRef(name: "echo", address: address)
      try ref.send(Note(text: "\(number)"))
      if number == 0 { known = try outbox(ref) }
      XCTAssertTrue(try outbox(ref) === known)
      if number % 4 == 3 { await noted.comes(4) }
      try Self.meet(600, client)
    }
    XCTAssertEqual(notes.value, (0..<20).map { "\($0)" })
  }

  func testMessagesThatWaitForAConnectionAreKept() async throws {
    let client = try await makeClient()
    let listener = try RawListener()
    let address = try RPCAddress(host: "127.0.0.1", port: listener.port)
    for number in 0..<20 {
      try client.remoteRef(name: "echo", address: address).send(bytes: RPCEndpointRef.bytes(of: number))
      try Self.meet(600, client)
    }
    let peer = try await listener.acceptPeer()
    for number in 0..<20 {
      let message = try await peer.next()
      XCTAssertEqual(message.content, [1] + RPCEndpointRef.bytes(of: number))
    }
  }

  func testPeerThatIsLeftAloneIsRemembered() async throws {
    var configuration = RPCConfiguration()
    configuration.reconnectDelay = .seconds(600)
    configuration.maximumReconnectDelay = .seconds(600)
    let client = try await makeClient(configuration)
    let address = try RPCAddress(host: "127.0.0.1", port: try RawListener.closedPort())
    await assertThrows(.connectFailed) {
      try await client.remoteRef(name: "echo", address: address).ask(Say(text: ""))
    }
    try Self.meet(2000, client)
    let error = await assertThrows(.connectFailed) {
      try await client.remoteRef(name: "echo", address: address).ask(Say(text: ""))
    }
    XCTAssertTrue(error?.message.contains("left alone") ?? false, "\(String(describing: error))")
  }

  func testSendersWhoseReferencesComeAndGoKeepTheirOrder() async throws {
    let client = try await makeClient()
    var (notes, noted, addresses): ([Box<[String]>], [Signal], [RPCAddress]) = ([], [], [])
    for _ in 0..<2 {
      let (server, echo) = (try await makeServer(), Echo())
      notes.append(echo.notes)
      noted.append(echo.noted)
      try server.register("echo", echo)
      addresses.append(try XCTUnwrap(server.address))
    }
    let (senders, each, targets) = (4, 500, addresses)
    try await fromThreads(senders + 1) { sender in
      for number in 0..<each {
        // The last one only sees to it that outboxes are looked through all the while.
        if sender == senders {
          try Self.meet(300, client)
        } else {
          let ref = try client.remoteRef(name: "echo", address: targets[number % 2])
          try ref.send(Note(text: "\(sender)/\(number)"))
        }
      }
    }
    for (index, noted) in noted.enumerated() {
      await noted.comes(senders * each / 2)
      for sender in 0..<senders {
        let own = notes[index].value.filter { $0.hasPrefix("\(sender)/") }
        XCTAssertEqual(own, (0..<each).filter { $0 % 2 == index }.map { "\(sender)/\($0)" })
      }
    }
  }
}
