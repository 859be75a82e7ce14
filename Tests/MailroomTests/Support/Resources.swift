import Glibc
import MailroomTransport

/// What this process holds of what a test must give back.
struct Resources: Equatable {
  var handles = UVHandleCount.opened - UVHandleCount.closed
  var descriptors = Self.count("/proc/self/fd")

  private static func count(_ path: String) -> Int {
    guard let folder = opendir(path) else { return -1 }
    defer { closedir(folder) }
    var count = 0
    while readdir(folder) != nil { count += 1 }
    return count
  }
}

/// A thread as the kernel knows it.
struct KernelThread: Hashable {
  private let path: String

  /// The calling thread.
  static var current: KernelThread {
    var path = [UInt8](repeating: 0, count: 64)
    let count = path.withUnsafeMutableBytes { bytes in
      guard let start = bytes.assumingMemoryBound(to: CChar.self).baseAddress else { return -1 }
      return readlink("/proc/thread-self", start, bytes.count)
    }
    return KernelThread(path: "/proc/" + String(decoding: path.prefix(max(0, count)), as: UTF8.self))
  }

  /// Whether the thread is still there.
  var isAlive: Bool { access(path, F_OK) == 0 }
}
