import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

extension EnvironmentTestCase {
  /// A raw peer that has introduced itself to a server, which keeps so many of its envelopes.
  func makePeer(_ server: RPCEnv, envelopes: PrefixLimits = EnvelopeAllowance.large) async throws -> RawSocket {
    let peer = try RawSocket(port: server.port)
    let introduction = try await peer.introduce()
    XCTAssertEqual(introduction.envelopes, envelopes)
    return peer
  }

  /// A raw peer that has introduced itself to a server with an ``Echo`` called "echo", and what that keeps.
  func makeEchoPeer(on dispatch: RPCDispatch) async throws -> (peer: RawSocket, notes: Box<[String]>, noted: Signal) {
    let server = try await makeServer()
    let echo = Echo()
    let (notes, noted) = (echo.notes, echo.noted)
    try server.register("echo", echo, on: dispatch)
    return (try await makePeer(server), notes, noted)
  }
}
