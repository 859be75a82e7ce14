internal import Foundation

/// How punctually the calling thread wakes from a sleep.
enum ThreadTimer {
  /// Wakes it when it should wake, and not up to 50 us later, as the kernel otherwise may to spare wake-ups.
  static func makePunctual() {
    // Where the kernel has no such file the thread is late, which the results show.
    guard let own = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self"),
      let thread = own.split(separator: "/").last
    else { return }
    try? Data("1".utf8).write(to: URL(fileURLWithPath: "/proc/\(thread)/timerslack_ns"))
  }
}
