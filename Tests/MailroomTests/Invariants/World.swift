import Foundation
import TestSupport
import XCTest

@testable import Mailroom

/// What a round may do besides sending.
struct Trouble: Sendable, CustomStringConvertible {
  /// Whether endpoints are stopped and registered again.
  var restarts = false
  /// Whether connections are cut.
  var cuts = false
  /// Whether environments are shut down under load.
  var shutdowns = false
  /// Whether inboxes and outboxes are small.
  var smallBounds = false

  init(_ chance: inout Chance) {
    // One round in four is a calm one, in which everything has to arrive.
    smallBounds = chance.oneIn(2)
    if chance.oneIn(4) { return }
    restarts = chance.oneIn(2)
    cuts = chance.oneIn(2)
    shutdowns = chance.oneIn(3)
  }

  /// Whether messages may be lost that were taken.
  var losesMessages: Bool { cuts || shutdowns }

  /// The errors that a message may end with which has time.
  var errors: Set<RPCError.Code> {
    var errors: Set<RPCError.Code> = []
    if smallBounds { errors.insert(.full) }
    if restarts { errors.formUnion([.endpointStopped, .endpointNotFound]) }
    if cuts { errors.formUnion([.connectionLost, .connectFailed]) }
    if shutdowns {
      errors.formUnion([.stopped, .connectionLost, .connectFailed, .endpointStopped, .endpointNotFound])
    }
    return errors
  }

  var description: String {
    let parts = [
      restarts ? "restarts" : "", cuts ? "cuts" : "", shutdowns ? "shutdowns" : "", smallBounds ? "small bounds" : "",
    ].filter { !$0.isEmpty }
    return parts.isEmpty ? "calm" : parts.joined(separator: ", ")
  }
}

/// A reference that keeps nothing.
struct Weak<Object: AnyObject & Sendable>: Sendable {
  weak var object: Object?
}

/// An environment of a round, and what belongs to it.
final class Inhabitant: Sendable {
  let name: String
  let env: RPCEnv
  /// The way to it that can be cut; nil for one that does not listen.
  let proxy: CuttingProxy?
  /// What others have sent it references to.
  let kept = Box<[String: RPCEndpointRef]>([:])
  /// What its endpoints send to.
  let leaf = Box<RPCEndpointRef?>(nil)

  init(name: String, env: RPCEnv, proxy: CuttingProxy?) {
    self.name = name
    self.env = env
    self.proxy = proxy
  }

  var isServer: Bool { proxy != nil }
}

/// An endpoint of a round: a name that is registered, now and then anew.
final class Target: Sendable {
  let name: String
  let home: Inhabitant
  let dispatch: RPCDispatch
  let isSerial: Bool
  /// Whether the order of its handlers can be seen.
  let isOrdered: Bool
  /// The reference to the endpoint that is registered now.
  let current = Box<RPCEndpointRef?>(nil)
  let isBusy = Box(false)

  init(name: String, home: Inhabitant, dispatch: RPCDispatch, isSerial: Bool) {
    self.name = name
    self.home = home
    self.dispatch = dispatch
    self.isSerial = isSerial
    let threads =
      switch dispatch {
      case .shared: home.env.configuration.messageLoopThreads
      case .dedicated(let threads): threads
      case .eventLoop, .eventLoopOnly: 1
      }
    isOrdered = isSerial || threads == 1
  }
}

/// The environments, endpoints and senders of one round.
final class World: Sendable {
  let trouble: Trouble
  let inhabitants: [Inhabitant]
  let targets: [Target]
  let accounts = Box<[Account]>([])
  let journals = Box<[Journal]>([])
  /// Dead letters that environments told of.
  let deadLetters: Box<Int>
  /// What was found broken on the way.
  let violations = Box<[String]>([])
  /// How often connections were cut.
  let cuts = Box(0)
  /// References that senders use.
  let usedRefs = Box<[RPCEndpointRef]>([])
  /// What goes on beside the senders.
  let deeds = Box<[Task<Void, Never>]>([])
  /// Which environments are shut down while others send.
  let isDown = Box<Set<Int>>([])

  /// Makes the environments and endpoints of a round.
  init(_ chance: inout Chance) async throws {
    trouble = Trouble(&chance)
    let deadLetters = Box(0)
    self.deadLetters = deadLetters
    var inhabitants: [Inhabitant] = []
    let (servers, clients) = (chance.number(2...4), chance.number(1...3))
    for index in 0..<servers + clients {
      var configuration = Self.configuration(&chance, trouble)
      configuration.onDeadLetter = { letter in deadLetters.update { $0 += letter.count } }
      if index < servers {
        let env = try await RPCEnv.start(name: "server-\(index)", configuration: configuration)
        inhabitants.append(
          Inhabitant(name: "server-\(index)", env: env, proxy: try CuttingProxy(to: env.port)))
      } else {
        let env = try await RPCEnv.client(name: "client-\(index)", configuration: configuration)
        inhabitants.append(Inhabitant(name: "client-\(index)", env: env, proxy: nil))
      }
    }
    self.inhabitants = inhabitants
    var targets: [Target] = []
    for (index, inhabitant) in inhabitants.enumerated() {
      for number in 0..<chance.number(1...3) {
        let isSerial = !chance.oneIn(3)
        let dispatch: RPCDispatch = chance.pick([
          .shared, .shared, .dedicated(threads: isSerial ? 1 : chance.number(1...3)), .eventLoop,
          .eventLoopOnly,
        ])
        targets.append(
          Target(name: "examinee-\(index)-\(number)", home: inhabitant, dispatch: dispatch, isSerial: isSerial))
      }
    }
    self.targets = targets
    for inhabitant in inhabitants {
      let leaf = Target(
        name: "leaf", home: inhabitant, dispatch: chance.pick([.shared, .eventLoop]), isSerial: true)
      inhabitant.leaf.update { $0 = nil }
      try register(leaf)
      inhabitant.leaf.update { $0 = leaf.current.value }
      try inhabitant.env.register("depository", Depository(inhabitant.kept))
    }
    for target in targets { try register(target) }
  }

