import Foundation

/// Random numbers that a seed repeats: SplitMix64.
struct Chance: RandomNumberGenerator, Sendable {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

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
