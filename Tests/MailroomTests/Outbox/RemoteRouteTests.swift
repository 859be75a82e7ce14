import MailroomQueue
import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// What one endpoint of another process may keep waiting.
final class RemoteRouteTests: EnvironmentTestCase {
  /// A client whose loop stands still, so that nothing leaves, and the address of a listener.
  private func makeStill(
    messages: Int = 5, bytes: Int = 1000
  ) async throws -> (client: RPCEnv, listener: RawListener, address: RPCAddress, gate: Gate) {
    let listener = try RawListener()
    var configuration = RPCConfiguration()
    configuration.maximumOutboxMessages = messages
    configuration.maximumOutboxBytes = bytes
    let client = try await makeClient(configuration)
    let gate = Gate("the end of the loop's block")
    let blocked = Signal("the loop's block")
    client.group.next().execute {
      blocked.fire()
      gate.pass()
    }
    await blocked.comes()
    return (client, listener, try RPCAddress(host: "127.0.0.1", port: listener.port), gate)
  }

  func testFullIsThrownAtExactlyTheMark() async throws {
    let (client, listener, address, gate) = try await makeStill()
    let ref = try client.remoteRef(name: "a", address: address)
    for number in 0..<5 { try ref.send(bytes: [UInt8(number)]) }
    let error = await assertThrows(.full, execution: .notExecuted) { try ref.send(bytes: [5]) }
    XCTAssertEqual(
      error?.message.contains("wait to be sent to a at \(address);"), true, error?.message ?? "")
    await assertThrows(.full, execution: .notExecuted) { try ref.send(Note(text: "")) }
    let asked = Results<RPCError?>("the end of an ask")
    ref.ask(Say(text: "")) { asked.add($0.error) }
    let route = try route(of: ref)
    XCTAssertEqual(route.gauge.level.messages, 5)
    gate.open()
    for error in await asked.next() { assertIs(error, .full, execution: .notExecuted) }
    let peer = try await listener.acceptPeer()
    let frames = try await peer.next(5)
    XCTAssertEqual(frames.map(\.content), (0..<5).map { [1, $0] })
    await eventually("nothing is counted") { route.gauge.level.messages == 0 && route.gauge.level.bytes == 0 }
    try ref.send(bytes: [5])
    let last = try await peer.next()
    XCTAssertEqual(last.content, [1, 5])
    peer.reset()
  }

  func testBytesFillARouteToo() async throws {
    let (client, _, address, gate) = try await makeStill(messages: 100, bytes: 1000)
    let ref = try client.remoteRef(name: "a", address: address)
    let route = try route(of: ref)
    // What waits is the content: a byte, and these.
    try ref.send(bytes: [UInt8](repeating: 0, count: 998))
    XCTAssertEqual(route.gauge.level.bytes, 999)
    // Below the mark there is room for one of any size.
    try ref.send(bytes: [UInt8](repeating: 0, count: 5000))
    await assertThrows(.full, execution: .notExecuted) { try ref.send(bytes: []) }
    gate.open()
  }

  func testRoomIsAtHalfOfTheMarks() async throws {
    let (client, _, address, gate) = try await makeStill(messages: 8)
    let route = try route(of: try client.remoteRef(name: "a", address: address))
    for _ in 0..<8 { XCTAssertTrue(route.gauge.admit(bytes: 10)) }
    let room = Box(0)
    route.gauge.wait { room.update { $0 += 1 } }
    for _ in 0..<3 { route.gauge.remove(messages: 1, bytes: 10) }
    XCTAssertEqual(room.value, 0)
    route.gauge.remove(messages: 1, bytes: 10)
    XCTAssertEqual(room.value, 1)
    for _ in 0..<4 { route.gauge.remove(messages: 1, bytes: 10) }
    XCTAssertEqual(room.value, 1)
    gate.open()
  }

  func testReferencesToOneEndpointShareItsBounds() async throws {
    let (client, _, address, gate) = try await makeStill()
    let (first, second) = (
      try client.remoteRef(name: "a", address: address), try client.remoteRef(name: "a", address: address)
    )
    let other = try client.remoteRef(name: "b", address: address)
    for _ in 0..<5 { try first.send(bytes: []) }
    await assertThrows(.full) { try second.send(bytes: []) }
    try other.send(bytes: [])
    let routes = try [first, second, other].map { try route(of: $0) }
    XCTAssertTrue(routes[0] === routes[1])
    XCTAssertFalse(routes[0] === routes[2])
    XCTAssertTrue(routes[0].outbox === routes[2].outbox)
    gate.open()
  }

  func testMessageThatCannotBeEncodedIsNotCounted() async throws {
    var configuration = RPCConfiguration()
    configuration.transport.maximumFrameLength = 500
    let client = try await makeClient(configuration)
    let ref = try client.remoteRef(name: "a", address: RPCAddress(host: "127.0.0.1", port: 1))
    await assertThrows(.unencodable, execution: .notExecuted) { try ref.send(Broken()) }
    await assertThrows(.tooLarge, execution: .notExecuted) { try ref.send(bytes: [UInt8](repeating: 0, count: 500)) }
    XCTAssertEqual(try route(of: ref).gauge.level.messages, 0)
    XCTAssertEqual(try route(of: ref).gauge.level.bytes, 0)
  }

  private func route(of ref: RPCEndpointRef) throws -> RemoteRoute {
    guard case .remote(let route) = ref.target else { throw RawSocket.Failure("the endpoint is remote") }
    return route
  }
}

private struct Broken: RPCMessage {
  init() {}
  func encode(into writer: inout RPCWriter) throws { throw Oops() }
  init(from reader: inout RPCReader) throws {}
}
