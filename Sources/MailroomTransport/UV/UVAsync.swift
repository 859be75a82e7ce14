internal import CLibUV

/// Wakes a loop from any thread.
///
/// Loop-confined but for ``Waker``.
final class UVAsync: UVHandle {
  private let body: () -> Void

  init(_ loop: UVLoop, _ body: @escaping () -> Void) throws(UVError) {
    self.body = body
    try super.init(UV_ASYNC, "uv_async_init") {
      uv_async_init(loop.raw, $0.assumingMemoryBound(to: uv_async_t.self)) { UVAsync.with($0) { $0.body() } }
    }
  }

  /// The part that any thread may use.
  struct Waker: @unchecked Sendable {
    // Proof: `uv_async_send` is the one libuv function that is safe to call from any thread. The pointer is immutable after
    // init, and whoever closes the handle first waits for the callers that are inside `wake`.
    fileprivate let handle: UnsafeMutablePointer<uv_async_t>

    /// Has the handle's function run on the loop; several calls may result in one run.
    func wake() {
      uv_async_send(handle)
    }
  }

  var waker: Waker { Waker(handle: memory.assumingMemoryBound(to: uv_async_t.self)) }
}
