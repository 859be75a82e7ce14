import Foundation
import TestSupport

@testable import Mailroom

/// Somebody who sends numbered messages of all kinds to one target, one after the other.
struct Correspondent: Sendable {
  let world: World
  let target: Target
  let user: Inhabitant
  let way: World.Way
  let account: Account
  var steps: Int
  var chance: Chance

  /// Who it is, for people.
  static func name(_ kind: String, _ user: Inhabitant, _ target: Target, _ way: World.Way) -> String {
    "a \(kind) of \(user.name) to \(target.name), \(user === target.home ? "local" : "\(way)")"
  }

  private mutating func consignment(_ number: Int, _ style: Consignment.Style) -> Consignment {
    let padding = chance.oneIn(20) ? chance.number(0...40_000) : chance.number(0...60)
    return Consignment(account.id, number, style, padding: padding)
  }

  private mutating func style() -> Consignment.Style {
    chance.oneIn(2) ? .plain : chance.pick(Consignment.Style.allCases)
  }

  private static let haste = [Duration.zero, .microseconds(200), .milliseconds(2)]
  private static let ample = Duration.seconds(30)

  // MARK: A task

  /// Sends everything that can be sent, from a task.
  mutating func runAsTask() async {
    guard var ref = await world.ref(to: target, for: user, way) else { return }
    for _ in 0..<steps {
      if chance.oneIn(40) { world.makeTrouble(&chance) }
      if chance.oneIn(8) { await Task.yield() }
      let error = await step(ref)
      if let error, [.endpointStopped, .endpointNotFound, .connectionLost].contains(error.code), chance.oneIn(2),
        let other = await world.ref(to: target, for: user, way)
      {
        ref = other
      }
    }
  }

  private mutating func step(_ ref: RPCEndpointRef) async -> RPCError? {
    let account = account
    switch chance.number(0...11) {
    case 0...2: return simpleStep(ref)
    case 3:
      var forked = self
      let error = await account.send { (number) async throws(RPCError) in
        try await ref.send(forked.consignment(number, .plain), waitingAtMost: Self.ample)
      }
      chance = forked.chance
      return error
    case 4:
      var forked = self
      let error = await account.send { (number) async throws(RPCError) in
        try await ref.send(bytes: forked.consignment(number, .plain).bytes, waitingAtMost: Self.ample)
      }
      chance = forked.chance
      return error
    case 5, 6:
      let style = style()
      let number = account.begin(.ask(Self.ample), style)
      let consignment = consignment(number, style)
      return await end(number) { () async throws(RPCError) in try await ref.ask(consignment) }
    case 7:
      let number = account.begin(.ask(Self.ample))
      let consignment = consignment(number, .plain)
      return await end(number) { () async throws(RPCError) in
        Int64(try await ref.ask(bytes: consignment.bytes) == consignment.bytes ? number : -2)
      }
    case 8:
      let style = style()
      let number = account.begin(.ask(Self.ample), style)
      let slow = SlowConsignment(consignment: consignment(number, style))
      return await end(number) { () async throws(RPCError) in try await ref.ask(slow) }
    case 9:
      let (style, haste) = (style(), chance.pick(Self.haste))
      let number = account.begin(.ask(haste), style, isHasty: true)
      let consignment = consignment(number, style)
      return await end(number) { () async throws(RPCError) in try await ref.ask(consignment, timeout: haste) }
    case 10: return await cancelledAsk(ref)
    default:
      for _ in 0..<chance.number(5...40) { _ = simpleStep(ref) }
      return nil
    }
  }

  private mutating func cancelledAsk(_ ref: RPCEndpointRef) async -> RPCError? {
    let (style, isSlow) = (style(), chance.oneIn(2))
    let number = account.begin(.ask(Self.ample), style, isHasty: true)
    let consignment = consignment(number, style)
    let task = Task { [self] in
      await end(number) { () async throws(RPCError) in
        isSlow ? try await ref.ask(SlowConsignment(consignment: consignment)) : try await ref.ask(consignment)
      }
    }
    for _ in 0..<chance.number(0...5) { await Task.yield() }
    task.cancel()
    return await task.value
  }

