import TestSupport
import XCTest

@testable import Mailroom

/// Raw bytes asked inside one environment: each ask ends once, however it ends.
final class LocalBytesTests: EnvironmentTestCase {
  private typealias End = Result<[UInt8], RPCError>

  private func makeAsk(_ env: RPCEnv, _ ends: Box<[End]>) -> LocalBytesAsk {
    LocalBytesAsk(in: env, until: AskLimit(nil, env)) { reply in
      do throws(RPCError) { ends.append(.success(try reply.bytes.array())) } catch { ends.append(.failure(error)) }
    }
  }

  func testCallIsAnsweredOnce() async throws {
    let env = try await makeClient()
    let ends = Box<[End]>([])
    let call = LocalBytesCall(makeAsk(env, ends))
    XCTAssertFalse(call.isAbandoned)
    XCTAssertEqual(call.sender, env.name)
    XCTAssertNoThrow(try call.reply([2, 3]))
    XCTAssertTrue(call.isAbandoned)
    XCTAssertThrowsError(try call.reply([4].rawSpan)) { assertIs($0 as? RPCError, .alreadyReplied) }
    XCTAssertThrowsError(try call.fail(RPCError(.handlerFailed, ""))) { assertIs($0 as? RPCError, .alreadyReplied) }
    call.refuse(RPCError(.full, ""))
    XCTAssertEqual(ends.value.map(\.value), [[2, 3]])
  }

  func testCallThatNobodyAnswersEndsByItself() async throws {
    let env = try await makeClient()
    let ends = Box<[End]>([])
    do { _ = LocalBytesCall(makeAsk(env, ends)) }
    XCTAssertEqual(ends.value.count, 1)
    assertIs(ends.value.first?.error, .noReply)
  }

  // MARK: Calls in the place of others

  /// Has handlers of raw bytes do as `handle` says, in a turn of its own for each test.
  private final class Handler: EndpointDelivery {
    var places: EndpointPlaces { EndpointPlaces() }
    let isConcurrent = false
    let handle: @Sendable ([UInt8], LocalBytesCall?) throws -> Void

    init(_ handle: @escaping @Sendable ([UInt8], LocalBytesCall?) throws -> Void) { self.handle = handle }

    func deliver(_ bytes: [UInt8], _ call: LocalBytesCall?) { XCTAssertNoThrow(try handle(bytes, call)) }
    func start(_ me: RPCEndpointRef) {}
    func stop() {}
    func deliver(_ content: RawSpan, _ call: RemoteCall?, from source: MessageSource?) -> HandlerTask? { nil }
    func handlers(named name: RawSpan) -> TypeHandlers { .none }
    func deliver(_ value: RawSpan, to handler: Int, _ call: RemoteCall?, from source: MessageSource?) -> HandlerTask? {
      nil
    }
    func deliver(_ message: any LocalMessage) -> HandlerTask? { nil }
    func deliver(_ bytes: [UInt8]) {}
    func deliver(_ event: PeerEvent) {}
    var identity: ObjectIdentifier { ObjectIdentifier(self) }
  }

  func testCallThatIsAnsweredInPlaceStandsForTheNextRequest() async throws {
    let env = try await makeClient()
    let ends = Box<[End]>([])
    let seen = Box<Set<ObjectIdentifier>>([])
    let handler = Handler { bytes, call in
      XCTAssertEqual(call?.isAbandoned, false)
      seen.update { if let call { $0.insert(ObjectIdentifier(call)) } }
      try call?.reply(bytes)
      XCTAssertThrowsError(try call?.reply(bytes)) { assertIs($0 as? RPCError, .alreadyReplied) }
    }
    var spare = SpareLocalCall()
    for index in 0..<5 { spare.deliver([UInt8(index)], makeAsk(env, ends), to: handler) }
    XCTAssertEqual(ends.value.map(\.value), [[0], [1], [2], [3], [4]])
    XCTAssertEqual(seen.value.count, 1, "one call for all of them")
  }

