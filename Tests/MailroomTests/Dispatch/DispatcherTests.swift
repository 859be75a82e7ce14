import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

final class DispatcherTests: EnvironmentTestCase {
  func testWhatIsRegisteredIsFound() async throws {
    let env = try await makeServer()
    let dispatcher = env.dispatcher
    XCTAssertNil(dispatcher.find("echo"))
    for dispatch in Way.dispatches {
      let ref = try env.register("echo", Echo(), on: dispatch)
      let found = try XCTUnwrap(dispatcher.find("echo"))
      XCTAssertEqual(found.inbox.name, "echo")
      XCTAssertEqual(found.eventLoop != nil, dispatch == .eventLoop)
      XCTAssertFalse(found.inbox.isStopped)
      env.stop(ref)
      XCTAssertNil(dispatcher.find("echo"))
      XCTAssertTrue(found.inbox.isStopped)
    }
  }

  func testEndIsToldOnceWhenTheLastEndpointHasEnded() async throws {
    let group = try makeGroup()
    let env = try await makeClient()
    let dispatcher = Dispatcher(sharedThreads: 2, group: group)
    let gate = Gate("the end of onStop")
    let stops = Signal("an onStop")
    for index in 0..<6 {
      let endpoint = Scripted()
      // One of them takes its time.
      endpoint.stopped = { _ in
        if index == 1 { gate.pass() }
        stops.fire()
      }
      let cell = EndpointCell(endpoint, Self.handlers(), name: "test", env: env)
      _ = try dispatcher.register("endpoint-\(index)", cell, on: Way.dispatches[index % 3]) { inbox in
        RPCEndpointRef(name: inbox.name, address: nil, target: .local(inbox), env: env)
      }
    }
    let ended = Results<Int>("the end")
    dispatcher.stopAll { ended.add(1) }
    await stops.comes(5)
    XCTAssertEqual(ended.values, [], "one endpoint is still there")
    gate.open()
    let ends = await ended.next()
    XCTAssertEqual(ends, [1])
    XCTAssertNil(dispatcher.find("endpoint-0"))
    dispatcher.stopLoops(allEnded: true)
    XCTAssertEqual(ended.values, [1])
  }

  func testEndIsToldAtOnceWhenThereIsNoEndpoint() async throws {
    let group = try makeGroup()
    let dispatcher = Dispatcher(sharedThreads: 2, group: group)
    let ended = Box(0)
    dispatcher.stopAll { ended.update { $0 += 1 } }
    XCTAssertEqual(ended.value, 1)
    dispatcher.stopLoops(allEnded: true)
    dispatcher.stopLoops(allEnded: true)
  }

  func testNothingIsRegisteredAfterTheEnd() async throws {
    let group = try makeGroup()
    let env = try await makeClient()
    let dispatcher = Dispatcher(sharedThreads: 2, group: group)
    dispatcher.stopAll {}
    for dispatch in Way.dispatches {
      await assertThrows(.stopped, execution: .notExecuted, "\(dispatch)") {
        let cell = EndpointCell(Scripted(), Self.handlers(), name: "late", env: env)
        return try dispatcher.register("late", cell, on: dispatch) { inbox in
          RPCEndpointRef(name: inbox.name, address: nil, target: .local(inbox), env: env)
        }
      }
    }
    dispatcher.stopLoops(allEnded: true)
  }

  func testThreadsOfEndedEndpointsAreJoinedByTheNextRegistration() async throws {
    let env = try await makeServer()
    var before: KernelThread?
    for round in 0..<5 {
      let threads = Results<KernelThread>("the thread")
      let endpoint = Scripted()
      endpoint.started = { _, _ in threads.add(.current) }
      let stopped = Signal("onStop")
      endpoint.stopped = { _ in stopped.fire() }
      let ref = try env.register("dedicated", endpoint, on: .dedicated())
      let thread = await threads.next()[0]
      if let before {
        await eventually("the thread of round \(round - 1) is gone") { !before.isAlive || before == thread }
      }
      before = thread
      env.stop(ref)
      await stopped.comes()
    }
  }

  func testDedicatedEndpointRunsOnItsOwnThreadsOnly() async throws {
    var configuration = RPCConfiguration()
    configuration.messageLoopThreads = 1
    let env = try await makeServer(configuration)
    let threads = Results<KernelThread>("a thread")
    let dispatches: [RPCDispatch] = [.shared, .shared, .dedicated(), .dedicated(), .eventLoop]
    for (index, dispatch) in dispatches.enumerated() {
      try env.register(
        "endpoint-\(index)",
        Scripted.answering { _, context in
          threads.add(.current)
          try context.reply("")
        }, on: dispatch)
    }
    var seen: [KernelThread] = []
    for index in 0..<5 {
      let ref = try await env.endpointRef(env.uri("endpoint-\(index)"))
      _ = try await ref.ask(Say(text: ""))
      seen.append(await threads.next()[index])
    }
    XCTAssertEqual(seen[0], seen[1], "the pool has one thread")
    XCTAssertEqual(Set(seen).count, 4)
  }

  private static func handlers() -> RPCHandlers<Scripted> {
    var handlers = RPCHandlers<Scripted>()
    Scripted.handlers(&handlers)
    return handlers
  }
}