  private nonisolated(nonsending) func end(
    _ number: Int, _ body: nonisolated(nonsending) () async throws(RPCError) -> Int64
  ) async -> RPCError? {
    do throws(RPCError) {
      account.end(number, reply: try await body())
      return nil
    } catch {
      account.end(number, error)
      return error
    }
  }

  // MARK: What needs no task

  /// Sends, or asks with a function.
  private mutating func simpleStep(_ ref: RPCEndpointRef) -> RPCError? {
    let (style, kind) = (style(), chance.number(0...7))
    let account = account
    switch kind {
    case 0, 1, 2:
      let number = account.begin(.oneWay, style)
      let consignment = consignment(number, style)
      do throws(RPCError) {
        switch kind {
        case 0: try ref.send(consignment)
        case 1: try ref.send(bytes: consignment.bytes)
        default: try ref.send(SlowConsignment(consignment: consignment))
        }
        account.end(number)
      } catch {
        account.end(number, error)
        return error
      }
    case 3, 4:
      let number = account.begin(.ask(Self.ample), style)
      ref.ask(consignment(number, style)) { Self.end(account, number, $0) }
    case 5:
      let number = account.begin(.ask(Self.ample), style)
      let sent = consignment(number, style).bytes
      ref.ask(bytes: sent) { reply in
        do throws(RPCError) {
          account.end(number, reply: Int64(try reply.bytes.array() == sent ? number : -2))
        } catch {
          account.end(number, error)
        }
      }
    case 6:
      let number = account.begin(.ask(Self.ample), style, isHasty: true)
      let handle = ref.ask(SlowConsignment(consignment: consignment(number, style))) { Self.end(account, number, $0) }
      if chance.oneIn(2) { handle.cancel() } else { Thread.detachNewThread { handle.cancel() } }
    default:
      let haste = chance.pick(Self.haste)
      let number = account.begin(.ask(haste), style, isHasty: true)
      ref.ask(consignment(number, style), timeout: haste) { Self.end(account, number, $0) }
    }
    return nil
  }

  private static func end(_ account: Account, _ number: Int, _ result: Result<Int64, RPCError>) {
    switch result {
    case .success(let reply): account.end(number, reply: reply)
    case .failure(let error): account.end(number, error)
    }
  }

  // MARK: A thread

  /// Sends what can be sent without a task, from a thread; `done` is called at its end.
  func runAsThread(_ ref: RPCEndpointRef, _ done: @escaping @Sendable () -> Void) {
    Thread.detachNewThread { [self] in
      var copy = self
      for _ in 0..<copy.steps {
        if copy.chance.oneIn(40) { copy.world.makeTrouble(&copy.chance) }
        if copy.chance.oneIn(12) { copy.askBlocking(ref) } else { _ = copy.simpleStep(ref) }
      }
      done()
    }
  }

  private mutating func askBlocking(_ ref: RPCEndpointRef) {
    let style = style()
    let number = account.begin(.ask(Self.ample), style)
    do throws(RPCError) {
      account.end(number, reply: try ref.askBlocking(consignment(number, style)))
    } catch {
      account.end(number, error)
    }
  }

  // MARK: Answers

  /// Sends from where answers arrive: on an event loop, or where a local endpoint replies; `done` is called at its end.
  func runOnAnswers(_ ref: RPCEndpointRef, _ done: @escaping @Sendable () -> Void) {
    var copy = self
    copy.steps -= 1
    if copy.steps < 0 { return done() }
    let account = account
    for _ in 0..<copy.chance.number(0...4) {
      account.send { (number) throws(RPCError) in try ref.send(copy.consignment(number, .plain)) }
    }
    let number = account.begin(.ask(Self.ample))
    let next = copy
    ref.ask(copy.consignment(number, .plain)) { result in
      Self.end(account, number, result)
      next.runOnAnswers(ref, done)
    }
  }
}
