import MailroomQueue
import XCTest

@testable import Mailroom

final class SettingKeyTests: XCTestCase {
  private struct Sample {
    let text: String
    let changes: [String: String]

    init(_ text: String, _ property: String, _ value: Any) {
      self.init(text, [property: value])
    }

    init(_ text: String, _ changes: [String: Any]) {
      self.text = text
      self.changes = changes.mapValues { "\($0)" }
    }
  }

  /// A value of every key, and what it changes.
  private static let samples: [String: Sample] = [
    "spark.network.timeout": Sample(
      "7s",
      [
        "askTimeout": Duration.seconds(7), "lookupTimeout": Duration.seconds(7),
        "transport.connectTimeout": Duration.seconds(7),
      ]),
    "spark.rpc.askTimeout": Sample("7s", "askTimeout", Duration.seconds(7)),
    "spark.rpc.lookupTimeout": Sample("1500ms", "lookupTimeout", Duration.milliseconds(1500)),
    "spark.rpc.io.connectionTimeout": Sample("8", "transport.connectTimeout", Duration.seconds(8)),
    "spark.rpc.io.connectionCreationTimeout": Sample("9", "transport.connectTimeout", Duration.seconds(9)),
    "mailroom.shutdown.timeout": Sample("1min", "shutdownTimeout", Duration.seconds(60)),
    "mailroom.connection.closeTimeout": Sample("250us", "transport.closeTimeout", Duration.microseconds(250)),
    "mailroom.watchdog.slowTurn": Sample("off", "slowTurnThreshold", "nil"),
    "spark.rpc.numRetries": Sample("5", "retryAttempts", 5),
    "spark.rpc.retry.wait": Sample("0", "retryWait", Duration.zero),
    "spark.port.maxRetries": Sample("0", "portRetries", 0),
    "mailroom.reconnect.delay": Sample("50", "reconnectDelay", Duration.milliseconds(50)),
    "spark.rpc.io.retryWait": Sample("15", "maximumReconnectDelay", Duration.seconds(15)),
    "spark.rpc.connect.threads": Sample("16", "transport.maximumConcurrentConnects", 16),
    "spark.rpc.io.backLog": Sample("128", "transport.backlog", 128),
    "mailroom.keepAlive.idle": Sample("2h", "transport.keepAliveSeconds", UInt32?.some(7200) as Any),
    "spark.rpc.io.enableTcpKeepAlive": Sample("false", "transport.keepAliveSeconds", "nil"),
    "spark.rpc.message.maxSize": Sample("64", "transport.maximumFrameLength", 64 << 20),
    "mailroom.connection.maxPendingReplies": Sample("1000", "transport.maximumPendingReplies", 1000),
    "mailroom.connection.maxUnansweredRequests": Sample("77", "transport.maximumUnansweredRequests", 77),
    "mailroom.connection.maxQueuedMessages": Sample("78", "transport.maximumQueuedMessages", 78),
    "mailroom.connection.maxQueuedBytes": Sample("2m", "transport.maximumQueuedBytes", 2 << 20),
    "mailroom.connection.writeHighWaterMark": Sample("3m", "transport.writeHighWaterMark", 3 << 20),
    "mailroom.connection.writeLowWaterMark": Sample("64k", "transport.writeLowWaterMark", 64 << 10),
    "spark.rpc.netty.dispatcher.numThreads": Sample("99", "messageLoopThreads", 99),
    "spark.driver.rpc.netty.dispatcher.numThreads": Sample("98", "messageLoopThreads", 98),
    "spark.executor.rpc.netty.dispatcher.numThreads": Sample("97", "messageLoopThreads", 97),
    "spark.rpc.io.threads": Sample("3", "eventLoops", 3),
    "spark.rpc.io.serverThreads": Sample("4", "eventLoops", 4),
    "spark.driver.rpc.io.serverThreads": Sample("5", "eventLoops", 5),
    "spark.executor.rpc.io.serverThreads": Sample("6", "eventLoops", 6),
    "spark.rpc.io.clientThreads": Sample("7", "eventLoops", 7),
    "spark.driver.rpc.io.clientThreads": Sample("8", "eventLoops", 8),
    "spark.executor.rpc.io.clientThreads": Sample("9", "eventLoops", 9),
    "mailroom.eventLoops": Sample("10", "eventLoops", 10),
    "mailroom.eventLoops.processors": Sample("0, 2", "eventLoopProcessors", [0, 2] as [Int]? as Any),
    "mailroom.messageLoops.processors": Sample("1", "messageLoopProcessors", [1] as [Int]? as Any),
    "mailroom.busyPoll": Sample("70", "busyPoll", Duration.microseconds(70)),
    "mailroom.inbox.maxMessages": Sample("100", "maximumInboxMessages", 100),
    "mailroom.inbox.maxBytes": Sample("1m", "maximumInboxBytes", 1 << 20),
    "mailroom.outbox.maxMessages": Sample("200", "maximumOutboxMessages", 200),
    "mailroom.outbox.maxBytes": Sample("1g", "maximumOutboxBytes", 1 << 30),
    "spark.rpc.io.mode": Sample("EPOLL", [:]),
    "spark.rpc.io.maxRetries": Sample("3", [:]),
    "spark.rpc.io.preferDirectBufs": Sample("true", [:]),
    "spark.rpc.io.lazyFD": Sample("", [:]),
    "spark.rpc.io.enableVerboseMetrics": Sample("false", [:]),
    "spark.rpc.io.numConnectionsPerPeer": Sample("1", [:]),
  ]

