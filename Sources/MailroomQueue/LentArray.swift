/// Elements by index, each borrowed where it stands: what an element refers to is not counted to be used.
///
/// - Thread safety: none; it is moved, never shared.
/// - Complexity: constant but for growing, which doubles the memory and moves the elements.
public struct LentArray<Element: ~Copyable>: ~Copyable {
  @usableFromInline var elements: UnsafeMutablePointer<Element>
  @usableFromInline var capacity = 0
  @usableFromInline var used = 0

  /// An empty one, without memory for an element.
  @inlinable
  public init() { elements = .allocate(capacity: 0) }

  deinit {
    elements.deinitialize(count: used)
    elements.deallocate()
  }

  /// How many elements there are: their indices are those below.
  @inlinable public var count: Int { used }

  /// Adds an element behind the last one.
  @inlinable
  public mutating func append(_ element: consuming Element) {
    if used == capacity { grow() }
    (elements + used).initialize(to: element)
    used += 1
  }

  @usableFromInline
  mutating func grow() {
    let newCapacity = max(16, 2 * capacity)
    let new = UnsafeMutablePointer<Element>.allocate(capacity: newCapacity)
    new.moveInitialize(from: elements, count: used)
    elements.deallocate()
    elements = new
    capacity = newCapacity
  }

  /// The element at an index, of which there must be one.
  @inlinable
  public subscript(index: Int) -> Element {
    @inline(__always) unsafeAddress {
      precondition(index >= 0 && index < used, "there is no such element")
      return UnsafePointer(elements + index)
    }
    @inline(__always) unsafeMutableAddress {
      precondition(index >= 0 && index < used, "there is no such element")
      return elements + index
    }
  }
}
