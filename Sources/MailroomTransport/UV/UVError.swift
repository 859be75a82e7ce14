internal import CLibUV

/// A libuv call that failed: which one, and libuv's error number.
package struct UVError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The libuv function that failed.
  package let operation: String
  /// libuv's (negative) error number.
  package let code: Int32

  package init(_ operation: String, code: Int32) {
    self.operation = operation
    self.code = code
  }

  /// libuv's short name of the error, such as `ECONNREFUSED`.
  package var name: String {
    guard let name = uv_err_name(code) else { return "UNKNOWN" }
    return String(cString: name)
  }

  package var description: String {
    guard let text = uv_strerror(code) else { return "\(operation): \(name)" }
    return "\(operation): \(String(cString: text)) (\(name))"
  }

  package var isAddressInUse: Bool { code == UV_EADDRINUSE.rawValue }
  /// The process or the system has no descriptor left.
  static func outOfDescriptors(_ operation: String) -> UVError { UVError(operation, code: UV_EMFILE.rawValue) }

  package var isCancelled: Bool { code == UV_ECANCELED.rawValue }

  /// Throws when `result` is one of libuv's negative error numbers.
  static func check(_ result: Int32, _ operation: String) throws(UVError) {
    if result < 0 { throw UVError(operation, code: result) }
  }
}

/// The libuv this process runs with.
package enum UVVersion {
  /// As in "1.44.2".
  package static var runtime: String {
    guard let text = uv_version_string() else { return "unknown" }
    return String(cString: text)
  }
}
