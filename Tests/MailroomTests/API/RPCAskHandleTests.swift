import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// Asks that are given up by their handles.
final class RPCAskHandleTests: EnvironmentTestCase {
  func testCancellingTellsTheHandler() async throws {
    try await inEveryWay { way in
      let calls = Results<RPCCallContext<String>>("a call")
      let ref = try await way.register("slow", Scripted.answering { _, context in calls.add(context) })
      let ends = Box<[RPCError?]>([])
      let handle = ref.ask(Say(text: "")) { result in ends.append(result.error) }
      let call = await calls.next()[0]
      XCTAssertFalse(handle.isDone, "\(way)")
      XCTAssertFalse(call.isCancelled, "\(way)")
      handle.cancel()
      XCTAssertEqual(ends.value.count, 1, "it is told before cancelling returns; \(way)")
      assertIs(ends.value.first ?? nil, .cancelled, "\(way)")
      XCTAssertTrue(handle.isDone)
      await eventually("the handler can know, \(way)") { call.isCancelled }
      handle.cancel()
      try call.reply("late")
      XCTAssertEqual(ends.value.count, 1, "\(way)")
      calls.clear()
    }
  }

  func testCancellingADoneAskDoesNothing() async throws {
    try await inEveryWay { way in
      let ref = try await way.register("echo", Echo())
      let replies = Results<String?>("a reply")
      let handle = ref.ask(Say(text: "done")) { replies.add($0.value) }
      let values = await replies.next()
      await eventually("it is done") { handle.isDone }
      for _ in 0..<3 { handle.cancel() }
      XCTAssertEqual(values, ["done"], "\(way)")
      XCTAssertEqual(replies.values.count, 1, "\(way)")
      let reply = try await ref.ask(Say(text: "intact"))
      XCTAssertEqual(reply, "intact", "\(way)")
    }
  }

  func testAskThatIsGivenUpBeforeTheConnectionIsNotSent() async throws {
    let listener = try RawListener()
    let client = try await makeClient()
    let ref = try client.remoteRef(name: "a", address: RPCAddress(host: "127.0.0.1", port: listener.port))
    let ends = Box<[RPCError?]>([])
    let handles = (0..<5).map { _ in ref.ask(Say(text: "")) { result in ends.append(result.error) } }
    let (peer, id) = try await listener.acceptAsker()
    for handle in handles { handle.cancel() }
    XCTAssertEqual(ends.value.count, 5)
    for error in ends.value { assertIs(error, .cancelled) }
    try ref.send(bytes: [42])
    try peer.send(RawFrame.failure(id, ""))
    let first = try await peer.next()
    XCTAssertEqual(first.content, [1, 42])
    peer.reset()
  }

  func testPeerThatKnowsOfCancellingIsToldOnce() async throws {
    let listener = try RawListener()
    let client = try await makeClient()
    let ref = try client.remoteRef(name: "a", address: RPCAddress(host: "127.0.0.1", port: listener.port))
    let handle = ref.ask(Say(text: "")) { _ in }
    let peer = try await listener.acceptKnown()
    let request = try await peer.next()
    handle.cancel()
    handle.cancel()
    let cancelled = try await peer.next()
    XCTAssertEqual(cancelled.kind, 65)
    XCTAssertEqual(cancelled.id, request.id)
    try ref.send(bytes: [42])
    let next = try await peer.next()
    XCTAssertEqual(next.content, [1, 42])
    // An answer that was on its way is dropped.
    try peer.send(RawFrame.response(request.id, [2, 0]) + RawFrame.request(1, to: "missing", [1]))
    let served = try await peer.next()
    XCTAssertEqual(served.id, 1)
    peer.reset()
  }

  func testPlainPeerIsNotTold() async throws {
    let listener = try RawListener()
    let client = try await makeClient()
    let ref = try client.remoteRef(name: "a", address: RPCAddress(host: "127.0.0.1", port: listener.port))
    let handle = ref.ask(Say(text: "")) { _ in }
    let peer = try await listener.acceptPeer()
    _ = try await peer.next()
    handle.cancel()
    try ref.send(bytes: [42])
    let next = try await peer.next()
    XCTAssertEqual(next.content, [1, 42])
    peer.reset()
  }

  func testPeersThatCancelAreHeeded() async throws {
    let server = try await makeServer()
    let calls = Results<RPCBytesCallContext>("a call")
    let endpoint = Scripted()
    endpoint.askedBytes = { bytes, context in
      if bytes == [1] { return calls.add(context) }
      try context.reply(bytes)
    }
    try server.register("slow", endpoint)
    let peer = try RawSocket(port: server.port)
    try await peer.introduce()
    try peer.send(RawFrame.request(5, to: "slow", [1, 1]) + RawFrame.request(6, to: "slow", [1, 1]))
    let both = await calls.next(2)
    try peer.send(RawFrame.cancel(5) + RawFrame.cancel(99))
    await eventually("the first is given up") { both[0].isCancelled }
    XCTAssertFalse(both[1].isCancelled)
    try both[0].reply([7])
    try both[1].reply([8])
    let answer = try await peer.next()
    XCTAssertEqual(answer.id, 6, "the other is not answered")
    peer.reset()
    calls.clear()
  }

  func testCancellationsAndRepliesMeetManyTimes() async throws {
    try await inEveryWay { way in
      let ref = try await way.register("echo", Echo())
      let ends = Results<Result<String, RPCError>>("the end of an ask")
      try await fromThreads(4) { thread in
        for index in 0..<50 {
          let handle = ref.ask(Say(text: "\(index)")) { ends.add($0) }
          if index % 3 != 0 { handle.cancel() }
        }
      }
      for end in await ends.next(200) where end.value == nil { assertIs(end.error, .cancelled, "\(way)") }
      let reply = try await ref.ask(Say(text: "intact"))
      XCTAssertEqual(reply, "intact", "\(way)")
      XCTAssertEqual(ends.values.count, 200, "\(way)")
    }
  }
}
