internal import Glibc

/// Memory straight from malloc.
///
/// The standard library's `allocate` asks for memory by alignment even where malloc's own is enough, and what glibc gives out
/// by alignment does not come from a thread's own cache: a message's nodes and buffers cost twice as much that way.
public enum Heap {
  /// Memory of at least `byteCount` bytes, aligned to 16; to be given back with ``free(_:)``.
  ///
  /// Ends the process when there is none, as the standard library does.
  @inlinable @inline(__always)
  public static func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
    guard let memory = obtain(byteCount) else { return .allocate(byteCount: byteCount, alignment: 16) }
    return memory
  }

  @usableFromInline
  static func obtain(_ byteCount: Int) -> UnsafeMutableRawPointer? { Glibc.malloc(byteCount) }

  /// Gives memory back, from any thread.
  public static func free(_ memory: UnsafeMutableRawPointer) { Glibc.free(memory) }
}
