import Glibc

/// A plain blocking socket on the loopback interface: a peer that knows nothing of the code under test.
///
/// Every call that waits has a deadline of 20 seconds, after which it throws.
final class RawSocket: Sendable {
  struct Failure: Error, CustomStringConvertible {
    let operation: String
    let code: Int32
    var description: String { "\(operation): \(String(cString: strerror(code)))" }
  }

  private let descriptor: Int32
  private let isClosed = Flag()

  private init(_ descriptor: Int32) throws {
    guard descriptor >= 0 else { throw Failure(operation: "socket", code: errno) }
    self.descriptor = descriptor
    var patience = timeval(tv_sec: 20, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(descriptor, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
    }
  }

  deinit { close() }

  /// A socket that is neither connected nor listening yet.
  ///
  /// - Parameter isWaiting: whether its calls wait.
  static func unconnected(isWaiting: Bool = true) throws -> RawSocket {
    let flags = Int32(SOCK_CLOEXEC.rawValue) | (isWaiting ? 0 : Int32(SOCK_NONBLOCK.rawValue))
    return try RawSocket(socket(AF_INET, Int32(SOCK_STREAM.rawValue) | flags, 0))
  }

  /// Connects to a port of this machine.
  ///
  /// - Parameter isWaiting: whether to return only once connected.
  static func connect(port: Int, isWaiting: Bool = true) throws -> RawSocket {
    let socket = try unconnected(isWaiting: isWaiting)
    do {
      try socket.connect(port: port)
    } catch let failure as Failure where !isWaiting && failure.code == EINPROGRESS {}
    return socket
  }

  /// Connects to a port of this machine.
  func connect(port: Int) throws {
    var noDelay: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &noDelay, socklen_t(MemoryLayout<Int32>.size))
    guard Self.withLoopback(port, { Glibc.connect(descriptor, $0, $1) }) == 0 else {
      throw Failure(operation: "connect", code: errno)
    }
  }

  /// Listens on a free port.
  static func listen(backlog: Int32 = 16) throws -> RawSocket {
    let socket = try unconnected()
    guard withLoopback(0, { bind(socket.descriptor, $0, $1) }) == 0 else {
      throw Failure(operation: "bind", code: errno)
    }
    guard Glibc.listen(socket.descriptor, backlog) == 0 else { throw Failure(operation: "listen", code: errno) }
    return socket
  }

  /// Waits for a connection.
  func accept() throws -> RawSocket {
    try RawSocket(Glibc.accept(descriptor, nil, nil))
  }

  private static func withLoopback(_ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    return withUnsafePointer(to: address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }

  /// The local port.
  var port: Int {
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
    }
    return result == 0 ? Int(in_port_t(bigEndian: address.sin_port)) : -1
  }

  // MARK: Sending and receiving

  /// Sends all bytes.
  func send(_ bytes: [UInt8]) throws {
    var offset = 0
    while offset < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress?.advanced(by: offset), bytes.count - offset, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { throw Failure(operation: "send", code: errno) }
      offset += count
    }
  }

  /// Receives up to `most` bytes; none when the peer ended its side.
  func receiveSome(_ most: Int = 64 * 1024) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: most)
    let count = recv(descriptor, &bytes, most, 0)
    guard count >= 0 else { throw Failure(operation: "recv", code: errno) }
    return Array(bytes.prefix(count))
  }

  /// Receives exactly `count` bytes.
  func receive(_ count: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      let more = try receiveSome(min(1 << 20, count - bytes.count))
      guard !more.isEmpty else { throw Failure(operation: "the peer ended in the middle", code: 0) }
      bytes += more
    }
    return bytes
  }

  /// Receives one frame's payload.
  func receivePayload() throws -> [UInt8] {
    let length = try receive(8).reduce(0) { $0 << 8 | Int($1) }
    return try receive(length - 8)
  }

  /// Receives one message.
  func receiveMessage() throws -> ReadMessage { try ReadMessage(payload: receivePayload()) }

  /// Receives a request, and returns its id and body.
  func receiveRequest() throws -> (id: Int64, body: [UInt8]) {
    guard case .rpcRequest(let id, let body) = try receiveMessage() else {
      throw Failure(operation: "another message than a request", code: 0)
    }
    return (id, body)
  }

  /// Receives until the peer ended its side, or reset the connection.
  func receiveToEnd() throws -> (bytes: [UInt8], isReset: Bool) {
    var bytes: [UInt8] = []
    do {
      while true {
        let more = try receiveSome()
        if more.isEmpty { return (bytes, false) }
        bytes += more
      }
    } catch let failure as Failure where failure.code == ECONNRESET {
      return (bytes, true)
    }
  }

  // MARK: Ending

  /// Ends the writing side; reading goes on.
  func endWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Closes with a reset, which takes what is under way with it.
  func reset() {
    var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    close()
  }

  /// Closes.
  func close() {
    if isClosed.raise() { Glibc.close(descriptor) }
  }
}
