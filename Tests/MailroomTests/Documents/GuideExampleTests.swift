import Foundation
import Mailroom
import XCTest

// GUIDE: messages
struct Get: RPCRequest, Codable { typealias Reply = String; var key: String }
struct Put: RPCRequest, Codable { typealias Reply = RPCDone; var key: String; var value: String }
struct Remove: RPCMessage, Codable { var key: String }

struct NoSuchKey: RPCTransferableError, Codable { var key: String }
// GUIDE: end

// GUIDE: by hand
struct Reading: RPCMessage {
  var sensor: UInt32
  var value: Int64

  func encode(into writer: inout RPCWriter) {
    writer.append(integer: sensor)
    writer.append(integer: value)
  }
  init(from reader: inout RPCReader) throws {
    sensor = try reader.read(UInt32.self)
    value = try reader.read(Int64.self)
  }
}
// GUIDE: end

extension Reading {
  init(sensor: UInt32, value: Int64) { (self.sensor, self.value) = (sensor, value) }
}

// GUIDE: bytes
final class Parrot: RPCEndpoint {
  static func handlers(_ on: inout RPCHandlers<Parrot>) {
    on.receiveBytes { _, bytes in print("\(bytes.byteCount) bytes came") }
    on.askBytes { _, bytes, context in try context.reply(bytes) }
  }
}
// GUIDE: end

// GUIDE: endpoint
final class Store: RPCEndpoint {
  private var values: [String: String] = [:]

  static func handlers(_ on: inout RPCHandlers<Store>) {
    on.ask(Put.self) { store, put in
      store.values[put.key] = put.value
      return RPCDone()
    }
    on.ask(Get.self) { store, get in
      guard let value = store.values[get.key] else { throw NoSuchKey(key: get.key) }
      return value
    }
    on.receive(Remove.self) { store, remove in store.values[remove.key] = nil }
  }

  func onError(_ error: any Error) { print("store: \(error)") }
}
// GUIDE: end

// GUIDE: cache
final class Cache: RPCConcurrentEndpoint {
  private let store: RPCEndpointRef
  init(of store: RPCEndpointRef) { self.store = store }

  static func handlers(_ on: inout RPCHandlers<Cache>) {
    on.ask(Get.self) { cache, get in try await cache.store.ask(get, timeout: .seconds(1)) }
  }
}
// GUIDE: end

// GUIDE: later
struct NextValue: RPCRequest, Codable { typealias Reply = Int64 }

final class Gauge: RPCEndpoint {
  private var waiting: [RPCCallContext<Int64>] = []

  static func handlers(_ on: inout RPCHandlers<Gauge>) {
    on.ask(NextValue.self) { gauge, _, context in gauge.waiting.append(context) }
    on.receive(Reading.self) { gauge, reading in
      for context in gauge.waiting where !context.isCancelled { try context.reply(reading.value) }
      gauge.waiting = []
    }
  }
}
// GUIDE: end

/// The code in the guide is this, and does what the guide says.
final class GuideExampleTests: XCTestCase {
  private func withEnvironments(_ body: (RPCEnv, RPCEnv) async throws -> Void) async throws {
    // GUIDE: environments
    var configuration = RPCConfiguration()
    configuration.errorTypes.register(NoSuchKey.self)
    configuration.askTimeout = .seconds(5)

    let server = try await RPCEnv.start(name: "server", host: "127.0.0.1", port: 0)
    let client = try await RPCEnv.client(name: "client", configuration: configuration)
    // GUIDE: end
    do {
      try await body(server, client)
    } catch {
      XCTFail("\(error)")
    }
    await client.shutdown()
    await server.shutdown()
  }

  /// A program, which would listen on a port that is not free for a test.
  private func program() async throws {
    // GUIDE: program
    var settings = RPCConfiguration()
    settings.portRetries = 0
    let service = try await RPCEnv.start(name: "store", host: "127.0.0.1", port: 7077, configuration: settings)
    try service.register("store", Store())

    signal(SIGTERM, SIG_IGN)  // which would end the process on the spot
    let termination = DispatchSource.makeSignalSource(signal: SIGTERM, queue: .global())
    termination.setEventHandler { @Sendable in service.beginShutdown() }  // not on the main actor
    termination.resume()
    await service.awaitTermination()
    // GUIDE: end
  }

