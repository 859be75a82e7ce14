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
