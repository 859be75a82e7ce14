import Synchronization

/// Something that happens once.
final class Flag: Sendable {
  private let word = Atomic<Bool>(false)

  /// Raises it; says whether this call did.
  @discardableResult
  func raise() -> Bool { !word.exchange(true, ordering: .acquiringAndReleasing) }

  /// Whether it was raised.
  var isRaised: Bool { word.load(ordering: .acquiring) }
}
