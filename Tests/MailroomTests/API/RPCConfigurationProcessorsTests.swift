import MailroomQueue
import TestSupport
import XCTest

@testable import Mailroom

/// Threads that are bound to processors.
final class RPCConfigurationProcessorsTests: EnvironmentTestCase {
  /// Answers where its handlers may run.
  private final class Surveyor: RPCEndpoint {
    struct Where: RPCRequest, Codable {
      typealias Reply = [Int]
    }

    static func handlers(_ on: inout RPCHandlers<Surveyor>) {
      on.ask(Where.self) { _, _ in Processor.allowed }
    }
  }

  func testHandlersRunWhereTheyAreBoundTo() async throws {
    let all = Processor.allowed
    let (first, last) = (try XCTUnwrap(all.first), try XCTUnwrap(all.last))
    var configuration = RPCConfiguration()
    configuration.eventLoopProcessors = [last]
    configuration.messageLoopProcessors = [first]
    configuration.eventLoops = 2
    let env = try await makeServer(configuration)
    for (index, (dispatch, processor)) in zip(Way.dispatches, [first, first, last]).enumerated() {
      let ref = try env.register("surveyor-\(index)", Surveyor(), on: dispatch)
      let found = try await ref.ask(Surveyor.Where())
      XCTAssertEqual(found, [processor], "\(dispatch)")
    }
    // Nobody else is bound.
    XCTAssertEqual(Processor.allowed, all)
  }

  func testThreadsOfThePoolHaveOneEachAndDedicatedOnesHaveAll() async throws {
    let all = Processor.allowed
    var configuration = RPCConfiguration()
    configuration.messageLoopProcessors = all
    configuration.messageLoopThreads = 1
    let env = try await makeServer(configuration)
    let shared = try env.register("shared", Surveyor())
    let dedicated = try env.register("dedicated", Surveyor(), on: .dedicated())
    let one = try await shared.ask(Surveyor.Where())
    XCTAssertEqual(one, Array(all.prefix(1)))
    let any = try await dedicated.ask(Surveyor.Where())
    XCTAssertEqual(any, all)
  }

  func testNumbersThatNoProcessorHasFailTheStart() async throws {
    for numbers in [[], [-1], [0, 60_000], [Int.max], [Int.min]] {
      for property in [\RPCConfiguration.eventLoopProcessors, \.messageLoopProcessors] {
        var configuration = RPCConfiguration()
        configuration[keyPath: property] = numbers
        let error = await assertThrows(.invalidArgument, execution: .notExecuted) {
          try await RPCEnv.start(name: "bound", configuration: configuration)
        }
        XCTAssertTrue(error?.message.contains("LoopProcessors has") ?? false, "\(String(describing: error))")
        await assertThrows(.invalidArgument) { try await RPCEnv.client(name: "bound", configuration: configuration) }
      }
    }
  }

  func testMalformedListsAreRefused() {
    for text in ["", ",", "0,", "a", "-1", "0-3", "65536", "any,0"] {
      XCTAssertThrowsError(try RPCConfiguration(settings: ["mailroom.eventLoops.processors": text]), text)
    }
    for text in ["any", " ANY "] {
      XCTAssertNil(try RPCConfiguration(settings: ["mailroom.eventLoops.processors": text]).eventLoopProcessors)
    }
  }
}
