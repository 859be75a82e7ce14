import XCTest

@testable import Mailroom

/// The rows RE32 of docs/reference.md, then fallbacks and roles, then what is refused.
final class RPCConfigurationSettingsTests: EnvironmentTestCase {
  // MARK: Acceptance rows

  func testRE32ASingleKey() throws {
    let ask = try RPCConfiguration(settings: ["spark.rpc.askTimeout": "7s"])
    XCTAssertEqual(ask.askTimeout, .seconds(7))
    XCTAssertEqual(ask.askTimeoutSource, "spark.rpc.askTimeout")
    XCTAssertEqual(ask.lookupTimeout, .seconds(120))
    let lookup = try RPCConfiguration(settings: ["spark.rpc.lookupTimeout": "8"])
    XCTAssertEqual(lookup.lookupTimeout, .seconds(8))
    XCTAssertEqual(lookup.lookupTimeoutSource, "spark.rpc.lookupTimeout")
  }

  func testRE32APriorityListPicksTheFirstKeyThatIsSet() throws {
    let fallback = try RPCConfiguration(settings: ["spark.network.timeout": "33s"])
    XCTAssertEqual(fallback.askTimeout, .seconds(33))
    XCTAssertEqual(fallback.askTimeoutSource, "spark.network.timeout")
    XCTAssertEqual(fallback.lookupTimeout, .seconds(33))
    XCTAssertEqual(fallback.lookupTimeoutSource, "spark.network.timeout")

    let both = try RPCConfiguration(settings: ["spark.network.timeout": "33s", "spark.rpc.askTimeout": "100ms"])
    XCTAssertEqual(both.askTimeout, .milliseconds(100))
    XCTAssertEqual(both.askTimeoutSource, "spark.rpc.askTimeout")
    XCTAssertEqual(both.lookupTimeout, .seconds(33))
    XCTAssertEqual(both.lookupTimeoutSource, "spark.network.timeout")
  }

  func testRE32TheDefaultHasTheFirstKeysName() throws {
    for settings in [[:], ["spark.rpc.numRetries": "5"]] {
      let configuration = try RPCConfiguration(settings: settings)
      XCTAssertEqual(configuration.askTimeout, .seconds(120))
      XCTAssertEqual(configuration.askTimeoutSource, "spark.rpc.askTimeout")
      XCTAssertEqual(configuration.lookupTimeout, .seconds(120))
      XCTAssertEqual(configuration.lookupTimeoutSource, "spark.rpc.lookupTimeout")
    }
  }

  func testRE32AMalformedValueNamesItsKey() {
    for key in ["spark.rpc.askTimeout", "spark.rpc.lookupTimeout", "spark.network.timeout"] {
      for text in ["0.5s", "", "-1", "0", "soon"] {
        assertRefused(
          [key: text],
          """
          invalid setting: \(key) is "\(text)", expected a duration of 1us to 106751d: a whole number and us, ms, s, m, \
          min, h or d, s when it has none
          """)
      }
    }
  }

  // MARK: Fallbacks and roles

  func testNoSettingsAreTheDefaults() throws {
    XCTAssertEqual(try RPCConfiguration(settings: [:]).fields, RPCConfiguration().fields)
  }

  func testCodeOutweighsSettings() throws {
    var configuration = try RPCConfiguration(settings: ["spark.network.timeout": "7s"])
    configuration.askTimeout = .seconds(8)
    XCTAssertEqual(configuration.askTimeoutSource, "RPCConfiguration.askTimeout")
    XCTAssertEqual(configuration.lookupTimeoutSource, "spark.network.timeout")
  }

  func testConnectTimeoutFallsBackTwice() throws {
    let keys = ["spark.network.timeout", "spark.rpc.io.connectionTimeout", "spark.rpc.io.connectionCreationTimeout"]
    var settings: [String: String] = [:]
    for (index, key) in keys.enumerated() {
      settings[key] = "\(index + 1)s"
      XCTAssertEqual(try RPCConfiguration(settings: settings).transport.connectTimeout, .seconds(index + 1), key)
    }
    settings = ["spark.rpc.io.connectionCreationTimeout": "9s"]
    let alone = try RPCConfiguration(settings: settings)
    XCTAssertEqual(alone.changes, ["transport.connectTimeout": "\(Duration.seconds(9))"])
  }

