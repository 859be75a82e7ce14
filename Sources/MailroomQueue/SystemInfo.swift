internal import Glibc

/// What machine this is.
package enum SystemInfo {
  /// Processors that are online; at least one.
  package static var coreCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}
