/// Elements by id, each with a number beside it, for one owner: an id is a slot's index and the slot's generation, so that an element
/// is found by an index and a compare, and an id whose element has left is known as such.
///
/// Invariants:
/// 1. An element leaves exactly once, by ``take(_:)`` or ``takeSlot(_:)``, or with the table.
/// 2. No two elements have the same id, and an id comes back only after 2^31 uses of its slot.
/// 3. A slot holds an element exactly while its link is ``occupied``.
///
/// - Thread safety: none; it is moved, never shared.
/// - Complexity: constant but for growing, which doubles the memory and moves the elements.
public struct SlotTable<Element: ~Copyable>: ~Copyable {
  /// Low bits of an id, which are the index.
  @inlinable public static var indexBits: Int64 { 24 }
  @inlinable static var indexMask: Int64 { (1 << indexBits) - 1 }
  /// Index and generation.
  @inlinable static var idMask: Int64 { (1 << (indexBits + 31)) - 1 }
  /// The link of a slot that holds an element.
  @inlinable static var occupied: Int { -2 }
  /// The link of the last free slot.
  @inlinable static var end: Int { -1 }

  @usableFromInline
  struct Head {
    /// The id of the slot's element, or the one its next element will have.
    @usableFromInline var id: Int64
    /// The next free slot.
    @usableFromInline var link: Int
    /// The number beside the slot's element.
    @usableFromInline var note: UInt64

    @inlinable
    init(id: Int64, link: Int) {
      self.id = id
      self.link = link
      note = 0
    }
  }

  @usableFromInline var heads: UnsafeMutablePointer<Head>
  @usableFromInline var elements: UnsafeMutablePointer<Element>
  @usableFromInline var capacity: Int
  @usableFromInline var firstFree: Int
  @usableFromInline var used: Int
  @usableFromInline var elementCount: Int

  /// An empty table, without memory for an element.
  @inlinable
  public init() {
    heads = .allocate(capacity: 0)
    elements = .allocate(capacity: 0)
    capacity = 0
    firstFree = Self.end
    used = 0
    elementCount = 0
  }

  deinit {
    for index in 0..<used where heads[index].link == Self.occupied { (elements + index).deinitialize(count: 1) }
    heads.deallocate()
    elements.deallocate()
  }

  /// How many elements it may have at the most.
  @inlinable public static var mostElements: Int { Int(indexMask) }
  /// How many elements there are.
  @inlinable public var count: Int { elementCount }
  /// How many slots were used up to now: their indices are those below.
  @inlinable public var slots: Int { used }

  /// Adds an element; the caller has seen to it that there are fewer than ``mostElements``.
  @inlinable @inline(__always)
  public mutating func insert(_ element: consuming Element, note: UInt64) -> Int64 {
    if firstFree < 0 { addSlot() }
    let index = firstFree
    firstFree = heads[index].link
    heads[index].link = Self.occupied
    heads[index].note = note
    (elements + index).initialize(to: element)
    elementCount += 1
    return heads[index].id
  }

  /// Adds a free slot.
  @usableFromInline @inline(never)
  mutating func addSlot() {
    precondition(used < Self.mostElements, "the table is full")
    if used == capacity { grow() }
    (heads + used).initialize(to: Head(id: 1 << Self.indexBits | Int64(used), link: firstFree))
    firstFree = used
    used += 1
  }

  @usableFromInline
  mutating func grow() {
    let newCapacity = max(16, 2 * capacity)
    let newHeads = UnsafeMutablePointer<Head>.allocate(capacity: newCapacity)
    let newElements = UnsafeMutablePointer<Element>.allocate(capacity: newCapacity)
    newHeads.moveInitialize(from: heads, count: used)
    for index in 0..<used where newHeads[index].link == Self.occupied {
      (newElements + index).moveInitialize(from: elements + index, count: 1)
    }
    heads.deallocate()
    elements.deallocate()
    heads = newHeads
    elements = newElements
    capacity = newCapacity
  }

  /// The index of the element with this id; nil when there is none.
  @inlinable @inline(__always)
  public func index(of id: Int64) -> Int? {
    let index = Int(id & Self.indexMask)
    return index < used && heads[index].id == id && heads[index].link == Self.occupied ? index : nil
  }

  /// The id of the element in a slot; nil when there is none.
  @inlinable
  public func id(at index: Int) -> Int64? {
    index >= 0 && index < used && heads[index].link == Self.occupied ? heads[index].id : nil
  }

  /// The number beside the element in a slot; of no meaning when there is none.
  @inlinable
  public func note(at index: Int) -> UInt64 {
    precondition(index >= 0 && index < used, "there is no such slot")
    return heads[index].note
  }

  /// The element in a slot, which must have one.
  @inlinable
  public subscript(index: Int) -> Element {
    @inline(__always) unsafeAddress {
      precondition(id(at: index) != nil, "the slot is empty")
      return UnsafePointer(elements + index)
    }
  }

  /// Takes the element with this id out; nil when there is none, or never was.
  @inlinable @inline(__always)
  public mutating func take(_ id: Int64) -> Element? {
    guard let index = index(of: id) else { return nil }
    return takeOccupied(index)
  }

  /// Takes the element in a slot out; nil when there is none.
  @inlinable
  public mutating func takeSlot(_ index: Int) -> Element? {
    id(at: index) == nil ? nil : takeOccupied(index)
  }

  @inlinable @inline(__always)
  mutating func takeOccupied(_ index: Int) -> Element {
    heads[index].id = (heads[index].id &+ (1 << Self.indexBits)) & Self.idMask
    heads[index].link = firstFree
    firstFree = index
    elementCount -= 1
    return (elements + index).move()
  }
}
