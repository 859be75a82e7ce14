import MailroomQueue
import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// What an inbox lets in when it is full, and who is told that there is room again.
final class InboxBoundsTests: EnvironmentTestCase {
  private func someone() async throws -> RPCEndpointRef { try await makeClient().register("someone", Echo()) }

  private func note(_ text: String) -> any LocalMessage { LocalOneWay(Note(text: text)) }

  func testW1FullInboxRefusesWhatIsOffered() async throws {
    let me = try await someone()
    let scheduler = ManualScheduler()
    let (inbox, log, _) = Inbox.logging(scheduler, bounds: InboxBounds(messages: 3, bytes: 1000))
    inbox.start(me)
    for index in 0..<3 { XCTAssertEqual(inbox.offer(note("\(index)"), bytes: 1), .taken) }
    XCTAssertEqual(inbox.offer(note("too many"), bytes: 1), .full)
    scheduler.giveAllTurns()
    XCTAssertEqual(log.events.value, ["start", "0", "1", "2"])
    XCTAssertEqual(inbox.offer(note("again"), bytes: 1), .taken)
    scheduler.giveAllTurns()
    XCTAssertEqual(log.events.value.last, "again")
  }

  func testBytesFillAnInboxToo() async throws {
    let me = try await someone()
    let scheduler = ManualScheduler()
    let (inbox, _, _) = Inbox.logging(scheduler, bounds: InboxBounds(messages: 100, bytes: 10))
    inbox.start(me)
    XCTAssertEqual(inbox.offer(note(""), bytes: 9), .taken)
    XCTAssertEqual(inbox.offer(note(""), bytes: 500), .taken, "below the mark there is room for one of any size")
    XCTAssertEqual(inbox.offer(note(""), bytes: 1), .full)
    scheduler.giveAllTurns()
    XCTAssertEqual(inbox.offer(note(""), bytes: 1), .taken)
    scheduler.giveAllTurns()
  }

  func testAskThatFindsNoRoomIsNotAnswered() async throws {
    let me = try await someone()
    let scheduler = ManualScheduler()
    let (inbox, _, _) = Inbox.logging(scheduler, bounds: InboxBounds(messages: 1, bytes: 100))
    inbox.start(me)
    XCTAssertEqual(inbox.offer(note(""), bytes: 1), .taken)
    let replies = Box<[Result<String, RPCError>]>([])
    let ask = LocalAsk(Say(text: "?"), CallbackAsk<String>(from: nil) { replies.append($0) }, sender: "test")
    XCTAssertEqual(inbox.offer(ask, bytes: 1), .full)
    XCTAssertEqual(replies.value.count, 0, "what becomes of it is for the sender to say")
    inbox.stop()
    XCTAssertEqual(inbox.offer(ask, bytes: 1), .stopped, "a stopped inbox is not full")
    XCTAssertEqual(replies.value.count, 1)
    assertIs(replies.value.first?.error, .endpointStopped, execution: .notExecuted)
    scheduler.giveAllTurns()
  }

  func testW1MessagesOfPeersAreTakenAndSayThatItIsFull() async throws {
    let me = try await someone()
    let scheduler = ManualScheduler()
    let (inbox, log, _) = Inbox.logging(scheduler, bounds: InboxBounds(messages: 2, bytes: 100))
    inbox.start(me)
    XCTAssertEqual(inbox.postRemote(content: [65], origin: .oneWay(nil)), .taken)
    XCTAssertEqual(inbox.postRemote(content: [66], origin: .oneWay(nil)), .takenAndFull)
    for _ in 0..<6 { XCTAssertEqual(inbox.postRemote(content: [], origin: .oneWay(nil)), .takenAndFull) }
    XCTAssertFalse(inbox.isBeyondLimit, "what was on its way finds room, however small the inbox is")
    scheduler.giveAllTurns()
    XCTAssertEqual(log.events.value.count, 9)
    inbox.stop()
    XCTAssertEqual(inbox.postRemote(content: [65], origin: .oneWay(nil)), .refused)
    scheduler.giveAllTurns()
  }

