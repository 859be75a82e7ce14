import Foundation
import TestSupport

/// Whatever is left to chance in a round, by the round's seed.
typealias Chance = SeededRandom

extension Chance {
  /// A generator of its own, for somebody else.
  mutating func fork() -> Chance { Chance(seed: next()) }

  /// True once in `count` times.
  mutating func oneIn(_ count: Int) -> Bool { Int.random(in: 0..<count, using: &self) == 0 }

  /// A number of a range.
  mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

  /// One of several.
  mutating func pick<Element>(_ choices: [Element]) -> Element {
    choices[Int.random(in: 0..<choices.count, using: &self)]
  }
}

/// What the environment of the process says about randomised tests.
enum ChanceSettings {
  /// `MAILROOM_SEED`: the seed of the first round, by default another one each time.
  ///
  /// Those of the others follow from it.
  static var seed: UInt64 { number("MAILROOM_SEED") ?? UInt64.random(in: 1...999_999_999) }

  /// `MAILROOM_ROUNDS`: how many rounds; many make a soak.
  static var rounds: Int { number("MAILROOM_ROUNDS").map { Int($0) } ?? 20 }

  private static func number(_ name: String) -> UInt64? {
    ProcessInfo.processInfo.environment[name].flatMap(UInt64.init)
  }
}
