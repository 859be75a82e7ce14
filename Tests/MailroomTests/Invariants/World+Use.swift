import Foundation
import TestSupport
import XCTest

@testable import Mailroom

/// The use that a world is put to, and the judgement of it.
extension World {
  /// Has senders of all kinds send, and waits until they have.
  func use(_ chance: inout Chance) async {
    let count = chance.number(6...14)
    let done = Signal("the end of a sender")
    var tasks: [Task<Void, Never>] = []
    var started = 0
    for _ in 0..<count {
      let (target, user) = (chance.pick(targets), chance.pick(inhabitants))
      // An endpoint of an environment that does not listen can be reached by servers only.
      guard user === target.home || user.isServer || target.home.isServer else { continue }
      let (way, kind) = (chance.pick(Way.allCases), chance.number(0...4))
      let kindName = kind < 3 ? "task" : kind == 3 ? "thread" : "chain"
      var sender = Correspondent(
        world: self, target: target, user: user, way: way,
        account: account(Correspondent.name(kindName, user, target, way), isLocal: user === target.home),
        steps: chance.number(20...150), chance: chance.fork())
      if kind < 3 {
        tasks.append(Task { await sender.runAsTask() })
        continue
      }
      guard let ref = await ref(to: target, for: user, way) else { continue }
      usedRefs.append(ref)
      started += 1
      if kind == 3 { sender.runAsThread(ref) { done.fire() } } else { sender.runOnAnswers(ref) { done.fire() } }
    }
    for task in tasks { await task.value }
    await done.comes(started, seconds: 60)
  }

  /// Waits until everything that was sent has come to its end.
  func settle() async {
    for deed in deeds.value { await deed.value }
    for account in accounts.value {
      if !(await account.settle(seconds: 60)) { violate("asks of \(account.name) never ended") }
    }
    if trouble.losesMessages { return }
    await eventually("everything that was taken has arrived or was reported") { [self] in
      let (accepted, arrived) = (acceptedCount, arrivedCount)
      return accepted == arrived
    }
    let (accepted, arrived) = (acceptedCount, arrivedCount)
    if accepted != arrived { violate("\(accepted) messages were taken, \(arrived) arrived or were reported") }
  }

  private var acceptedCount: Int { accounts.value.reduce(0) { $0 + $1.accepted.count } }

  /// One-way messages that arrived or were reported.
  private var arrivedCount: Int {
    let delivered = delivered
    return deadLetters.value
      + accounts.value.reduce(0) { sum, account in
        let accepted = account.accepted
        return sum + (delivered[account.id] ?? [:]).keys.count { accepted.contains(Int($0)) }
      }
  }

  /// How often each number of each sender was delivered.
  private var delivered: [Int64: [Int64: Int]] {
    var delivered: [Int64: [Int64: Int]] = [:]
    for journal in journals.value {
      for delivery in journal.deliveries { delivered[delivery.sender, default: [:]][delivery.number, default: 0] += 1 }
    }
    return delivered
  }

  /// What was broken, when all has ended.
  func judge() -> [String] {
    let delivered = delivered
    var found = violations.value
    let accounts = accounts.value
    let cuts = cuts.value
    for journal in journals.value {
      // What a connection brought before it was cut may be read behind what the next one brings.
      found += journal.violations(hasEnded: true) {
        accounts[Int($0)].isLocal ? 0 : cuts
      } nameOf: {
        accounts[Int($0)].name
      }
    }
    for account in accounts {
      let mine = delivered[account.id] ?? [:]
      found += account.violations(delivered: mine, allowed: trouble.errors, slack: .seconds(10))
      let strangers = account.strangers(mine)
      if !strangers.isEmpty { found.append("\(strangers) of \(account.name) were never sent") }
    }
    let (accepted, arrived) = (acceptedCount, arrivedCount)
    if arrived > accepted { found.append("\(accepted) messages were taken, \(arrived) arrived or were reported") }
    let counted = inhabitants.reduce(0) { $0 + $1.env.undeliverableMessages }
    if counted != deadLetters.value { found.append("\(counted) dead letters were counted, \(deadLetters.value) told") }
    return found
  }

  /// Numbers, for people.
  var summary: String {
    let sent = accounts.value.reduce(0) { $0 + $1.all.count }
    let failed = accounts.value.reduce(0) { $0 + $1.all.count { $0.ends.contains { $0.error != nil } } }
    return "\(trouble); \(inhabitants.count) environments, \(journals.value.count) endpoints, \(sent) messages, "
      + "\(failed) failed, \(deadLetters.value) dead letters"
  }

  /// Lets go of everything that refers to environments.
  func forget() {
    usedRefs.update { $0 = [] }
    for inhabitant in inhabitants {
      inhabitant.kept.update { $0 = [:] }
      inhabitant.leaf.update { $0 = nil }
    }
    for target in targets { target.current.update { $0 = nil } }
  }
}
