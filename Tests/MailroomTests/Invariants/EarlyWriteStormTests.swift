import MailroomQueue
import TestSupport
import XCTest

@testable import Mailroom
@testable import MailroomTransport

/// Windows of asks whose requests leave in parts, while connections are cut, endpoints replaced, asks given up, and the environment ends.
final class EarlyWriteStormTests: EnvironmentTestCase {
  func testEveryAskEndsOnceWhateverHappensWhileRequestsLeaveInParts() async throws {
    var seed: UInt64 = 0
    for isNarrow in [false, true] {
      for window in [96, 250, 1024] {
        for dispatch in [RPCDispatch.eventLoop, .shared] {
          seed += 1
          let storm = try await Storm(self, window: window, dispatch: dispatch, isNarrow: isNarrow, seed: seed)
          try await storm.run(endsInTheMiddle: seed % 3 == 0)
        }
      }
    }
  }
}

/// One client that keeps a window of asks on their way to the endpoints of one server, through a proxy that cuts.
///
/// They go round many endpoints, so that messages to those of the event loop are served in turns of their own. A narrow one has little
/// room in its connections' buffers and in inboxes.
private final class Storm: Sendable {
  private static let endpoints = 12
  private static let limit = Duration.seconds(30)

  private let window: Int
  private let total: Int
  private let dispatch: RPCDispatch
  private let isNarrow: Bool
  private let seed: UInt64
  private let server: RPCEnv
  private let client: RPCEnv
  private let proxy: CuttingProxy
  /// Who asks on the loop, and the tasks, whose asks have no order.
  private let account = Account(id: 0, name: "the window", isLocal: false)
  private let tasks = Account(id: 1, name: "the tasks", isLocal: false)
  private let ledger = Ledger()
  private let current = Box<[RPCEndpointRef?]>([])
  private let refs = Box<[RPCEndpointRef]>([])
  private let cuts = Box(0)
  private let random: Box<SeededRandom>
  private let ended = Signal("the end of one of the window's chains")

  init(_ test: EnvironmentTestCase, window: Int, dispatch: RPCDispatch, isNarrow: Bool, seed: UInt64) async throws {
    (self.window, self.dispatch, self.isNarrow, self.seed) = (window, dispatch, isNarrow, seed)
    total = 12 * window + 3000
    random = Box(SeededRandom(seed: seed))
    var configuration = RPCConfiguration()
    configuration.askTimeout = Self.limit
    configuration.reconnectDelay = .zero
    configuration.eventLoops = 1
    if isNarrow {
      configuration.maximumInboxMessages = 32
      configuration.transport.writeHighWaterMark = 8_000
      configuration.transport.writeLowWaterMark = 1_000
      configuration.transport.maximumUnansweredRequests = 40
    }
    server = try await test.makeServer(configuration)
    client = try await test.makeClient(configuration)
    proxy = try CuttingProxy(to: server.port)
    current.update { $0 = Array(repeating: nil, count: Self.endpoints) }
    for index in 0..<Self.endpoints {
      try register(index)
      let ref = try client.remoteRef(name: "e\(index)", address: RPCAddress(host: "127.0.0.1", port: proxy.port))
      refs.append(ref)
    }
  }

  private func register(_ index: Int) throws {
    let ref = try server.register("e\(index)", Clerk("e\(index)", ledger), on: dispatch)
    current.update { $0[index] = ref }
  }

  // MARK: The window

  func run(endsInTheMiddle: Bool) async throws {
    let refs = refs.value
    // First for being on the loop.
    refs[0].ask(bytes: Consignment(Consignment.nobody, 0).bytes) { [self] _ in
      for _ in 0..<window { ask(refs) }
    }
    if endsInTheMiddle {
      await eventually("half of the asks have begun") { account.all.count > total / 2 }
      async let first: Void = client.shutdown()
      async let second: Void = server.shutdown()
      _ = await (first, second)
    }
    await ended.comes(window, seconds: 60)
    let areSettled = (await account.settle(seconds: 60), await tasks.settle(seconds: 60))
    XCTAssertTrue(areSettled.0 && areSettled.1, "\(self): not all asks have ended")
    await client.shutdown()
    await server.shutdown()
    await proxy.close()
    judge()
    for ref in refs {
      guard let gauge = ref.storage.route?.gauge else { continue }
      await eventually("nothing is counted") { gauge.level.messages == 0 && gauge.level.bytes == 0 }
    }
    self.refs.update { $0 = [] }
    current.update { $0 = [] }
  }

