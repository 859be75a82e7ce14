import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// How many peers an environment keeps many envelopes for.
final class EnvelopeAllowanceTests: EnvironmentTestCase {
  func testSomeAreLargeAndAllOthersSmall() {
    let allowance = EnvelopeAllowance()
    for _ in 0..<EnvelopeAllowance.mostLarge { XCTAssertEqual(allowance.take(), EnvelopeAllowance.large) }
    for _ in 0..<3 { XCTAssertEqual(allowance.take(), EnvelopeAllowance.small) }
    allowance.giveBack(EnvelopeAllowance.small)
    XCTAssertEqual(allowance.take(), EnvelopeAllowance.small)
    allowance.giveBack(EnvelopeAllowance.large)
    XCTAssertEqual(allowance.take(), EnvelopeAllowance.large)
    XCTAssertEqual(allowance.take(), EnvelopeAllowance.small)
    allowance.giveBack(.none)
    XCTAssertEqual(allowance.take(), EnvelopeAllowance.small)
  }

  /// A table that could not be numbered, or that the sender does not use, would be in vain.
  func testLimitsAreThoseOfTheSender() {
    XCTAssertEqual(EnvelopeAllowance.large, PrefixLimits(count: 1 << 17, byteCount: 8 << 20, withBranches: true))
    XCTAssertLessThan(EnvelopeAllowance.small.count, RawSpan.firstLongPrefixNumber)
  }

  func testConnectionThatEndsGivesItsTableBack() async throws {
    let server = try await makeServer()
    var peers: [RawSocket] = []
    for _ in 0..<EnvelopeAllowance.mostLarge {
      let peer = try RawSocket(port: server.port)
      let envelopes = try await peer.introduce().envelopes
      XCTAssertEqual(envelopes, EnvelopeAllowance.large)
      // The same however often it asks.
      let again = try await peer.introduce().envelopes
      XCTAssertEqual(again, EnvelopeAllowance.large)
      peers.append(peer)
    }
    let late = try RawSocket(port: server.port)
    let few = try await late.introduce().envelopes
    XCTAssertEqual(few, EnvelopeAllowance.small)
    // One of a process that introduces itself to nobody takes none.
    peers.removeLast().reset()
    await eventually("a large table is free") {
      let limits = server.envelopes.take()
      server.envelopes.giveBack(limits)
      return limits == EnvelopeAllowance.large
    }
    let next = try RawSocket(port: server.port)
    let many = try await next.introduce().envelopes
    XCTAssertEqual(many, EnvelopeAllowance.large)
    for peer in peers + [late, next] { peer.reset() }
  }
}