  func testEventLoopsServeBothDirections() throws {
    let common = "spark.rpc.io.threads"
    let (server, client) = ("spark.rpc.io.serverThreads", "spark.rpc.io.clientThreads")
    let table: [(settings: [String: String], loops: Int)] = [
      ([common: "3"], 3), ([common: "8"], 8), ([common: "100"], 8), ([server: "2"], 2), ([client: "100"], 100),
      ([server: "2", client: "5"], 5), ([server: "5", client: "2"], 5), ([common: "4", server: "2"], 4),
      ([common: "4", client: "6"], 6), ([common: "4", server: "2", client: "1"], 2),
      (["mailroom.eventLoops": "2", common: "4", server: "5", client: "6"], 2),
    ]
    for (settings, loops) in table {
      XCTAssertEqual(try RPCConfiguration(settings: settings).eventLoops, loops, "\(settings)")
    }
  }

  func testRolesOutweighTheCommonKeys() throws {
    let settings = [
      "spark.rpc.netty.dispatcher.numThreads": "11", "spark.driver.rpc.netty.dispatcher.numThreads": "12",
      "spark.executor.rpc.netty.dispatcher.numThreads": "13",
      "spark.rpc.io.serverThreads": "21", "spark.driver.rpc.io.serverThreads": "22",
      "spark.executor.rpc.io.serverThreads": "3", "spark.executor.rpc.io.clientThreads": "23",
    ]
    let table: [(role: RPCConfiguration.Role?, threads: Int, loops: Int)] = [
      (nil, 11, 21), (.driver, 12, 22), (.executor, 13, 23),
    ]
    for (role, threads, loops) in table {
      let configuration = try RPCConfiguration(settings: settings, role: role)
      XCTAssertEqual(configuration.messageLoopThreads, threads)
      XCTAssertEqual(configuration.eventLoops, loops)
    }
  }

  func testKeysOfTheOtherRoleAreChecked() {
    for role in [nil, RPCConfiguration.Role.driver, .executor] {
      assertRefused(
        ["spark.executor.rpc.io.clientThreads": "many"], role: role,
        "invalid setting: spark.executor.rpc.io.clientThreads is \"many\", expected a whole number of 1 to 1024")
    }
  }

  func testKeepAlive() throws {
    let (flag, idle) = ("spark.rpc.io.enableTcpKeepAlive", "mailroom.keepAlive.idle")
    let table: [(settings: [String: String], seconds: UInt32?)] = [
      ([:], 60), ([flag: "true"], 60), ([flag: "false"], nil), ([idle: "90s"], 90), ([idle: "off"], nil),
      ([flag: "true", idle: "2m"], 120), ([flag: "false", idle: "2m"], nil),
    ]
    for (settings, seconds) in table {
      XCTAssertEqual(try RPCConfiguration(settings: settings).transport.keepAliveSeconds, seconds, "\(settings)")
    }
  }

  func testFrameLengthIsAtMost2047MiB() throws {
    let key = "spark.rpc.message.maxSize"
    for (text, bytes) in ["2047": 2047 << 20, "2047m": 2047 << 20, "1k": 1024, "64MB": 64 << 20, "1g": 1 << 30] {
      XCTAssertEqual(try RPCConfiguration(settings: [key: text]).transport.maximumFrameLength, bytes, text)
    }
    for text in ["0", "2048", "2g", "1023b", "1p"] {
      assertRefused(
        [key: text],
        """
        invalid setting: \(key) is "\(text)", expected a size of 1k to 2047m: a whole number and b, k, m, g, t or p, MiB \
        when it has none
        """)
    }
  }

  func testSettingsOfTheApplicationAreIgnored() throws {
    let settings = [
      "spark.app.name": "", "spark.master": "local[*]", "spark.rpcs": "x", "spark.network.timeoutInterval": "1x",
      "spark.executor.memory": "2g", "spark.port.max": "-1", "Spark.Rpc.askTimeout": "x", " spark.rpc.askTimeout": "x",
      "user.home": "/root", "": "", "mailroom": "x", "mailrooms.inbox": "x", "\u{0}": "\u{0}",
    ]
    XCTAssertEqual(try RPCConfiguration(settings: settings).fields, RPCConfiguration().fields)
  }

