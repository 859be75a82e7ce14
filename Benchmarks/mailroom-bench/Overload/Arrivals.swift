internal import Mailroom

/// What became of the numbered messages of one sender, as their receiver sees it.
struct Arrivals: RPCValue, Codable, Equatable {
  /// Messages that came.
  private(set) var received: UInt64 = 0
  /// Messages that came before or behind their turn, or without a number.
  ///
  /// A gap or a repetition is counted once, by the message that shows it.
  private(set) var outOfOrder: UInt64 = 0
  private var expected: UInt64 = 0

  /// Counts the message with that number, the first being zero; nil for one that has none.
  mutating func add(_ number: UInt64?) {
    received += 1
    guard let number else {
      outOfOrder += 1
      return
    }
    if number != expected { outOfOrder += 1 }
    expected = number &+ 1
  }
}
