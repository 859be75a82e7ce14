import TestSupport
import XCTest

@testable import Mailroom

/// What happens to a world while it is used.
extension World {
  /// Has something happen, beside whoever asks for it.
  func makeTrouble(_ chance: inout Chance) {
    var kinds: [() -> (@Sendable (World) async -> Void)?] = []
    let target = chance.pick(targets)
    let server = chance.pick(inhabitants.filter(\.isServer))
    let cut = CuttingProxy.Cut(bytes: chance.pick([0, 0, 1, 30, 500, 20_000]), isHard: chance.oneIn(2))
    let victim = chance.number(0...inhabitants.count - 1)
    if trouble.restarts { kinds.append { { world in world.restart(target) } } }
    if trouble.cuts {
      kinds.append {
        { world in
          world.cuts.update { $0 += 1 }
          server.proxy?.cut(cut)
        }
      }
    }
    if trouble.shutdowns && chance.oneIn(4) { kinds.append { { world in await world.shutDown(victim) } } }
    guard !kinds.isEmpty, let deed = chance.pick(kinds)() else { return }
    deeds.append(Task { [self] in await deed(self) })
  }

  /// Stops an endpoint, and registers another one under its name.
  private func restart(_ target: Target) {
    var isMine = false
    target.isBusy.update { isBusy in
      isMine = !isBusy
      isBusy = true
    }
    guard isMine, let ref = target.current.value else { return }
    target.home.env.stop(ref)
    do {
      try register(target)
    } catch {
      if !target.home.env.isStopped { violate("\(target.name) could not be registered again: \(error)") }
    }
    target.isBusy.update { $0 = false }
  }

  /// Shuts an environment down, unless too few would be left.
  private func shutDown(_ index: Int) async {
    var isMine = false
    isDown.update { isDown in
      isMine = !isDown.contains(index) && isDown.count + 2 < inhabitants.count
      if isMine { isDown.insert(index) }
    }
    guard isMine else { return }
    await shutDown(inhabitants[index])
  }

  /// Shuts an environment down; from then on nothing of it may run.
  func shutDown(_ inhabitant: Inhabitant) async {
    let watch = ContinuousClock.now
    await inhabitant.env.shutdown()
    let time = ContinuousClock.now - watch
    if time > .seconds(8) { violate("shutting \(inhabitant.name) down took \(time)") }
    let ending = journals.value.filter { $0.home == inhabitant.name }
    for violation in ending.flatMap({ $0.violations(hasEnded: true) }) { violate("after the shutdown: \(violation)") }
  }

  /// Ends everything, and says what is left of it that should not be.
  func end(_ chance: inout Chance) async {
    for deed in deeds.value { await deed.value }
    deeds.update { $0 = [] }
    let order = inhabitants.shuffled(using: &chance)
    if chance.oneIn(2) {
      await withTaskGroup(of: Void.self) { group in
        for inhabitant in order { group.addTask { await self.shutDown(inhabitant) } }
      }
    } else {
      for inhabitant in order.dropLast() { await shutDown(inhabitant) }
      if let last = order.last {
        await endOfConnections(last)
        await shutDown(last)
      }
    }
    for inhabitant in inhabitants { await inhabitant.proxy?.close() }
  }

  /// Everybody else has gone: every connection that the endpoints of the last environment were told of has ended, and all
  /// endpoints that were there throughout were told the same.
  private func endOfConnections(_ last: Inhabitant) async {
    if last.env.isStopped { return }
    let living = journals.value.filter { $0.home == last.name && $0.isFirst && !$0.hasStopped }
    await eventually("the endpoints of \(last.name) were told that its connections have ended") {
      living.allSatisfy { $0.openConnections.isEmpty }
    }
    if Set(living.map(\.connections)).count > 1 {
      violate("endpoints were told of \(living.map { "\($0.connections) connections: \($0.name)" })")
    }
  }
}
