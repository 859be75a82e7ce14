internal import CLibUV

/// libuv's event loop. Created, run and closed on one thread.
final class UVLoop {
  /// Bytes of the buffer that all streams of a loop read into: several times a socket's usual burst, so that one `read`
  /// empties the socket and libuv asks for no second one.
  static let slabSize = 256 * 1024

  let raw: UnsafeMutablePointer<uv_loop_t>
  /// Read space shared by the loop's streams: what is read is consumed before the callback returns.
  let slab: UnsafeMutableRawPointer

  init() throws(UVError) {
    raw = .allocate(capacity: 1)
    slab = .allocate(byteCount: Self.slabSize, alignment: 4096)
    let result = uv_loop_init(raw)
    if result < 0 {
      raw.deallocate()
      slab.deallocate()
      throw UVError("uv_loop_init", code: result)
    }
  }

  deinit {
    // Fails only with handles left open, whose callbacks would then find freed memory: a leak is the lesser evil.
    let result = uv_loop_close(raw)
    assert(result == 0, "An event loop ended with open handles")
    guard result == 0 else { return }
    raw.deallocate()
    slab.deallocate()
  }

  /// Runs until no handle is left.
  func run() {
    _ = uv_run(raw, UV_RUN_DEFAULT)
  }
}
