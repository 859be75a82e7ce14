/// A first-in, first-out list: an array and how much of its front is used up.
///
/// Amortised O(1) at both ends.
public struct FIFO<Element> {
  @usableFromInline var elements: [Element?] = []
  @usableFromInline var head = 0

  /// An empty one.
  @inlinable
  public init() {}

  /// How many elements there are.
  @inlinable public var count: Int { elements.count - head }
  /// Whether there are none.
  @inlinable public var isEmpty: Bool { @inline(__always) get { head == elements.count } }

  /// Adds an element at the end.
  @inlinable
  public mutating func append(_ element: Element) { elements.append(element) }

  /// The oldest element.
  @inlinable public var first: Element? { head < elements.count ? elements[head] : nil }

  /// Takes the oldest element.
  @inlinable
  public mutating func popFirst() -> Element? {
    guard head < elements.count else { return nil }
    let element = elements[head]
    elements[head] = nil
    head += 1
    if head == elements.count {
      elements.removeAll(keepingCapacity: true)
      head = 0
    } else if head >= 256 && head * 2 >= elements.count {
      elements.removeFirst(head)
      head = 0
    }
    return element
  }
}
