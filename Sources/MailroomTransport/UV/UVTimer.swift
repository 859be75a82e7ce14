internal import CLibUV

/// A one-shot timer.
///
/// Loop-confined.
final class UVTimer: UVHandle {
  private let body: () -> Void

  init(_ loop: UVLoop, _ body: @escaping () -> Void) throws(UVError) {
    self.body = body
    try super.init(UV_TIMER, "uv_timer_init") { uv_timer_init(loop.raw, $0.assumingMemoryBound(to: uv_timer_t.self)) }
  }

  /// Runs the function once, `milliseconds` from now, instead of any time set before.
  ///
  /// At least one: libuv 1.44 never leaves its timer phase when a timer restarts itself with zero.
  func start(milliseconds: UInt64) {
    // Timers count from the loop's cached time, which may be as old as the current batch of events.
    let timer = memory.assumingMemoryBound(to: uv_timer_t.self)
    uv_update_time(timer.pointee.loop)
    uv_timer_start(timer, { UVTimer.with($0) { $0.body() } }, max(1, milliseconds), 0)
  }

  func stop() {
    uv_timer_stop(memory.assumingMemoryBound(to: uv_timer_t.self))
  }
}
