internal import CLibUV
internal import Glibc

/// What a ``UVTCP`` tells its owner.
///
/// All calls come on the loop's thread.
protocol UVStreamDelegate: AnyObject {
  /// Offers space that the next read may go to directly, through `offer`; or returns without calling it, to have
  /// the bytes handed over in the loop's slab. The space must stay where it is until the read is reported.
  func streamWillRead(_ offer: (inout MutableRawSpan) -> Void)
  /// `count` bytes were read into the offered space.
  func streamDidRead(intoOfferedSpace count: Int)
  /// Bytes were read; they are valid during the call only.
  func streamDidRead(_ bytes: RawSpan)
  /// No more will be read: the peer ended its side, or `error` happened.
  func streamDidEnd(_ error: UVError?)
}

/// A TCP socket.
///
/// Loop-confined.
final class UVTCP: UVHandle {
  /// Who is told of reads.
  ///
  /// Set before reading starts; cleared when the owner closes the stream.
  var delegate: (any UVStreamDelegate)?

  private let loop: UVLoop
  private var isOffered = false

  private var tcp: UnsafeMutablePointer<uv_tcp_t> { memory.assumingMemoryBound(to: uv_tcp_t.self) }
  private var stream: UnsafeMutablePointer<uv_stream_t> { mailroom_uv_stream(memory) }

  init(_ loop: UVLoop) throws(UVError) {
    self.loop = loop
    try super.init(UV_TCP, "uv_tcp_init") { uv_tcp_init(loop.raw, $0.assumingMemoryBound(to: uv_tcp_t.self)) }
  }

  /// Takes over a connected descriptor; it stays the caller's when this throws.
  convenience init(_ loop: UVLoop, adopting descriptor: Int32) throws(UVError) {
    try self.init(loop)
    let result = uv_tcp_open(tcp, descriptor)
    if result < 0 {
      close()
      throw UVError("uv_tcp_open", code: result)
    }
  }

  /// The socket itself; nil when there is none yet.
  var descriptor: Int32? {
    var descriptor: uv_os_fd_t = -1
    return uv_fileno(mailroom_uv_handle(memory), &descriptor) == 0 ? descriptor : nil
  }

  /// Another descriptor for the same socket, or nil when the system has none left.
  func duplicateDescriptor() -> Int32? { descriptor.flatMap(Self.duplicate) }

  /// Another descriptor for the socket behind one, or nil when the system has none left.
  static func duplicate(_ descriptor: Int32) -> Int32? {
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    return copy >= 0 ? copy : nil
  }

  static func closeDescriptor(_ descriptor: Int32) {
    _ = Glibc.close(descriptor)
  }

  // MARK: Connecting

  private final class ConnectRequest {
    var raw = UnsafeMutablePointer<uv_connect_t>.allocate(capacity: 1)
    let onResult: (UVError?) -> Void

    init(_ onResult: @escaping (UVError?) -> Void) {
      self.onResult = onResult
      raw.initialize(to: uv_connect_t())
    }

    deinit { raw.deallocate() }
  }

  /// Connects; `onResult` runs once, also when the stream is closed meanwhile.
  func connect(to address: SocketAddress, _ onResult: @escaping (UVError?) -> Void) throws(UVError) {
    let request = ConnectRequest(onResult)
    let owner = Unmanaged.passRetained(request)
    request.raw.pointee.data = owner.toOpaque()
    let result = address.withSockaddr {
      uv_tcp_connect(request.raw, tcp, $0) { raw, status in
        guard let data = raw?.pointee.data else { return }
        let request = Unmanaged<ConnectRequest>.fromOpaque(data).takeRetainedValue()
        request.onResult(status < 0 ? UVError("connect", code: status) : nil)
      }
    }
    if result < 0 {
      owner.release()
      throw UVError("uv_tcp_connect", code: result)
    }
  }

  /// Sends small writes at once, instead of waiting for acknowledgements as Nagle's algorithm does.
  func setNoDelay() throws(UVError) {
    try UVError.check(uv_tcp_nodelay(tcp, 1), "uv_tcp_nodelay")
  }

  /// Has the kernel probe a silent peer after `seconds`.
  func setKeepAlive(seconds: UInt32) throws(UVError) {
    try UVError.check(uv_tcp_keepalive(tcp, 1, seconds), "uv_tcp_keepalive")
  }