  func testCallThatIsKeptStandsForNoOtherRequest() async throws {
    let env = try await makeClient()
    let ends = Box<[End]>([])
    let kept = Box<[LocalBytesCall]>([])
    let handler = Handler { _, call in
      if let call { kept.append(call) }
    }
    do {
      var spare = SpareLocalCall()
      for _ in 0..<3 { spare.deliver([], makeAsk(env, ends), to: handler) }
    }
    XCTAssertEqual(ends.value.count, 0)
    for (index, call) in kept.value.enumerated().reversed() {
      XCTAssertFalse(call.isAbandoned)
      XCTAssertNoThrow(try call.reply([UInt8(index)]))
    }
    XCTAssertEqual(ends.value.map(\.value), [[2], [1], [0]])
  }

  func testRequestWithoutAnAnswerEndsWithItsHandler() async throws {
    let env = try await makeClient()
    let ends = Box<[End]>([])
    let endsBefore = Box<[Int]>([])
    let handler = Handler { bytes, call in
      endsBefore.append(ends.value.count)
      if bytes == [1] { try call?.reply(bytes) }
    }
    var spare = SpareLocalCall()
    for content: [UInt8] in [[], [1], [], [1]] { spare.deliver(content, makeAsk(env, ends), to: handler) }
    XCTAssertEqual(endsBefore.value, [0, 1, 2, 3], "not only with the turn")
    XCTAssertEqual(ends.value.map(\.error?.code), [.noReply, nil, .noReply, nil])
  }

  func testEndedRequestIsLetGoOfBeforeTheNextOne() async throws {
    let env = try await makeClient()
    weak var last: LocalBytesAsk?
    var spare = SpareLocalCall()
    let handler = Handler { bytes, call in try call?.reply(bytes) }
    do {
      let ask = LocalBytesAsk(in: env, until: AskLimit(nil, env)) { _ in }
      last = ask
      spare.deliver([1], ask, to: handler)
    }
    XCTAssertNil(last)
    spare.deliver([2], makeAsk(env, Box([])), to: handler)
  }

  func testRefusedFunctionIsNotCalledWithinTheCall() async throws {
    let env = try await makeClient()
    let ends = Results<RPCError.Code>("the refusal")
    let lock = Box(true)
    let ask = LocalBytesAsk(in: env, until: AskLimit(nil, env)) { reply in
      do throws(RPCError) { _ = try reply.bytes } catch { ends.add(error.code) }
      XCTAssertFalse(lock.value)
    }
    lock.update { isWithin in
      LocalBytesCall(ask).refuse(RPCError(.full, ""))
      isWithin = false
    }
    let codes = await ends.next()
    XCTAssertEqual(codes, [.full])
  }

  func testAsksAreCompletedOnceByManyThreads() async throws {
    let env = try await makeClient()
    for _ in 0..<50 {
      let ends = Box<[End]>([])
      let function = makeAsk(env, ends)
      let task = LocalBytesAsk(in: env, until: AskLimit(nil, env))
      let replies = Results<[UInt8]>("the reply")
      let started = Signal("the ask")
      let waiting = Task { replies.add(try await task.wait { started.fire() }) }
      await started.comes()
      try await fromThreads(4) { index in
        function.complete([UInt8(index)])
        task.complete([UInt8(index)].rawSpan)
        function.fail(RPCError(.timeout, ""))
      }
      try await waiting.value
      XCTAssertEqual(ends.value.count, 1)
      XCTAssertEqual(replies.values.count, 1)
    }
  }

  func testAskOfACancelledTaskDoesNotStart() async throws {
    let env = try await makeClient()
    let task = Task {
      await eventually("the task is cancelled") { Task.isCancelled }
      return try await LocalBytesAsk(in: env, until: AskLimit(nil, env)).wait { XCTFail("nothing may be sent") }
    }
    task.cancel()
    await assertThrows(.cancelled) { try await task.value }
  }

  func testAskIsCancelledWhileItWaits() async throws {
    let env = try await makeClient()
    let started = Signal("the ask")
    let task = Task { try await LocalBytesAsk(in: env, until: AskLimit(nil, env)).wait { started.fire() } }
    await started.comes()
    task.cancel()
    await assertThrows(.cancelled) { try await task.value }
  }
}
