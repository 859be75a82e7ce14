internal import MailroomTransport
internal import Synchronization

/// What an environment keeps of its peers' envelopes: enough for most peers' endpoints, and for some peers' much more.
///
/// A peer may have as many envelopes kept as it likes within what it was told, whether endpoints of those names exist or not. So that
/// hostile peers cannot make an environment keep much, only a few connections at a time are told of a large table, and all others of
/// a small one. With what a table and its entries take, that is some 30 MiB at the most for each of the few, and 1 MiB for the others.
///
/// - Thread safety: any thread.
final class EnvelopeAllowance: Sendable {
  /// For most connections.
  static let small = PrefixLimits(count: 4096, byteCount: 256 * 1024, withBranches: true)
  /// For some.
  static let large = PrefixLimits(count: 1 << 17, byteCount: 8 * 1024 * 1024, withBranches: true)
  /// How many connections may have a large table at the same time.
  static let mostLarge = 4

  /// Atomic, relaxed: how many have one.
  private let count = Atomic<Int>(0)

  /// All are free.
  init() {}

  /// What is kept for one more connection, until ``giveBack(_:)``.
  func take() -> PrefixLimits {
    if count.add(1, ordering: .relaxed).newValue <= Self.mostLarge { return Self.large }
    count.subtract(1, ordering: .relaxed)
    return Self.small
  }

  /// The connection that was told of these limits has ended.
  func giveBack(_ limits: PrefixLimits) {
    if limits == Self.large { count.subtract(1, ordering: .relaxed) }
  }
}
