/// The one word that the producers and the consumer of an ``MPSCQueue`` share: a list head and the queue's state.
///
/// Nodes are aligned to at least four bytes, so the two lowest bits of a node's address are free for state:
///
/// ```
///                    push (answer: wake)
///        ┌────────────────────────────────────────┐
///        │                                        ▼
///   ┌─────────┐   beginTurn    ┌─────────┐ push ┌──────────┐
///   │  idle   │ ─────────────► │  busy   │ ───► │ nonempty │ ──┐ push (answer: queued)
///   │ (asleep)│ ◄───────────── │ (empty) │ ◄─── │  (list)  │ ◄─┘
///   └─────────┘     sleep      └─────────┘ take └──────────┘
///        │ close (wake)             │ close          │ close
///        ▼                          ▼                ▼
///   ┌──────────────────────────────────┐   take  ┌────────────────────┐
///   │           closed, empty          │ ◄────── │ closed, with a list│
///   └──────────────────────────────────┘         └────────────────────┘
/// ```
///
/// The push of a last element leads from each of the open states to `closed, with a list`. Closing what is closed changes
/// nothing.
///
/// Invariants:
/// 1. `idle` is left by exactly one thread, and that thread must see to it that the consumer runs. So there is one wake
///    per idle edge, and none while the consumer is awake.
/// 2. There is no half-linked moment: an element is in the list as a whole or not at all.
/// 3. The closed bit is never cleared, and no push succeeds once it is set. An element pushed together with the bit
///    is therefore the last one.
/// 4. Only the consumer takes; only the consumer goes to sleep, and only from `busy`.
///
/// This type is the pure half: it says what each step makes of a word. ``MPSCQueue`` performs the steps atomically.
@frozen
public struct QueueWord: Equatable, Sendable {
  /// The word as stored.
  public let bits: UInt

  /// A word as stored.
  @inlinable
  public init(bits: UInt) { self.bits = bits }

  /// Empty, and the consumer sleeps: the next push must wake it.
  @inlinable public static var idle: Self { Self(bits: 1) }
  /// Empty, and the consumer is awake.
  @inlinable public static var busy: Self { Self(bits: 0) }
  /// The bit that says that no further push may succeed.
  @inlinable public static var closedBit: UInt { 2 }

  /// Whether the consumer sleeps.
  @inlinable public var isIdle: Bool { bits & 1 != 0 }
  /// Whether pushes are refused.
  @inlinable public var isClosed: Bool { bits & Self.closedBit != 0 }
  /// The address of the newest node, or zero when the list is empty.
  @inlinable public var list: UInt { bits & ~3 }

  /// The word after a push of the node at `node`; nil when the queue is closed.
  ///
  /// The node must link to this word's ``list``. If this word ``isIdle``, the pusher must wake the consumer.
  @inlinable
  public func pushing(_ node: UInt, last: Bool = false) -> Self? {
    isClosed ? nil : Self(bits: last ? node | Self.closedBit : node)
  }

  /// The word after the consumer took the whole list: awake, empty, and as closed as before.
  @inlinable public var taking: Self { Self(bits: bits & Self.closedBit) }

  /// The word after the consumer went to sleep; nil when it must not, because there is a list or no one would wake it.
  @inlinable public var sleeping: Self? { self == .busy ? .idle : nil }

  /// The word after the caller made itself the consumer without a push; nil when somebody else is, or may be.
  @inlinable public var beginningTurn: Self? { self == .idle ? .busy : nil }

  /// The word after closing: what is in the list stays for the consumer.
  @inlinable public var closing: Self { Self(bits: list | Self.closedBit) }
}
