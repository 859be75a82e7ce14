import MailroomQueue
import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// Asks that are refused before they go anywhere: their functions may ask again, however often they are refused.
final class RPCAskRefusalTests: EnvironmentTestCase {
  private static let many = 50_000

  func testAskingAgainAndAgainOfAPeerThatIsLeftAloneEnds() async throws {
    var configuration = RPCConfiguration()
    configuration.reconnectDelay = .seconds(600)
    configuration.maximumReconnectDelay = .seconds(600)
    let client = try await makeClient(configuration)
    let address = try RPCAddress(host: "127.0.0.1", port: RawListener.closedPort())
    let ref = try client.remoteRef(name: "echo", address: address)
    await assertThrows(.connectFailed) { try await ref.ask(Say(text: "")) }
    await refused(ref)
  }

  func testAskingAgainAndAgainOfAStoppedEndpointEnds() async throws {
    let server = try await makeServer()
    let ref = try server.register("echo", Echo())
    server.stop(ref)
    await assertThrows(.endpointStopped) { try await ref.ask(Say(text: "")) }
    await refused(ref)
  }

  func testAskingAgainAndAgainOfAnEnvironmentThatWasShutDownEnds() async throws {
    let server = try await makeServer()
    let ref = try server.register("echo", Echo())
    await server.shutdown()
    await refused(ref)
  }

  private func refused(_ ref: RPCEndpointRef) async {
    let ended = Signal("the end of the asks")
    Again(ref, Self.many, ended).askTyped()
    await ended.comes()
    Again(ref, Self.many, ended).askBytes()
    await ended.comes()
  }
}

/// Asks until it was refused so many times.
private final class Again: Sendable {
  private let ref: RPCEndpointRef
  private let left: Box<Int>
  private let ended: Signal

  init(_ ref: RPCEndpointRef, _ count: Int, _ ended: Signal) {
    self.ref = ref
    left = Box(count)
    self.ended = ended
  }

  func askTyped() {
    ref.ask(Say(text: "")) { [self] _ in if goesOn() { askTyped() } }
  }

  func askBytes() {
    ref.ask(bytes: [1]) { [self] _ in if goesOn() { askBytes() } }
  }

  private func goesOn() -> Bool {
    left.update { $0 -= 1 }
    if left.value == 0 { ended.fire() }
    return left.value > 0
  }
}
