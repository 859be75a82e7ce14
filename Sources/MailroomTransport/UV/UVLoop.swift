internal import CLibUV

/// libuv's event loop.
///
/// Created, run and closed on one thread.
final class UVLoop {
  /// Bytes of the buffer that all streams of a loop read into: several times a socket's usual burst, so that one `read`
  /// empties the socket and libuv asks for no second one.
  static let slabSize = 256 * 1024

  let raw: UnsafeMutablePointer<uv_loop_t>
  /// Read space shared by the loop's streams: what is read is consumed before the callback returns.
  let slab: UnsafeMutableRawPointer

  /// Whether libuv knows the loop.
  private var isOpen = false

  init() throws(UVError) {
    raw = .allocate(capacity: 1)
    slab = .allocate(byteCount: Self.slabSize, alignment: 4096)
    // From here on `deinit` runs in any case, and gives the memory back.
    try UVError.check(uv_loop_init(raw), "uv_loop_init")
    isOpen = true
  }

  deinit {
    // A loop with handles left open is not given back, for their callbacks would then find freed memory: a leak is the
    // lesser evil.
    assert(!isOpen, "An event loop ended with open handles")
    guard !isOpen else { return }
    raw.deallocate()
    slab.deallocate()
  }

  /// Runs until no handle is left, then closes the loop.
  func run() {
    _ = uv_run(raw, UV_RUN_DEFAULT)
    isOpen = uv_loop_close(raw) != 0
  }
}
