import Foundation
import TestSupport
import XCTest

@testable import Mailroom

/// What holds whatever happens, tried with environments, endpoints, senders and trouble that a seed chooses.
///
/// Each round prints its seed. `MAILROOM_SEED` repeats from there, `MAILROOM_ROUNDS` says how many rounds follow. The threads still
/// run as they like, so a seed repeats what is done, not what comes of it.
final class InvariantTests: XCTestCase {
  func testInvariantsHold() async throws {
    let seed = ChanceSettings.seed
    // Opens what the process opens once and keeps.
    try await Round(seed: seed, isFirst: true).run()
    for round in 0..<ChanceSettings.rounds {
      try await Round(seed: seed &+ UInt64(round)).run()
    }
  }
}

/// One world, from its making to its end.
private struct Round {
  let seed: UInt64
  var isFirst = false

  func run() async throws {
    var chance = Chance(seed: seed)
    let watch = ContinuousClock.now
    let (before, handles) = (Remains.now, Resources().handles)
    // At once, for a round that ends the process.
    FileHandle.standardError.write(Data("A round with MAILROOM_SEED=\(seed)\n".utf8))
    let memory = try await live(&chance)
    await eventually("nothing of round \(seed) was left, of which the next lines tell") { memory.left.isEmpty }
    for name in memory.left { XCTFail("MAILROOM_SEED=\(seed): \(name) is left") }
    await eventually("the handles of round \(seed) were given back") { Resources().handles == handles }
    if !isFirst {
      await eventually("the threads and descriptors of round \(seed) were given back: \(before)") {
        Remains.now == before
      }
      if Remains.now != before { XCTFail("MAILROOM_SEED=\(seed): \(Remains.now) are left") }
    }
    for violation in memory.lateViolations() { XCTFail("MAILROOM_SEED=\(seed): \(violation)") }
    print("MAILROOM_SEED=\(seed) MAILROOM_ROUNDS=1: \(memory.summary), \(ContinuousClock.now - watch)")
  }

  /// Lives through the round; what is returned keeps nothing of it.
  private func live(_ chance: inout Chance) async throws -> Memory {
    let world = try await World(&chance)
    await world.use(&chance)
    await world.settle()
    let memory = Memory(world)
    await world.end(&chance)
    for violation in world.judge() { XCTFail("MAILROOM_SEED=\(seed) (\(world.trouble)): \(violation)") }
    world.forget()
    return memory
  }
}

/// What is known of a world when it should be gone.
private struct Memory {
  private let envs: [(name: String, env: Weak<RPCEnv>)]
  private let outboxes: [(name: String, outbox: Weak<Outbox>)]
  private let journals: [Journal]
  let summary: String

  init(_ world: World) {
    envs = world.inhabitants.map { ($0.name, Weak(object: $0.env)) }
    outboxes = world.usedRefs.value.compactMap { ref in
      guard case .remote(let route) = ref.target else { return nil }
      return ("the outbox to \(route.outbox.peer)", Weak(object: route.outbox))
    }
    journals = world.journals.value
    summary = world.summary
  }

  /// What is still there.
  var left: [String] {
    envs.filter { $0.env.object != nil }.map(\.name) + outboxes.filter { $0.outbox.object != nil }.map(\.name)
      + journals.filter { !$0.isFreed }.map(\.name)
  }

  /// What was broken after the world was judged.
  func lateViolations() -> [String] { journals.flatMap { $0.violations(hasEnded: true) } }
}