  func testWaitersAreCalledWhenThereIsRoom() async throws {
    let me = try await someone()
    let scheduler = ManualScheduler()
    let (inbox, _, _) = Inbox.logging(
      scheduler, budget: .init(messages: 2), bounds: InboxBounds(messages: 4, bytes: 1000))
    let calls = Box<[String]>([])
    inbox.start(me)
    XCTAssertNil(inbox.waitForRoom { calls.append("at once") })
    XCTAssertEqual(calls.value, ["at once"])
    for index in 0..<4 { XCTAssertEqual(inbox.offer(note("\(index)"), bytes: 1), .taken) }
    XCTAssertNotNil(inbox.waitForRoom { calls.append("room") })
    let forgotten = try XCTUnwrap(inbox.waitForRoom { calls.append("forgotten") })
    inbox.forget(forgotten)
    scheduler.giveTurn()
    XCTAssertEqual(calls.value, ["at once"], "three of four are left")
    scheduler.giveTurn()
    XCTAssertEqual(calls.value, ["at once", "room"])
    scheduler.giveAllTurns()
  }

  func testW1WaitersAreCalledWhenTheInboxStops() async throws {
    let me = try await someone()
    let scheduler = ManualScheduler()
    let (inbox, _, _) = Inbox.logging(scheduler, bounds: InboxBounds(messages: 1, bytes: 1000))
    inbox.start(me)
    XCTAssertEqual(inbox.offer(note(""), bytes: 1), .taken)
    let calls = Box<[Bool]>([])
    XCTAssertNotNil(inbox.waitForRoom { [unowned inbox] in calls.append(inbox.isStopped) })
    inbox.stop()
    XCTAssertEqual(calls.value, [true], "and they find it stopped")
    XCTAssertNil(inbox.waitForRoom { calls.append(true) })
    XCTAssertEqual(calls.value.count, 2)
    scheduler.giveAllTurns()
  }

  func testWhatIsNotOfUsersIsNotBounded() async throws {
    let me = try await someone()
    let scheduler = ManualScheduler()
    let (inbox, log, _) = Inbox.logging(scheduler, bounds: InboxBounds(messages: 1, bytes: 1))
    inbox.start(me)
    let peer = try RPCAddress(host: "peer", port: 7077)
    for _ in 0..<5 { XCTAssertTrue(inbox.post(.event(.connected(peer)))) }
    XCTAssertEqual(inbox.offer(note("there is room"), bytes: 1), .taken)
    inbox.stop()
    scheduler.giveAllTurns()
    XCTAssertEqual(log.events.value.count, 10)
  }

  func testEverythingIsCountedOutByManyThreads() async throws {
    let me = try await someone()
    let loop = try MessageLoop.start(name: "bounds-test", threads: 2)
    for round in 0..<20 {
      let (inbox, log, owner) = Inbox.logging(
        loop, budget: .init(messages: 1 + round), bounds: InboxBounds(messages: 64, bytes: 1 << 20))
      inbox.start(me)
      let counts = Box((taken: 0, full: 0, stopped: 0))
      try await fromThreads(5) { thread in
        // One of them stops the inbox in the middle of it, in every other round.
        for index in 0..<200 {
          if thread == 4 && index == 100 && round % 2 == 0 { inbox.stop() }
          let offered = inbox.offer(LocalOneWay(Note(text: "x")), bytes: index)
          counts.update {
            switch offered {
            case .taken: $0.taken += 1
            case .full: $0.full += 1
            case .stopped: $0.stopped += 1
            }
          }
        }
      }
      inbox.stop()
      await owner.ended.comes()
      await eventually("everything is counted out") { inbox.level == FlowGauge(.init(messages: 1, bytes: 1)).level }
      XCTAssertEqual(log.events.value.filter { $0 == "x" }.count, counts.value.taken, "round \(round)")
      XCTAssertEqual(counts.value.taken + counts.value.full + counts.value.stopped, 1000)
    }
    loop.stop()
    loop.join()
  }
}