  func testParrotSendsBytesBack() async throws {
    try await withEnvironments { server, client in
      try server.register("parrot", Parrot())
      let parrot = try await client.endpointRef("rpc://parrot@\(server.address!.hostPort)")
      let back = expectation(description: "the bytes that come back")
      try parrot.send(bytes: [1])
      // GUIDE: asking with bytes
      let same = try await parrot.ask(bytes: [1, 2, 3])
      parrot.ask(bytes: [4, 5]) { reply in
        do throws(RPCError) {
          print("\(try reply.bytes.array()) came back")
        } catch {
          print("nothing came back: \(error)")
        }
        XCTAssertEqual(try? reply.bytes.array(), [4, 5])
        back.fulfill()
      }
      // GUIDE: end
      XCTAssertEqual(same, [1, 2, 3])
      await fulfillment(of: [back], timeout: 20)
    }
  }

  /// What asking for a key says.
  private func value(of key: String, in store: RPCEndpointRef) async throws -> String {
    // GUIDE: errors
    do {
      return try await store.ask(Get(key: key))
    } catch {  // an RPCError, as its type says
      if error.cause is NoSuchKey { return "nothing" }  // what the handler threw
      if error.execution == .notExecuted { return "not now" }  // certainly not executed: asking again is safe
      throw error
    }
    // GUIDE: end
  }

  func testStoreAnswersAndItsErrorArrivesAsWhatItIs() async throws {
    try await withEnvironments { server, client in
      // GUIDE: use
      try server.register("store", Store())
      let store = try await client.endpointRef("rpc://store@\(server.address!.hostPort)")
      _ = try await store.ask(Put(key: "tea", value: "green"))
      let tea = try await store.ask(Get(key: "tea"))
      // GUIDE: end
      XCTAssertEqual(tea, "green")
      let known = try await value(of: "tea", in: store)
      XCTAssertEqual(known, "green")
      try store.send(Remove(key: "tea"))
      let forgotten = try await value(of: "tea", in: store)
      XCTAssertEqual(forgotten, "nothing")
    }
  }

  func testHandlersThatSuspendAndAnswersThatComeLater() async throws {
    try await withEnvironments { server, client in
      let store = try server.register("store", Store())
      try server.register("cache", Cache(of: store))
      try server.register("gauge", Gauge(), on: .eventLoop)
      let uri = { (name: String) in "rpc://\(name)@\(server.address?.hostPort ?? "")" }
      let cache = try await client.endpointRef(uri("cache"))
      _ = try await store.ask(Put(key: "tea", value: "black"))
      let tea = try await cache.ask(Get(key: "tea"))
      XCTAssertEqual(tea, "black")

      let gauge = try await client.endpointRef(uri("gauge"))
      let next = expectation(description: "the next value")
      // GUIDE: callback
      let handle = gauge.ask(NextValue(), timeout: .seconds(60)) { result in
        switch result {
        case .success(let value): print("the next value is \(value)")
        case .failure(let error): print("no value: \(error)")
        }
        XCTAssertEqual(try? result.get(), 7)
        next.fulfill()
      }
      // GUIDE: end
      try gauge.send(Reading(sensor: 1, value: 7))
      await fulfillment(of: [next], timeout: 20)
      XCTAssertTrue(handle.isDone)
      handle.cancel()
    }
  }

  func testSenderWaitsForRoom() async throws {
    try await withEnvironments { server, _ in
      let gauge = try server.register("gauge", Gauge())
      // GUIDE: room
      for number in 0..<100_000 {
        try await gauge.send(Reading(sensor: 1, value: Int64(number)), waitingAtMost: .seconds(10))
      }
      // GUIDE: end
    }
  }

  func testGuideShowsThisCode() throws {
    let source = try DocumentedCode(file: #filePath)
    let names = [
      "messages", "by hand", "bytes", "endpoint", "environments", "use", "program", "errors", "callback",
      "asking with bytes", "cache", "later", "room",
    ]
    let shown = try DocumentedCode(document: "docs/guide.md").blocks()
    XCTAssertEqual(shown.count, names.count)
    for (block, name) in zip(shown, names) {
      let isCode = { (line: String) in
        !line.isEmpty && !line.hasPrefix("import ") && !line.contains("XCTAssert") && !line.contains("fulfill")
      }
      XCTAssertEqual(block.filter(isCode), try source.section("GUIDE: \(name)").filter(isCode), name)
    }
  }
}