  private static func configuration(_ chance: inout Chance, _ trouble: Trouble) -> RPCConfiguration {
    var configuration = RPCConfiguration()
    configuration.askTimeout = .seconds(30)
    configuration.lookupTimeout = .seconds(30)
    configuration.eventLoops = chance.number(1...2)
    configuration.messageLoopThreads = chance.number(1...4)
    if chance.oneIn(4) { configuration.busyPoll = .microseconds(50) }
    configuration.reconnectDelay = chance.pick([.zero, .milliseconds(1), .milliseconds(5)])
    configuration.maximumReconnectDelay = .milliseconds(10)
    if trouble.smallBounds {
      configuration.maximumInboxMessages = chance.pick([1, 4, 16, 64, 16_384])
      configuration.maximumInboxBytes = chance.pick([2_000, 50_000, 16 << 20])
      configuration.maximumOutboxMessages = chance.pick([1, 4, 16, 64, 131_072])
      configuration.maximumOutboxBytes = chance.pick([2_000, 50_000, 64 << 20])
      // A peer that sends sixteen times as much before it reads is given up.
      configuration.transport.writeHighWaterMark = chance.pick([4_000, 200_000, 4 << 20])
      configuration.transport.writeLowWaterMark = 1_000
      configuration.transport.maximumUnansweredRequests = chance.pick([2, 20, 1 << 20])
    }
    return configuration
  }

  // MARK: Endpoints

  /// Registers a new endpoint under a target's name.
  func register(_ target: Target) throws {
    let count = journals.value.count
    let journal = Journal(
      name:
        "\(target.name)#\(count) of \(target.home.name) (\(target.isSerial ? "serial" : "concurrent"), \(target.dispatch))",
      home: target.home.name,
      isFirst: target.current.value == nil, isSerial: target.isSerial, isOrdered: target.isOrdered)
    let account = account("the handlers of \(journal.name)", isLocal: true)
    let kit = ExamineeKit(journal: journal, leaf: target.home.leaf.value, account: account)
    let ref: RPCEndpointRef
    if target.isSerial {
      ref = try target.home.env.register(target.name, SerialExaminee(kit), on: target.dispatch)
    } else {
      ref = try target.home.env.register(target.name, ConcurrentExaminee(kit), on: target.dispatch)
    }
    journals.append(journal)
    target.current.update { $0 = ref }
  }

  func account(_ name: String, isLocal: Bool) -> Account {
    var id = Consignment.nobody
    var made: Account?
    accounts.update { accounts in
      id = Int64(accounts.count)
      let account = Account(id: id, name: name, isLocal: isLocal)
      accounts.append(account)
      made = account
    }
    return made ?? Account(id: id, name: name, isLocal: isLocal)
  }

  func violate(_ what: String) { violations.append(what) }

  // MARK: Ways

  /// How a sender comes by its reference.
  enum Way: CaseIterable, Sendable { case direct, throughProxy, unverified, travelled }

  /// A reference to a target for an environment; nil when there is none now.
  func ref(to target: Target, for user: Inhabitant, _ way: Way) async -> RPCEndpointRef? {
    if user === target.home { return target.current.value }
    let host = target.home
    do {
      guard let proxy = host.proxy, let address = host.env.address else {
        return try await deposited(target, at: user)
      }
      switch way {
      case .direct: return try await user.env.endpointRef("rpc://\(target.name)@\(address.hostPort)")
      case .throughProxy: return try await user.env.endpointRef("rpc://\(target.name)@127.0.0.1:\(proxy.port)")
      case .unverified:
        return try user.env.remoteRef(name: target.name, address: RPCAddress(host: "127.0.0.1", port: proxy.port))
      case .travelled: return try await deposited(target, at: user)
      }
    } catch {
      return nil
    }
  }

  /// The reference that a target's environment has sent to a user.
  private func deposited(_ target: Target, at user: Inhabitant) async throws -> RPCEndpointRef? {
    guard let proxy = user.proxy, let mine = target.current.value else {
      guard let current = target.current.value, let proxy = target.home.proxy else { return nil }
      return try user.env.remoteRef(
        name: current.name, address: RPCAddress(host: "127.0.0.1", port: proxy.port))
    }
    let depository = try await target.home.env.endpointRef("rpc://depository@127.0.0.1:\(proxy.port)")
    _ = try await depository.ask(Deposit(name: target.name, ref: mine))
    return user.kept.value[target.name]
  }
}
