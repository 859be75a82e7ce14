public import Synchronization

/// A lock-free queue: many threads push, one consumer at a time takes, in the order pushed.
///
/// Every queue of the system that many threads post to and one consumer drains is this one: tasks of an event loop,
/// outboxes, inboxes, frames for a connection. ``QueueWord`` draws the states and states the invariants; this type adds
/// memory.
///
/// **Structure.** The shared word is the head of a list, newest first. A push links its node to the head it saw and swaps the
/// head: one compare-and-swap, no moment in which a preempted producer hides later elements. The consumer takes the whole
/// list at once and reverses it into a private list, oldest first, from which it pops without touching shared memory.
///
/// **Who may do what.** ``push(_:)``, ``pushLast(_:)`` and ``close()`` are for any thread. The rest is for the consumer:
/// the thread that last got ``Pushed/wake`` (or was scheduled by the one who got it), or that succeeded in ``beginTurn()``, until
/// it succeeds in ``sleep()``. That role may move between threads. Where the consumer is always one and the same thread, as
/// with an event loop, that thread may also take while it sleeps or a wake is on its way: it finds what is there.
///
/// **Memory orderings.** A successful push is acquire-release. Its release half pairs with the acquire of ``take()``: the
/// consumer sees the element as written. Its acquire half pairs with the release of ``sleep()``: whoever is woken
/// through this push sees everything that the consumer before it did. ``beginTurn()`` is acquire for the same
/// reason. Whoever learns from a refused push or from ``sleep()`` that the queue is closed acquires that word, so that it
/// sees what the closer did before. Other failed exchanges are relaxed: their value is only used to try again.
///
/// **Cost.** A push: one allocation of the element's size plus 8 bytes and one compare-and-swap. A take: one atomic
/// and-operation for any number of elements, one pointer write each to reverse, one deallocation each to pop. The shared word
/// and the consumer's field are 128 bytes apart, because x86 prefetches cache lines in pairs, and no other block shares a line of
/// 64 bytes with either.
public struct MPSCQueue<Element: ~Copyable>: ~Copyable, @unchecked Sendable {
  // Proof: `head` is atomic. `taken` and the nodes reachable from it are touched by the consumer only, of which there is
  // one at a time by invariants 1 and 4 of `QueueWord`, ordered by the acquire-release pairs above. Nodes reachable from
  // `head` are written before the release that publishes them and by nobody afterwards. Elements cross threads by being moved
  // in and out, and `push` takes them as `sending`.
  @usableFromInline let storage: UnsafeMutablePointer<Storage>

  @usableFromInline
  struct Storage: ~Copyable {
    /// Keeps the producers' cache line away from what stands before in memory.
    @usableFromInline let front: InlineArray<8, UInt>
    /// Atomic; pairs as said at the type.
    @usableFromInline let head: Atomic<UInt>
    /// Keeps it away from the consumer's.
    @usableFromInline let middle: InlineArray<15, UInt>
    /// Oldest node that was taken and not yet popped, or zero.
    ///
    /// Consumer-confined.
    @usableFromInline var taken: UInt
    /// Keeps the consumer's away from what comes behind.
    @usableFromInline let back: InlineArray<7, UInt>

    @usableFromInline
    init() {
      front = InlineArray(repeating: 0)
      head = Atomic(QueueWord.idle.bits)
      middle = InlineArray(repeating: 0)
      back = InlineArray(repeating: 0)
      taken = 0
    }
  }

  @usableFromInline
  struct Node: ~Copyable {
    /// The node behind this one, or zero.
    ///
    /// Owned by the pusher until published, then by the consumer.
    @usableFromInline var next: UInt
    @usableFromInline var element: Element

    @usableFromInline
    init(next: UInt, element: consuming Element) {
      self.next = next
      self.element = element
    }
  }

