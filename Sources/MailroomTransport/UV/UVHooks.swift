internal import CLibUV

/// Runs a function before each wait for events.
///
/// Loop-confined.
final class UVPrepare: UVHandle {
  private let body: () -> Void

  init(_ loop: UVLoop, _ body: @escaping () -> Void) throws(UVError) {
    self.body = body
    try super.init(UV_PREPARE, "uv_prepare_init") {
      uv_prepare_init(loop.raw, $0.assumingMemoryBound(to: uv_prepare_t.self))
    }
    uv_prepare_start(memory.assumingMemoryBound(to: uv_prepare_t.self)) { UVPrepare.with($0) { $0.body() } }
  }
}

/// Runs a function after the events of each wait were handled.
///
/// Loop-confined.
final class UVCheck: UVHandle {
  private let body: () -> Void

  init(_ loop: UVLoop, _ body: @escaping () -> Void) throws(UVError) {
    self.body = body
    try super.init(UV_CHECK, "uv_check_init") { uv_check_init(loop.raw, $0.assumingMemoryBound(to: uv_check_t.self)) }
    uv_check_start(memory.assumingMemoryBound(to: uv_check_t.self)) { UVCheck.with($0) { $0.body() } }
  }
}

/// While started, keeps the loop from waiting: it polls for events and goes on.
///
/// Loop-confined.
final class UVIdle: UVHandle {
  private var isStarted = false

  init(_ loop: UVLoop) throws(UVError) {
    try super.init(UV_IDLE, "uv_idle_init") { uv_idle_init(loop.raw, $0.assumingMemoryBound(to: uv_idle_t.self)) }
  }

  /// Starts or stops; costs nothing when nothing changes.
  func set(started: Bool) {
    guard started != isStarted else { return }
    isStarted = started
    let idle = memory.assumingMemoryBound(to: uv_idle_t.self)
    if started { uv_idle_start(idle) { _ in } } else { uv_idle_stop(idle) }
  }
}
