internal import CLibUV
internal import Synchronization

/// How many handles this process opened and closed: equal when nothing leaked.
package enum UVHandleCount {
  fileprivate static let openedCount = Atomic<Int>(0)
  fileprivate static let closedCount = Atomic<Int>(0)

  /// Handles initialised so far.
  package static var opened: Int { openedCount.load(ordering: .acquiring) }
  /// Handles whose close callback has run so far.
  package static var closed: Int { closedCount.load(ordering: .acquiring) }
}

/// A libuv handle as an owned object: base of all others.
///
/// Loop-confined.
///
/// ```
///   init ──► open ──close()──► closing ──close callback──► closed (memory freed)
/// ```
///
/// libuv refers to a handle's memory until its close callback, so the object keeps itself alive from `init` to there; who
/// opened a handle must close it. `deinit` therefore finds it closed.
class UVHandle {
  private enum State { case open, closing, closed }

  let memory: UnsafeMutableRawPointer
  private var state = State.open
  private var onClosed: (() -> Void)?

  /// Takes memory for a handle of `type` and has `start` initialise it.
  init(_ type: uv_handle_type, _ operation: String, _ start: (UnsafeMutableRawPointer) -> Int32) throws(UVError) {
    memory = .allocate(byteCount: uv_handle_size(type), alignment: 16)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: uv_handle_size(type))
    let result = start(memory)
    if result < 0 {
      state = .closed
      memory.deallocate()
      throw UVError(operation, code: result)
    }
    UVHandleCount.openedCount.add(1, ordering: .relaxed)
    uv_handle_set_data(mailroom_uv_handle(memory), Unmanaged.passRetained(self).toOpaque())
  }

  deinit {
    assert(state == .closed, "A libuv handle was dropped without being closed")
  }

  /// Whether `close` was called.
  var isClosing: Bool { state != .open }

  /// Closes the handle; `onClosed` runs on the loop once libuv has let go of it.
  ///
  /// Later calls do nothing.
  func close(_ onClosed: (() -> Void)? = nil) {
    guard state == .open else { return }
    state = .closing
    self.onClosed = onClosed
    uv_close(mailroom_uv_handle(memory)) { handle in
      guard let handle, let data = uv_handle_get_data(handle) else { return }
      Unmanaged<UVHandle>.fromOpaque(data).takeRetainedValue().didClose()
    }
  }

  private func didClose() {
    state = .closed
    memory.deallocate()
    UVHandleCount.closedCount.add(1, ordering: .releasing)
    let callback = onClosed
    onClosed = nil
    callback?()
  }

  /// Calls `body` with the object behind a handle in one of libuv's callbacks: an open handle keeps its object.
  @inline(__always)
  static func with(_ handle: UnsafeMutableRawPointer?, _ body: (Self) -> Void) {
    guard let handle, let data = uv_handle_get_data(mailroom_uv_handle(handle)) else { return }
    Unmanaged<Self>.fromOpaque(data)._withUnsafeGuaranteedRef { body($0) }
  }
}