  var peerAddress: SocketAddress? { name(uv_tcp_getpeername) }
  var localAddress: SocketAddress? { name(uv_tcp_getsockname) }

  private func name(
    _ get: (UnsafePointer<uv_tcp_t>?, UnsafeMutablePointer<sockaddr>?, UnsafeMutablePointer<Int32>?) -> Int32
  ) -> SocketAddress? {
    var storage = sockaddr_storage()
    var length = Int32(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutableBytes(of: &storage) { bytes in
      guard let address = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress,
        get(tcp, address, &length) == 0
      else { return nil }
      return SocketAddress(UnsafePointer(address))
    }
  }

  // MARK: Listening

  private var onConnection: ((UVError?) -> Void)?

  func bind(to address: SocketAddress) throws(UVError) {
    try UVError.check(address.withSockaddr { uv_tcp_bind(tcp, $0, 0) }, "bind")
  }

  /// Listens; `onConnection` runs for each connection that waits to be accepted.
  func listen(backlog: Int32, _ onConnection: @escaping (UVError?) -> Void) throws(UVError) {
    self.onConnection = onConnection
    let result = uv_listen(stream, backlog) { server, status in
      UVTCP.with(server) { $0.onConnection?(status < 0 ? UVError("accept", code: status) : nil) }
    }
    try UVError.check(result, "listen")
  }

  /// Makes `client` the connection that waits.
  func accept(into client: UVTCP) throws(UVError) {
    try UVError.check(uv_accept(stream, client.stream), "uv_accept")
  }

  // MARK: Reading

  /// Reads until stopped, ended or closed.
  func startReading() throws(UVError) {
    let result = uv_read_start(
      stream, { handle, _, buffer in UVTCP.with(handle) { $0.provideBuffer(buffer) } },
      { handle, count, _ in UVTCP.with(handle) { $0.didRead(count) } })
    try UVError.check(result, "uv_read_start")
  }

  func stopReading() {
    if !isClosing { uv_read_stop(stream) }
  }

  private func provideBuffer(_ buffer: UnsafeMutablePointer<uv_buf_t>?) {
    var chosen = uv_buf_init(loop.slab.assumingMemoryBound(to: CChar.self), UInt32(UVLoop.slabSize))
    isOffered = false
    delegate?.streamWillRead { space in
      space.withUnsafeMutableBytes { bytes in
        guard let base = bytes.baseAddress, bytes.count > 0 else { return }
        chosen = uv_buf_init(base.assumingMemoryBound(to: CChar.self), UInt32(clamping: min(bytes.count, 1 << 30)))
        isOffered = true
      }
    }
    buffer?.pointee = chosen
  }

  private func didRead(_ count: Int) {
    guard let delegate else { return }
    if count > 0 {
      if isOffered {
        delegate.streamDidRead(intoOfferedSpace: count)
      } else {
        let slab = UnsafeRawBufferPointer(start: loop.slab, count: count)
        delegate.streamDidRead(slab.bytes)
      }
    } else if count < 0 {
      uv_read_stop(stream)
      delegate.streamDidEnd(count == Int(UV_EOF.rawValue) ? untoldError : UVError("read", code: Int32(clamping: count)))
    }
  }

  /// The error that the socket has met and nobody was told of: libuv 1.44 calls it the end of the stream when bytes and
  /// a reset behind them are found together.
  private var untoldError: UVError? {
    var code: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    guard let descriptor,
      getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size) == 0, code != 0
    else { return nil }
    return UVError("read", code: -code)
  }

  // MARK: Writing

  /// Writes as much as the socket takes now.
  ///
  /// - Returns: how many bytes it took; zero when it is full, or a queued write is not done.
  func tryWrite(_ bytes: RawSpan) throws(UVError) -> Int {
    let result = bytes.withUnsafeBytes { bytes in
      var buffer = uv_buf_init(
        UnsafeMutableRawPointer(mutating: bytes.baseAddress)?.assumingMemoryBound(to: CChar.self),
        UInt32(clamping: min(bytes.count, 1 << 30)))
      return uv_try_write(stream, &buffer, 1)
    }
    if result == UV_EAGAIN.rawValue { return 0 }
    try UVError.check(result, "write")
    return Int(result)
  }

