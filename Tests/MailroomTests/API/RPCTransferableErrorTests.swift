import TestSupport
import XCTest

@testable import Mailroom

/// Errors of handlers, as their askers get them: the same from afar and from near, where both ends know the type.
final class RPCTransferableErrorTests: EnvironmentTestCase {
  func testRE19RE20ErrorKeepsItsTypeLocallyAndRemotely() async throws {
    for isRemote in [false, true] {
      for dispatch in Way.dispatches {
        var configuration = RPCConfiguration()
        configuration.errorTypes.register(OutOfStock.self)
        let server = try await makeServer()
        let client = try await makeClient(configuration)
        let local = try server.register("shop", Shop(), on: dispatch)
        let shop = isRemote ? try await client.endpointRef(server.uri("shop")) : local
        for how in ["throw", "fail", "wrapped"] {
          let error = await assertThrows(.handlerFailed, execution: .unknown) { try await shop.ask(Say(text: how)) }
          XCTAssertEqual(error?.cause as? OutOfStock, OutOfStock(item: "tea", left: 3), "\(how), \(isRemote)")
        }
        await client.shutdown()
        await server.shutdown()
      }
    }
  }

  func testAskerThatDoesNotKnowTheTypeGetsItsNameAndDescription() async throws {
    let (server, client) = (try await makeServer(), try await makeClient())
    try server.register("shop", Shop())
    let shop = try await client.endpointRef(server.uri("shop"))
    let error = await assertThrows(.handlerFailed) { try await shop.ask(Say(text: "throw")) }
    XCTAssertNil(error?.cause)
    XCTAssertTrue(error?.remoteType?.hasSuffix("OutOfStock") == true, "\(String(describing: error))")
    XCTAssertTrue(error?.message.contains("tea") == true, "\(String(describing: error))")
  }

  func testX1RE24ErrorThatCannotBeEncodedIsToldByItsDescriptionAtOnce() async throws {
    var configuration = RPCConfiguration()
    configuration.errorTypes.register(Unwritable.self)
    let (server, client) = (try await makeServer(), try await makeClient(configuration))
    try server.register("shop", Shop())
    let shop = try await client.endpointRef(server.uri("shop"))
    let error = await assertThrows(.handlerFailed) {
      try await shop.ask(Say(text: "unwritable"), timeout: .seconds(60))
    }
    XCTAssertNil(error?.cause)
    XCTAssertTrue(error?.remoteType?.hasSuffix("Unwritable") == true, "\(String(describing: error))")
  }

  func testErrorThatIsTooLargeIsToldByItsDescription() async throws {
    var configuration = RPCConfiguration()
    configuration.errorTypes.register(OutOfStock.self)
    configuration.transport.maximumFrameLength = 20_000
    let (server, client) = (try await makeServer(configuration), try await makeClient(configuration))
    try server.register("shop", Shop())
    let shop = try await client.endpointRef(server.uri("shop"))
    let error = await assertThrows(.handlerFailed) { try await shop.ask(Say(text: "large")) }
    XCTAssertNil(error?.cause)
  }

  func testForgedBytesOfAnErrorFailNothingElse() async throws {
    var configuration = RPCConfiguration()
    configuration.errorTypes.register(OutOfStock.self)
    let client = try await makeClient(configuration)
    let source = MessageSource(env: client)
    var writer = ByteWriter()
    Content.append(RPCError(.handlerFailed, "m", cause: OutOfStock(item: "x", left: 1)), to: &writer)
    let whole = writer.array()
    for count in 1..<whole.count {
      let part = Array(whole.prefix(count))
      switch ReplyContent.decode(part.rawSpan, as: String.self, from: source) {
      case .success(let value): XCTFail("\(value) from \(count) bytes of a failure")
      case .failure(let error): XCTAssertNil(error.cause as? OutOfStock, "\(count)")
      }
    }
    let error = ReplyContent.decode(whole.rawSpan, as: String.self, from: source).error
    XCTAssertEqual(error?.cause as? OutOfStock, OutOfStock(item: "x", left: 1))
  }
}

private struct OutOfStock: RPCTransferableError, Codable, Equatable {
  var item: String
  var left: Int
}

private struct Unwritable: RPCTransferableError {
  init() {}
  func encode(into writer: inout RPCWriter) throws { throw Oops() }
  init(from reader: inout RPCReader) throws { throw Oops() }
}

private final class Shop: RPCEndpoint {
  static func handlers(_ on: inout RPCHandlers<Shop>) {
    on.ask(Say.self) { _, say, context in
      switch say.text {
      case "throw": throw OutOfStock(item: "tea", left: 3)
      case "wrapped": throw RPCError(.handlerFailed, "as thrown", cause: OutOfStock(item: "tea", left: 3))
      case "unwritable": throw Unwritable()
      case "large": throw OutOfStock(item: String(repeating: "x", count: 30_000), left: 0)
      default: try context.fail(OutOfStock(item: "tea", left: 3))
      }
    }
  }
}