  /// What became of a push.
  @frozen
  public enum Pushed: ~Copyable {
    /// The element is queued, and the consumer is awake or being woken by another thread.
    case queued
    /// The element is queued, and the caller must see to it that the consumer runs.
    case wake
    /// The queue is closed; here is the element back.
    case closed(Element)
  }

  /// What became of the consumer's wish to sleep.
  @frozen
  public enum Slept: Equatable, Sendable {
    /// The caller is no longer the consumer; the next push wakes one.
    case asleep
    /// Something arrived meanwhile: go on taking.
    case notEmpty
    /// The queue is closed and empty: nothing will ever arrive, and the caller stays the consumer.
    case closed
  }

  /// An empty, open queue whose consumer sleeps.
  @inlinable
  public init() {
    storage = Self.allocateStorage()
    storage.initialize(to: Storage())
  }

  @inlinable
  static func allocateStorage() -> UnsafeMutablePointer<Storage> {
    // Not aligned: the words of many queues would all fall on the same few places of the processor's caches, and oust one another.
    Heap.allocate(MemoryLayout<Storage>.size)
      .bindMemory(to: Storage.self, capacity: 1)
  }

  @inlinable
  static func allocateNode() -> UnsafeMutablePointer<Node> {
    // Malloc's alignment is enough for whatever is queued here.
    Heap.allocate(MemoryLayout<Node>.size).bindMemory(to: Node.self, capacity: 1)
  }

  deinit {
    // One node at a time, not by recursion through `next`: a long queue must not overflow the stack.
    while popFirst() != nil {}
    storage.deinitialize(count: 1)
    Heap.free(UnsafeMutableRawPointer(storage))
  }

  // MARK: Any thread

  /// Queues `element`, unless the queue is closed.
  @inlinable
  public func push(_ element: consuming sending Element) -> Pushed {
    push(element, last: false)
  }

  /// Queues `element` and closes the queue in one step, so that it is certainly the last one.
  @inlinable
  public func pushLast(_ element: consuming sending Element) -> Pushed {
    push(element, last: true)
  }

  @inlinable
  func push(_ element: consuming Element, last: Bool) -> Pushed {
    let node = Self.allocateNode()
    node.initialize(to: Node(next: 0, element: element))
    let address = UInt(bitPattern: node)
    var seen = QueueWord(bits: storage.pointee.head.load(ordering: .relaxed))
    while let desired = seen.pushing(address, last: last) {
      node.pointee.next = seen.list
      let (exchanged, original) = storage.pointee.head.weakCompareExchange(
        expected: seen.bits, desired: desired.bits, successOrdering: .acquiringAndReleasing, failureOrdering: .relaxed)
      if exchanged { return seen.isIdle ? .wake : .queued }
      seen = QueueWord(bits: original)
    }
    _ = storage.pointee.head.load(ordering: .acquiring)
    let returned = node.move().element
    Heap.free(UnsafeMutableRawPointer(node))
    return .closed(returned)
  }

  /// Refuses pushes from now on; what is queued stays for the consumer.
  ///
  /// - Returns: whether the caller must see to it that the consumer runs, so that it learns of the end.
  @inlinable
  public func close() -> Bool {
    var seen = QueueWord(bits: storage.pointee.head.load(ordering: .relaxed))
    while true {
      let (exchanged, original) = storage.pointee.head.weakCompareExchange(
        expected: seen.bits, desired: seen.closing.bits, successOrdering: .acquiringAndReleasing,
        failureOrdering: .relaxed)
      if exchanged { return seen.isIdle }
      seen = QueueWord(bits: original)
    }
  }

  /// Whether pushes are refused.
  ///
  /// Another thread may change the answer at once.
  @inlinable
  public var isClosed: Bool {
    @inline(__always) get { QueueWord(bits: storage.pointee.head.load(ordering: .acquiring)).isClosed }
  }

  /// Whether nothing is queued and the consumer sleeps, so that the next push wakes it.
  ///
  /// Another thread may change the answer at once.
  @inlinable
  public var isIdle: Bool {
    @inline(__always) get { storage.pointee.head.load(ordering: .relaxed) == QueueWord.idle.bits }
  }

