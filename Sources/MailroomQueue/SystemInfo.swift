internal import Glibc

/// What machine this is.
public enum SystemInfo {
  /// Processors that are online; at least one.
  public static var coreCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}