  /// Stored properties that no key sets: they say which key set another one.
  private static let withoutKey: Set = [
    "onSlowTurn", "logger", "errorTypes", "onDeadLetter", "askTimeoutSource", "lookupTimeoutSource",
  ]

  func testEveryKeyHasASample() {
    XCTAssertEqual(Set(SettingKey.all.map(\.name)), Set(Self.samples.keys))
    XCTAssertEqual(SettingKey.all.count, Self.samples.count, "a key is listed twice")
  }

  func testEveryKeySetsItsPropertiesAndNothingElse() throws {
    for key in SettingKey.all {
      let sample = try XCTUnwrap(Self.samples[key.name])
      let configuration = try RPCConfiguration(settings: [key.name: sample.text], role: key.role)
      XCTAssertEqual(configuration.changes, sample.changes, key.name)
      XCTAssertEqual(Set(key.properties), Set(sample.changes.keys), key.name)
    }
  }

  func testKeysOfARoleSetNothingForTheOtherOneAndForNone() throws {
    for key in SettingKey.all {
      guard let role = key.role else { continue }
      let settings = [key.name: try XCTUnwrap(Self.samples[key.name]).text]
      let others: [RPCConfiguration.Role?] = [nil] + RPCConfiguration.Role.allCases.filter { $0 != role }
      for other in others {
        XCTAssertEqual(try RPCConfiguration(settings: settings, role: other).changes, [:], key.name)
      }
    }
  }

  func testEveryKeyRoundTrips() throws {
    for key in SettingKey.all {
      var draft = ConfigurationDraft()
      XCTAssertTrue(key.apply(try XCTUnwrap(Self.samples[key.name]).text, to: &draft), key.name)
      let texts = key.texts(in: draft)
      XCTAssertEqual(texts.count, key.properties.count)
      for text in texts {
        var again = ConfigurationDraft()
        XCTAssertTrue(key.apply(text, to: &again), "\(key.name): \(text)")
        XCTAssertEqual(key.texts(in: again), texts, key.name)
        XCTAssertEqual(again.configuration.fields, draft.configuration.fields, key.name)
      }
    }
  }

  func testDefaultsAreValuesOfTheirKeys() {
    for key in SettingKey.all {
      for text in key.texts(in: ConfigurationDraft()) where text != "unset" {
        var draft = ConfigurationDraft()
        XCTAssertTrue(key.apply(text, to: &draft), "\(key.name): \(text)")
      }
    }
  }

  func testEveryPropertyHasAKey() {
    let fields = Set(RPCConfiguration().fields.keys)
    XCTAssertTrue(Self.withoutKey.isSubset(of: fields), "an exception for nothing")
    let keyed = Set(SettingKey.all.flatMap(\.properties))
    XCTAssertEqual(
      fields.subtracting(Self.withoutKey).subtracting(keyed), [], "no key sets these: SettingKey+All.swift")
    XCTAssertEqual(keyed.subtracting(fields), [], "keys set what is not there")
  }

  func testMarksAreWhatAGaugeCanCount() throws {
    let most = try RPCConfiguration(settings: [
      "mailroom.inbox.maxMessages": "4194304", "mailroom.inbox.maxBytes": "256g",
    ])
    let (messages, bytes) = (most.maximumInboxMessages, most.maximumInboxBytes)
    let marks = FlowMarks(messages: messages, bytes: bytes)
    XCTAssertNotEqual(marks, FlowMarks(messages: messages - 1, bytes: bytes))
    XCTAssertNotEqual(marks, FlowMarks(messages: messages, bytes: bytes - 1))
  }
}