  // MARK: The consumer

  /// Makes the caller the consumer of an empty queue whose consumer sleeps.
  ///
  /// Callable from any thread; it becomes the consumer's if it succeeds.
  @inlinable
  public func beginTurn() -> Bool {
    storage.pointee.head.compareExchange(
      expected: QueueWord.idle.bits, desired: QueueWord.busy.bits, successOrdering: .acquiring,
      failureOrdering: .relaxed
    ).exchanged
  }

  /// Takes the oldest element, or nil when nothing is queued.
  @inlinable
  public func popFirst() -> Element? {
    if storage.pointee.taken == 0 && !take() { return nil }
    guard let node = UnsafeMutablePointer<Node>(bitPattern: storage.pointee.taken) else { return nil }
    storage.pointee.taken = node.pointee.next
    let element = node.move().element
    Heap.free(UnsafeMutableRawPointer(node))
    return element
  }

  /// Takes up to `limit` elements, oldest first, handing each to `body`.
  ///
  /// - Returns: how many were taken; fewer than `limit` means that the queue was found empty.
  @inlinable
  public func drain(limit: Int, _ body: (consuming Element) -> Void) -> Int {
    var count = 0
    while count < limit, let element = popFirst() {
      body(element)
      count += 1
    }
    return count
  }

  /// Ends the caller's turn as the consumer, if nothing is queued.
  ///
  /// Does nothing to a queue whose consumer sleeps.
  @inlinable
  public func sleep() -> Slept {
    if storage.pointee.taken != 0 { return .notEmpty }
    let (exchanged, original) = storage.pointee.head.compareExchange(
      expected: QueueWord.busy.bits, desired: QueueWord.idle.bits, successOrdering: .releasing,
      failureOrdering: .acquiring)
    if exchanged || original == QueueWord.idle.bits { return .asleep }
    return original == QueueWord.closedBit ? .closed : .notEmpty
  }

  /// Ends a turn that ``beginTurn()`` began and in which nothing was taken, if nothing is queued; as ``sleep()``.
  @inlinable
  public func endTurn() -> Slept {
    // What was taken before a consumer goes to sleep is used up, so that the consumer's own memory need not be touched.
    let (exchanged, original) = storage.pointee.head.compareExchange(
      expected: QueueWord.busy.bits, desired: QueueWord.idle.bits, successOrdering: .releasing,
      failureOrdering: .acquiring)
    if exchanged { return .asleep }
    return original == QueueWord.closedBit ? .closed : .notEmpty
  }

  /// Closes the queue and hands what is left to `body`, oldest first.
  @inlinable
  public func close(_ body: (consuming Element) -> Void) {
    _ = close()
    while let element = popFirst() { body(element) }
  }

  /// Whether the consumer would find nothing.
  ///
  /// Another thread may change the answer at once.
  @inlinable
  public var isEmpty: Bool {
    @inline(__always) get {
      storage.pointee.taken == 0 && QueueWord(bits: storage.pointee.head.load(ordering: .relaxed)).list == 0
    }
  }

  /// Moves everything pushed so far behind the private list, which must be empty.
  @inlinable
  func take() -> Bool {
    let seen = QueueWord(bits: storage.pointee.head.load(ordering: .relaxed))
    if seen.list == 0 { return false }
    let taken = storage.pointee.head.bitwiseAnd(QueueWord.closedBit, ordering: .acquiringAndReleasing).oldValue
    var newest = UnsafeMutablePointer<Node>(bitPattern: QueueWord(bits: taken).list)
    var oldest: UInt = 0
    while let node = newest {
      newest = UnsafeMutablePointer<Node>(bitPattern: node.pointee.next)
      node.pointee.next = oldest
      oldest = UInt(bitPattern: node)
    }
    storage.pointee.taken = oldest
    return oldest != 0
  }
}
