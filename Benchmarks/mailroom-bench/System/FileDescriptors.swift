internal import Glibc

/// How many files and sockets this process may have open.
enum FileDescriptors {
  /// Allows as many as may be allowed without asking anybody.
  static func allowMany() {
    var limit = rlimit()
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    guard getrlimit(resource, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
    limit.rlim_cur = limit.rlim_max
    // Where this fails, whatever needs more descriptors says so.
    _ = setrlimit(resource, &limit)
  }
}
