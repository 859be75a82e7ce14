internal import CLibUV

/// Resolves host names without blocking the loop: libuv asks the system's resolver on a thread of its pool.
///
/// Loop-confined. One object per question; keeps itself alive until it was answered.
final class UVResolver {
  private let request: UnsafeMutablePointer<uv_getaddrinfo_t>
  private var onResult: ((Result<[SocketAddress], UVError>) -> Void)?

  private init(onResult: @escaping (Result<[SocketAddress], UVError>) -> Void) {
    request = .allocate(capacity: 1)
    request.initialize(to: uv_getaddrinfo_t())
    self.onResult = onResult
  }

  deinit { request.deallocate() }

  /// Resolves `host`; `onResult` runs once, on the loop, with at least one address or an error.
  ///
  /// - Returns: what to `cancel()` when the answer is no longer wanted.
  static func resolve(
    _ loop: UVLoop, host: String, port: Int, _ onResult: @escaping (Result<[SocketAddress], UVError>) -> Void
  ) throws(UVError) -> UVResolver {
    guard let port = UInt16(exactly: port) else { throw UVError("uv_getaddrinfo", code: UV_EAI_SERVICE.rawValue) }
    let resolver = UVResolver(onResult: onResult)
    var hints = addrinfo()
    hints.ai_flags = AI_NUMERICSERV
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    let owner = Unmanaged.passRetained(resolver)
    resolver.request.pointee.data = owner.toOpaque()
    let result = uv_getaddrinfo(
      loop.raw, resolver.request,
      { request, status, list in
        guard let data = request?.pointee.data else { return }
        let resolver = Unmanaged<UVResolver>.fromOpaque(data).takeRetainedValue()
        defer { uv_freeaddrinfo(list) }
        resolver.finish(status, list)
      }, host, "\(port)", &hints)
    if result < 0 {
      owner.release()
      throw UVError("uv_getaddrinfo", code: result)
    }
    return resolver
  }

  /// Gives up the question; `onResult` does not run any more.
  func cancel() {
    onResult = nil
    request.withMemoryRebound(to: uv_req_t.self, capacity: 1) { _ = uv_cancel($0) }
  }

  private func finish(_ status: Int32, _ list: UnsafeMutablePointer<addrinfo>?) {
    guard let callback = onResult else { return }
    onResult = nil
    if status < 0 { return callback(.failure(UVError("uv_getaddrinfo", code: status))) }
    var addresses: [SocketAddress] = []
    var entry = list
    while let current = entry {
      if let address = SocketAddress(UnsafePointer(current.pointee.ai_addr)) { addresses.append(address) }
      entry = current.pointee.ai_next
    }
    if addresses.isEmpty { return callback(.failure(UVError("uv_getaddrinfo", code: UV_EAI_NODATA.rawValue))) }
    callback(.success(addresses))
  }
}