  func testEnvironmentsWorkAtTheBoundsOfSettings() async throws {
    let forever = "106751d"
    let large = [
      "spark.network.timeout": forever, "mailroom.shutdown.timeout": forever,
      "mailroom.connection.closeTimeout": forever,
      "mailroom.watchdog.slowTurn": forever, "spark.rpc.retry.wait": forever, "mailroom.reconnect.delay": forever,
      "spark.rpc.io.retryWait": forever, "mailroom.keepAlive.idle": "32767s", "spark.rpc.io.backLog": "2147483647",
      "spark.rpc.message.maxSize": "2047", "mailroom.connection.maxPendingReplies": "16777215",
      "mailroom.inbox.maxMessages": "4194304", "mailroom.inbox.maxBytes": "256g",
      "mailroom.outbox.maxMessages": "4194304", "mailroom.outbox.maxBytes": "256g",
    ]
    let small = [
      "mailroom.connection.maxPendingReplies": "1", "spark.rpc.message.maxSize": "1k", "mailroom.keepAlive.idle": "1s",
      "spark.rpc.io.backLog": "1", "spark.rpc.netty.dispatcher.numThreads": "1", "spark.rpc.connect.threads": "1",
      "spark.rpc.numRetries": "1", "spark.rpc.retry.wait": "0", "mailroom.reconnect.delay": "0",
      "spark.rpc.io.retryWait": "0", "mailroom.watchdog.slowTurn": "off",
    ]
    for bounds in [large, small] {
      let configuration = try RPCConfiguration(settings: bounds)
      let (server, client) = (try await makeServer(configuration), try await makeClient(configuration))
      try server.register("echo", Echo())
      let reply = try await client.endpointRef(server.uri("echo")).ask(Say(text: "hi"))
      XCTAssertEqual(reply, "hi")
      await client.shutdown()
      await server.shutdown()
    }
  }

  // MARK: Refusals

  func testUnknownKeysAreNamedWithTheNearestKnownOne() {
    let table = [
      "spark.rpc.asktimeout": ", did you mean spark.rpc.askTimeout?",
      "spark.rpc.io.backlog": ", did you mean spark.rpc.io.backLog?",
      "spark.rpc.numRetrys": ", did you mean spark.rpc.numRetries?",
      "mailroom.inbox.maxMessage": ", did you mean mailroom.inbox.maxMessages?",
      "mailroom.eventLoop": ", did you mean mailroom.eventLoops?",
      "spark.rpc.sasl.timeout": "", "mailroom.": "", "spark.rpc.": "", "mailroom.something.else": "",
    ]
    for (key, hint) in table {
      assertRefused([key: "a secret"], "invalid setting: \(key) is unknown\(hint)")
    }
  }

  func testAllThatIsWrongIsReportedSortedByKey() {
    assertRefused(
      [
        "spark.rpc.numRetries": "0", "mailroom.outbox.maxBites": "1", "spark.rpc.askTimeout": "9s",
        "mailroom.inbox.maxMessages": "4194305",
      ],
      """
      3 invalid settings: mailroom.inbox.maxMessages is "4194305", expected a whole number of 1 to 4194304; \
      mailroom.outbox.maxBites is unknown, did you mean mailroom.outbox.maxBytes?; \
      spark.rpc.numRetries is "0", expected a whole number of 1 to 2147483647
      """)
  }

  func testHostileTextsAreRefusedAndQuotedInPrintableASCII() {
    for key in SettingKey.all where !key.properties.isEmpty {
      for text in SuffixedNumberTests.malformed {
        // What is malformed as a number may be what another kind of value looks like.
        if key.name.hasSuffix("backLog") && text == "-1" { continue }
        if key.name.hasSuffix("processors") && text == "1,5" { continue }
        assertRefused([key.name: text], nil)
      }
    }
    for suffix in ["\n2026 all is well", "\u{202E}", "\u{301}", String(repeating: "x", count: 1_000_000)] {
      assertRefused(["spark.rpc." + suffix: "1"], nil)
      assertRefused(["mailroom.eventLoops" + suffix: "1"], nil)
    }
  }

  private func assertRefused(
    _ settings: [String: String], role: RPCConfiguration.Role? = nil, _ message: String?,
    file: StaticString = #filePath,
    line: UInt = #line
  ) {
    do throws(RPCError) {
      _ = try RPCConfiguration(settings: settings, role: role)
      let excerpt = AddressFlaw.excerpt(of: "\(settings)")
      XCTFail("taken: \(excerpt)", file: file, line: line)
    } catch {
      XCTAssertEqual(error.code, .invalidArgument, file: file, line: line)
      XCTAssertEqual(error.execution, .notExecuted, file: file, line: line)
      if let message { XCTAssertEqual(error.message, message, file: file, line: line) }
      XCTAssertLessThan(error.message.utf8.count, 3000, file: file, line: line)
      XCTAssertTrue(error.message.unicodeScalars.allSatisfy { (" "..."~").contains($0) }, file: file, line: line)
    }
  }
}
