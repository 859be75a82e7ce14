internal import Mailroom

/// References in a row, each used where it stands: one that is taken out of an array is counted for as long as it is used, and where it
/// counts is one of the places in memory that many endpoints are slow by.
final class TargetList: @unchecked Sendable {
  // Proof: what the pointer leads to is not changed from init to deinit.
  private let elements: UnsafeMutablePointer<Target>
  let count: Int

  init(_ refs: [RPCEndpointRef]) {
    elements = .allocate(capacity: refs.count)
    count = refs.count
    for (index, ref) in refs.enumerated() { (elements + index).initialize(to: Target(ref: ref)) }
  }

  deinit {
    elements.deinitialize(count: count)
    elements.deallocate()
  }

  /// One of the references.
  subscript(index: Int) -> Target {
    unsafeAddress {
      precondition(index >= 0 && index < count, "there is no such target")
      return UnsafePointer(elements + index)
    }
  }
}

/// A reference that is borrowed where it stands.
struct Target: ~Copyable {
  let ref: RPCEndpointRef

  /// Asks.
  borrowing func ask(bytes: [UInt8], onReply: consuming @escaping @Sendable (borrowing RPCBytesReply) -> Void) {
    ref.ask(bytes: bytes, onReply: consume onReply)
  }
}
