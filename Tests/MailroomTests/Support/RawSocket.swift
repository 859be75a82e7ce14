import Glibc
import XCTest

/// A peer that is no environment: a blocking socket, on which a test says every byte.
///
/// Nothing waits longer than 20 s.
final class RawSocket: Sendable {
  struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ operation: String) { description = "\(operation): \(String(cString: strerror(errno)))" }
  }

  private let descriptor: Int32

  init(adopting descriptor: Int32) {
    self.descriptor = descriptor
    var limit = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  /// Connects to a port of this machine.
  convenience init(port: Int) throws {
    self.init(adopting: try Self.open())
    guard Self.withLoopback(port, { connect(descriptor, $0, $1) }) == 0 else { throw Failure("connect") }
  }

  deinit { Glibc.close(descriptor) }

  static func open() throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw Failure("socket") }
    return descriptor
  }

  static func withLoopback(_ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return withUnsafeBytes(of: &address) { bytes in
      guard let start = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress else { return -1 }
      return body(start, socklen_t(bytes.count))
    }
  }

  /// Sends all of `bytes`.
  func send(_ bytes: [UInt8]) throws {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { throw Failure("send") }
      sent += count
    }
  }

  /// How many bytes were sent that the other end's system has not confirmed to have; -1 when nobody knows.
  var unconfirmed: Int {
    var count: Int32 = -1
    return ioctl(descriptor, UInt(TIOCOUTQ), &count) == 0 ? Int(count) : -1
  }

  /// Receives exactly `count` bytes.
  func receive(_ count: Int) async throws -> [UInt8] {
    try await offPool { [self] in try receiveBlocking(count) }
  }

  /// As ``receive(_:)``, on the calling thread.
  func receiveBlocking(_ count: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var received = 0
    while received < count {
      let count = bytes[received...].withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
      guard count > 0 else { throw Failure(count == 0 ? "the peer ended; recv" : "recv") }
      received += count
    }
    return bytes
  }

  /// Receives one frame, its length field included.
  func receiveFrame() async throws -> [UInt8] {
    let length = try await receive(8)
    let count = length.reduce(0) { $0 << 8 | Int($1) }
    guard (9...1 << 20).contains(count) else { throw Failure("a frame of \(count) bytes") }
    return length + (try await receive(count - 8))
  }

  /// Waits until the peer ends the connection; says whether it did so without sending anything more.
  func receivesNothingMore() async throws -> Bool {
    try await offPool { [self] in
      var byte: UInt8 = 0
      let count = recv(descriptor, &byte, 1, 0)
      return count == 0 || (count < 0 && errno == ECONNRESET)
    }
  }

  /// Ends this side: no more is sent.
  func finish() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Ends the connection at once, as a process that dies does; the peer gets a reset.
  func reset() {
    var linger = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
    // Closing, with the number still taken, so that nobody else gets it before deinit gives it back.
    let nowhere = Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC)
    dup2(nowhere, descriptor)
    Glibc.close(nowhere)
  }
}

/// A listener on a port of this machine, which accepts when told to.
final class RawListener: Sendable {
  /// The port that is listened on.
  let port: Int
  private let descriptor: Int32

  /// A listener that has room for `backlog` connections, and one more, until they are accepted.
  init(port: Int = 0, backlog: Int32 = 64) throws {
    descriptor = try RawSocket.open()
    var on: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    var limit = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    let descriptor = descriptor
    var bound = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    guard RawSocket.withLoopback(port, { bind(descriptor, $0, $1) }) == 0, listen(descriptor, backlog) == 0,
      withUnsafeMutableBytes(
        of: &bound,
        {
          getsockname(descriptor, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, &length)
        }) == 0
    else {
      Glibc.close(descriptor)
      throw RawSocket.Failure("listen")
    }
    self.port = Int(UInt16(bigEndian: bound.sin_port))
  }

  deinit { Glibc.close(descriptor) }

  /// The next connection.
  func accept() async throws -> RawSocket {
    try await offPool { [self] in
      let accepted = Glibc.accept(descriptor, nil, nil)
      guard accepted >= 0 else { throw RawSocket.Failure("accept") }
      return RawSocket(adopting: accepted)
    }
  }

  /// The next connection of an environment, whose introduction is answered as a peer of the reference system answers it.
  func acceptPeer() async throws -> RawSocket {
    let peer = try await accept()
    let introduction = try await peer.receiveFrame()
    guard introduction.count > 17, introduction[8] == 3 else { throw RawSocket.Failure("no introduction") }
    let text = Array("java.io.StreamCorruptedException".utf8)
    let length = 8 + 1 + 8 + 4 + text.count
    try peer.send(
      [0, 0, 0, 0, 0, 0, 0, UInt8(length), 5] + introduction[9..<17] + [0, 0, 0, UInt8(text.count)] + text)
    return peer
  }

  /// A port of this machine on which nobody listens.
  static func closedPort() throws -> Int { try RawListener().port }
}

/// Bytes from a text of hexadecimal digits and white space.
func bytes(hex text: String) -> [UInt8] {
  let digits = text.filter { !$0.isWhitespace }
  return stride(from: 0, to: digits.count, by: 2).compactMap { offset in
    UInt8(digits.dropFirst(offset).prefix(2), radix: 16)
  }
}
