import XCTest

@testable import MailroomTransport

final class ConnectionLifecycleTests: XCTestCase {
  private typealias State = ConnectionLifecycle.State
  private typealias Event = ConnectionLifecycle.Event
  private typealias Actions = ConnectionLifecycle.Actions

  private static let events: [Event] = [.peerEnded, .close, .quiescent, .writesEnded, .failed, .timedOut]

  /// Events that lead to each state, and what each event makes of it.
  private static let table: [(state: State, path: [Event], steps: [(Event, State, Actions)])] = [
    (
      .open, [],
      [
        (.peerEnded, .answering, [.failPending, .startTimer]),
        (.close, .finishing(peerEnded: false), [.failPending, .startTimer, .endWrites]),
        (.quiescent, .open, []),
        (.writesEnded, .open, []),
        (.failed, .closed, [.failPending, .closeSocket]),
        (.timedOut, .closed, [.failPending, .closeSocket]),
      ]
    ),
    (
      .answering, [.peerEnded],
      [
        (.peerEnded, .answering, []),
        (.close, .finishing(peerEnded: true), [.endWrites]),
        (.quiescent, .closed, [.closeSocket]),
        (.writesEnded, .answering, []),
        (.failed, .closed, [.failPending, .closeSocket]),
        (.timedOut, .closed, [.failPending, .closeSocket]),
      ]
    ),
    (
      .finishing(peerEnded: false), [.close],
      [
        (.peerEnded, .finishing(peerEnded: true), []),
        (.close, .finishing(peerEnded: false), []),
        (.quiescent, .finishing(peerEnded: false), []),
        (.writesEnded, .awaitingEnd, []),
        (.failed, .closed, [.failPending, .closeSocket]),
        (.timedOut, .closed, [.failPending, .closeSocket]),
      ]
    ),
    (
      .finishing(peerEnded: true), [.peerEnded, .close],
      [
        (.peerEnded, .finishing(peerEnded: true), []),
        (.close, .finishing(peerEnded: true), []),
        (.quiescent, .finishing(peerEnded: true), []),
        (.writesEnded, .closed, [.closeSocket]),
        (.failed, .closed, [.failPending, .closeSocket]),
        (.timedOut, .closed, [.failPending, .closeSocket]),
      ]
    ),
    (
      .awaitingEnd, [.close, .writesEnded],
      [
        (.peerEnded, .closed, [.closeSocket]),
        (.close, .awaitingEnd, []),
        (.quiescent, .awaitingEnd, []),
        (.writesEnded, .awaitingEnd, []),
        (.failed, .closed, [.failPending, .closeSocket]),
        (.timedOut, .closed, [.failPending, .closeSocket]),
      ]
    ),
    (.closed, [.failed], events.map { ($0, .closed, []) }),
  ]

  func testEveryEventInEveryStateDoesWhatTheDiagramSays() {
    for row in Self.table {
      XCTAssertEqual(row.steps.map { $0.0 }, Self.events, "the table has every event for \(row.state)")
      for (event, state, actions) in row.steps {
        var lifecycle = ConnectionLifecycle()
        for step in row.path { _ = lifecycle.handle(step) }
        XCTAssertEqual(lifecycle.state, row.state)
        XCTAssertEqual(lifecycle.handle(event), actions, "\(event) in \(row.state)")
        XCTAssertEqual(lifecycle.state, state, "\(event) in \(row.state)")
      }
    }
  }

  func testRequestsAreTakenWhileOpenAndAnswersUntilOurSideEnds() {
    for row in Self.table {
      var lifecycle = ConnectionLifecycle()
      for step in row.path { _ = lifecycle.handle(step) }
      XCTAssertEqual(lifecycle.acceptsRequests, row.state == .open)
      XCTAssertEqual(lifecycle.acceptsAnswers, row.state == .open || row.state == .answering)
    }
  }

  func testSocketIsClosedExactlyOnceInEverySequenceOfSixEvents() {
    var sequences = 0
    func explore(_ lifecycle: ConnectionLifecycle, _ done: [Event], _ actions: [Actions]) {
      sequences += 1
      check(lifecycle, done, actions)
      if done.count == 6 { return }
      for event in Self.events {
        var next = lifecycle
        let action = next.handle(event)
        explore(next, done + [event], actions + [action])
      }
    }
    explore(ConnectionLifecycle(), [], [])
    XCTAssertEqual(sequences, 1 + 6 + 36 + 216 + 1296 + 7776 + 46656)
  }

  private func check(_ lifecycle: ConnectionLifecycle, _ events: [Event], _ actions: [Actions]) {
    func count(_ action: Actions) -> Int { actions.reduce(0) { $0 + ($1.contains(action) ? 1 : 0) } }
    let isClosed = lifecycle.state == .closed
    var right = count(.closeSocket) == (isClosed ? 1 : 0)
    // Requests fail with the first event that leaves `open`, so none is left behind when the socket is closed.
    right = right && actions.first { !$0.isEmpty }.map { $0.contains(.failPending) } ?? (lifecycle.state == .open)
    right = right && (count(.failPending) == 0) == lifecycle.acceptsRequests
    // Ending takes a limited time in every state that is neither open nor closed.
    right = right && (lifecycle.state == .open || isClosed || count(.startTimer) == 1)
    right = right && count(.startTimer) <= 1 && count(.endWrites) <= 1
    // Nothing happens once the socket is closed.
    if let end = actions.firstIndex(where: { $0.contains(.closeSocket) }) {
      right = right && actions[(end + 1)...].allSatisfy(\.isEmpty)
    }
    if !right { XCTFail("\(events) led to \(lifecycle.state) by \(actions.map(\.rawValue))") }
  }
}