  /// Writes as much as a socket takes now, past libuv: for a thread that borrows the loop, while nothing else is being written.
  ///
  /// - Returns: how many bytes it took.
  /// - Throws: an error that the socket tells of once, and so not to who writes next.
  static func write(_ bytes: RawSpan, to descriptor: Int32) throws(UVError) -> Int {
    let flags = Int32(Int(MSG_NOSIGNAL) | Int(MSG_DONTWAIT))
    let count = bytes.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, flags) }
    if count >= 0 { return count }
    let error = errno
    if error == EAGAIN || error == EWOULDBLOCK || error == EINTR || error == ENOBUFS { return 0 }
    throw UVError("write", code: -error)
  }

  private final class WriteRequest {
    let raw = UnsafeMutablePointer<uv_write_t>.allocate(capacity: 1)
    var bytes: ByteWriter
    let onResult: (consuming ByteWriter, _ unsent: Int, UVError?) -> Void

    init(_ bytes: consuming ByteWriter, _ onResult: @escaping (consuming ByteWriter, Int, UVError?) -> Void) {
      self.bytes = bytes
      self.onResult = onResult
      raw.initialize(to: uv_write_t())
    }

    deinit { raw.deallocate() }

    func finish(unsent: Int, _ error: UVError?) {
      var returned = ByteWriter()
      swap(&returned, &bytes)
      onResult(returned, min(max(0, unsent), returned.count), error)
    }
  }

  /// Queues `bytes` from `offset` on; `onResult` runs once, also when the stream is closed meanwhile.
  ///
  /// It gets the storage back, how many bytes at its end the socket did not take, and the reason if there are any.
  func write(
    _ bytes: consuming ByteWriter, from offset: Int,
    _ onResult: @escaping (consuming ByteWriter, Int, UVError?) -> Void
  ) {
    let count = bytes.count - offset
    let request = WriteRequest(bytes, onResult)
    let owner = Unmanaged.passRetained(request)
    request.raw.pointee.data = owner.toOpaque()
    // The storage is heap memory that does not move while the request owns it.
    let result = request.bytes.bytes.withUnsafeBytes { bytes in
      // Not `uv_buf_init`, which takes 32 bits of the length.
      let base = UnsafeMutableRawPointer(mutating: bytes.baseAddress)?.advanced(by: offset)
      var buffer = uv_buf_t(base: base?.assumingMemoryBound(to: CChar.self), len: bytes.count - offset)
      return uv_write(request.raw, stream, &buffer, 1) { raw, status in
        guard let data = raw?.pointee.data else { return }
        let request = Unmanaged<WriteRequest>.fromOpaque(data).takeRetainedValue()
        // libuv moves the one buffer's start, in its own copy that a request has for few buffers, past what was written.
        if status == 0 { return request.finish(unsent: 0, nil) }
        request.finish(unsent: request.raw.pointee.bufsml.0.len, UVError("write", code: status))
      }
    }
    if result < 0 {
      owner.release()
      request.finish(unsent: count, UVError("uv_write", code: result))
    }
  }

  private final class ShutdownRequest {
    let raw = UnsafeMutablePointer<uv_shutdown_t>.allocate(capacity: 1)
    let onResult: (UVError?) -> Void

    init(_ onResult: @escaping (UVError?) -> Void) {
      self.onResult = onResult
      raw.initialize(to: uv_shutdown_t())
    }

    deinit { raw.deallocate() }
  }

  /// Ends the writing side once everything queued is written; `onResult` runs once.
  func shutdown(_ onResult: @escaping (UVError?) -> Void) {
    let request = ShutdownRequest(onResult)
    let owner = Unmanaged.passRetained(request)
    request.raw.pointee.data = owner.toOpaque()
    let result = uv_shutdown(request.raw, stream) { raw, status in
      guard let data = raw?.pointee.data else { return }
      let request = Unmanaged<ShutdownRequest>.fromOpaque(data).takeRetainedValue()
      request.onResult(status < 0 ? UVError("shutdown", code: status) : nil)
    }
    if result < 0 {
      owner.release()
      onResult(UVError("uv_shutdown", code: result))
    }
  }
}