  /// Asks, and again with every answer, until there were enough.
  private func ask(_ refs: [RPCEndpointRef]) {
    // Before an ask has its number: those that end by it ask again meanwhile.
    if account.all.count % 500 == 499 { trouble() }
    let begun = account.all.count
    if begun % 10 == 3 {
      let ref = refs[(begun + 1) % refs.count]
      account.send { (number) throws(RPCError) in try ref.send(Consignment(0, number)) }
      account.send { (number) throws(RPCError) in try ref.send(bytes: Consignment(0, number).bytes) }
    }
    let number = account.begin(.ask(Self.limit))
    if number >= total {
      account.end(number, RPCError(.cancelled, "not begun", execution: .notExecuted))
      return ended.fire()
    }
    if number % 64 == 0 { force(refs[0]) }
    let ref = refs[number % refs.count]
    let padding = number % 97 == 0 ? 20_000 : number % 50
    let consignment = Consignment(0, number, padding: padding)
    let next: @Sendable (RPCError?, Int64?) -> Void = { [self] error, reply in
      account.end(number, reply: reply, error)
      if error?.code == .stopped { return ended.fire() }
      askAgain(refs, error)
    }
    switch number % 16 {
    case 5:
      let handle = ref.ask(consignment) { result in next(result.error, result.value) }
      handle.cancel()
    case 7, 9: ref.ask(consignment) { result in next(result.error, result.value) }
    case 11:
      account.end(number, reply: nil, RPCError(.cancelled, "a task asks", execution: .notExecuted))
      let number = tasks.begin(.ask(Self.limit))
      Task {
        do throws(RPCError) {
          tasks.end(number, reply: try await ref.ask(Consignment(1, number, padding: padding)))
        } catch {
          tasks.end(number, error)
          if error.code == .stopped { return ended.fire() }
        }
        askAgain(refs, RPCError(.cancelled, "", execution: .notExecuted))
      }
    default:
      ref.ask(bytes: consignment.bytes) { reply in
        do throws(RPCError) {
          let isSame = try reply.bytes.array() == consignment.bytes
          next(nil, Int64(isSame ? number : -2))
        } catch {
          next(error, nil)
        }
      }
    }
  }

  private func askAgain(_ refs: [RPCEndpointRef], _ error: RPCError?) {
    // Not at once when it is refused, which would be within the asking, over and over; and on the loop.
    if client.group.next().isCurrent, error == nil || error?.execution == .unknown { return ask(refs) }
    if !client.group.next().execute({ [self] in ask(refs) }) { ended.fire() }
  }

  /// Has requests leave in parts, whatever a trial has found.
  private func force(_ ref: RPCEndpointRef) {
    guard let outbox = ref.storage.route?.outbox, outbox.loop.isCurrent else { return }
    outbox.core.value.client?.connection?.earlyWrite.value = EarlyWrite(EarlyWriteTrial(isOn: true))
  }

  private func trouble() {
    var (kind, bytes, index) = (0, 0, 0)
    random.update { random in
      kind = Int.random(in: 0..<4, using: &random)
      bytes = Int.random(in: 0..<40_000, using: &random)
      index = Int.random(in: 0..<Self.endpoints, using: &random)
    }
    switch kind {
    case 0, 1:
      cuts.update { $0 += 1 }
      proxy.cut(CuttingProxy.Cut(bytes: bytes, isHard: kind == 0))
    case 2:
      guard let ref = current.value[index], !server.isStopped else { return }
      current.update { $0[index] = nil }
      server.stop(ref)
      try? register(index)
    default:
      guard let outbox = refs.value.first?.storage.route?.outbox, outbox.loop.isCurrent else { return }
      cuts.update { $0 += 1 }
      outbox.core.value.client?.close()
    }
  }

  // MARK: Judging

  private func judge() {
    let delivered = ledger.delivered
    for violation in ledger.violations(of: account.id) { XCTFail("\(self): \(violation)") }
    // No timeout: with so much time it would be an ask that was forgotten.
    var allowed: Set<RPCError.Code> = [
      .connectionLost, .connectFailed, .endpointNotFound, .endpointStopped, .stopped, .cancelled,
    ]
    if isNarrow { allowed.insert(.full) }
    for account in [account, tasks] {
      let mine = delivered[account.id] ?? [:]
      for violation in account.violations(delivered: mine, allowed: allowed, slack: .seconds(10)) {
        XCTFail("\(self): \(violation)")
      }
    }
  }
}

extension Storm: CustomStringConvertible {
  var description: String { "window \(window), \(dispatch), \(isNarrow ? "narrow, " : "")seed \(seed)" }
}
