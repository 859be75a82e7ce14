import MailroomTransport
import TestSupport
import XCTest

@testable import Mailroom

/// A test of environments: those it makes are shut down at its end, and leave no handle behind.
class EnvironmentTestCase: XCTestCase {
  private let envs = Box<[RPCEnv]>([])
  private let groups = Box<[EventLoopGroup]>([])
  private let openHandles = Box(0)

  override func setUp() async throws { openHandles.update { $0 = Resources().handles } }

  override func tearDown() async throws {
    for env in envs.value.reversed() { await env.shutdown() }
    for group in groups.value { await group.shutdown() }
    envs.update { $0 = [] }
    groups.update { $0 = [] }
    XCTAssertEqual(Resources().handles, openHandles.value, "handles are left open")
  }

  /// An event loop without an environment.
  func makeGroup() throws -> EventLoopGroup {
    let group = try EventLoopGroup(count: 1, name: "test")
    groups.append(group)
    return group
  }

  /// An environment that listens on a port of its own.
  func makeServer(
    _ configuration: RPCConfiguration = .init(), port: Int = 0, name: String = "server"
  ) async throws -> RPCEnv {
    let env = try await RPCEnv.start(name: name, port: port, configuration: configuration)
    envs.append(env)
    return env
  }

  /// An environment that does not listen.
  func makeClient(_ configuration: RPCConfiguration = .init(), name: String = "client") async throws -> RPCEnv {
    let env = try await RPCEnv.client(name: name, configuration: configuration)
    envs.append(env)
    return env
  }

  /// Runs `body` for every kind of dispatching, with the endpoint in the same environment and in another one.
  func inEveryWay(_ body: (Way) async throws -> Void) async throws {
    for dispatch in Way.dispatches {
      for isRemote in [false, true] {
        let server = try await makeServer()
        let way = Way(dispatch: dispatch, server: server, client: isRemote ? try await makeClient() : nil)
        try await body(way)
        await way.client?.shutdown()
        await server.shutdown()
      }
    }
  }
}

/// How an endpoint runs, and from where it is reached.
struct Way: CustomStringConvertible {
  static let dispatches: [RPCDispatch] = [.shared, .dedicated(), .eventLoop]

  let dispatch: RPCDispatch
  /// Where the endpoint lives.
  let server: RPCEnv
  /// Where messages come from, if not from the server itself.
  let client: RPCEnv?

  var description: String { "\(dispatch), \(client == nil ? "local" : "remote")" }

  /// Registers an endpoint; the reference to it belongs to the side that asks.
  func register<Endpoint: RPCEndpoint>(
    _ name: String, _ endpoint: sending Endpoint
  ) async throws -> RPCEndpointRef {
    let ref = try server.register(name, endpoint, on: dispatch)
    guard let client else { return ref }
    return try await client.endpointRef(server.uri(name))
  }
}

extension RPCEnv {
  /// The URI of an endpoint of this environment, for others.
  func uri(_ name: String) -> String { "rpc://\(name)@\(address?.hostPort ?? "no address")" }

  /// The port this environment listens on.
  var port: Int { address?.port ?? -1 }
}

/// Asserts that `body` throws an ``RPCError``, and returns it.
@discardableResult
func assertThrows<Value>(
  _ code: RPCError.Code, execution: RPCError.Execution? = nil, _ message: @autoclosure () -> String = "",
  file: StaticString = #filePath, line: UInt = #line, _ body: () async throws -> Value
) async -> RPCError? {
  do {
    let value = try await body()
    XCTFail("\(value) instead of the error \(code); \(message())", file: file, line: line)
  } catch let error as RPCError {
    assertIs(error, code, execution: execution, message(), file: file, line: line)
    return error
  } catch {
    XCTFail("\(error) is no RPCError; \(message())", file: file, line: line)
  }
  return nil
}

/// Asserts that an error has a code, and says whether the request may have been executed.
func assertIs(
  _ error: RPCError?, _ code: RPCError.Code, execution: RPCError.Execution? = nil, _ message: String = "",
  file: StaticString = #filePath, line: UInt = #line
) {
  guard let error else { return XCTFail("no error, \(code) was expected; \(message)", file: file, line: line) }
  XCTAssertEqual(error.code, code, "\(error); \(message)", file: file, line: line)
  if let execution { XCTAssertEqual(error.execution, execution, "\(error); \(message)", file: file, line: line) }
}

extension Result where Failure == RPCError {
  /// The error, if it is one.
  var error: RPCError? {
    if case .failure(let error) = self { error } else { nil }
  }

  /// The value, if there is one.
  var value: Success? {
    if case .success(let value) = self { value } else { nil }
  }
}
