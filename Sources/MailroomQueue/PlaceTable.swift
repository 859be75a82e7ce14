internal import Synchronization

/// Objects that many threads put in for a short while and take out again, each from the place that it got.
///
/// ```
///   free ──put──► the object's ──remove, by who put it──► free
///                     └──────take, by who looks───────────►┘
/// ```
///
/// Invariants:
/// 1. An object in the table is kept by it; whoever takes it out gets that reference, and there is one at most who does.
/// 2. An object is in one place at most, so that ``remove(_:at:)`` cannot mistake another one's for it.
///
/// - Thread safety: any thread.
/// - Ordering: ``put(_:)``, ``isEmpty`` and what ``take(at:)`` finds are sequentially consistent: of one who puts an object in and then looks at a flag, and
///   one who sets the flag and then looks here, at least one sees what the other did.
/// - Cost: one atomic operation and one count of a reference each; 8 KiB in all, and nothing is allocated.
public final class PlaceTable: Sendable {
  /// How many places there are: a power of two.
  public static let count = 1024
  /// How many of them are tried for an object.
  private static let tries = 4

  /// Atomic: zero, or a counted reference.
  ///
  /// Putting it in releases what the object is, and taking it out acquires that.
  private let places = InlineArray<1024, Atomic<UInt>> { _ in Atomic(0) }

  /// An empty table.
  public init() {}

  deinit {
    for place in 0..<Self.count { _ = take(at: place) }
  }

  /// Puts an object in; returns its place, or nil when those that it might have had are taken.
  public func put(_ object: any AnyObject & Sendable) -> Int? {
    let reference = Unmanaged<AnyObject>.passUnretained(object)
    let word = UInt(bitPattern: reference.toOpaque())
    // Malloc gives the same few addresses again and again, so that the same few places are used, and stay in the cache.
    let first = Int(truncatingIfNeeded: (UInt64(word) >> 4 &* 0x9E37_79B9_7F4A_7C15) >> 54)
    for offset in 0..<Self.tries {
      let place = (first + offset) & (Self.count - 1)
      if places[place].load(ordering: .relaxed) != 0 { continue }
      _ = reference.retain()
      if places[place].compareExchange(expected: 0, desired: word, ordering: .sequentiallyConsistent).exchanged {
        return place
      }
      reference.release()
    }
    return nil
  }

  /// Takes an object out of the place that it got; false when it is not there any more.
  @discardableResult
  public func remove(_ object: any AnyObject & Sendable, at place: Int) -> Bool {
    let reference = Unmanaged<AnyObject>.passUnretained(object)
    let word = UInt(bitPattern: reference.toOpaque())
    guard places[place].compareExchange(expected: word, desired: 0, ordering: .acquiringAndReleasing).exchanged else {
      return false
    }
    reference.release()
    return true
  }

  /// Takes out what is in a place.
  public func take(at place: Int) -> AnyObject? {
    if places[place].load(ordering: .sequentiallyConsistent) == 0 { return nil }
    let word = places[place].exchange(0, ordering: .acquiringAndReleasing)
    return UnsafeRawPointer(bitPattern: word).map { Unmanaged<AnyObject>.fromOpaque($0).takeRetainedValue() }
  }

  /// Whether there is nothing in it.
  ///
  /// Another thread may change the answer at once.
  public var isEmpty: Bool {
    for place in 0..<Self.count where places[place].load(ordering: .sequentiallyConsistent) != 0 { return false }
    return true
  }
}
