import Foundation
import Glibc
import TestSupport

/// Forwards connections to a port of this machine, and cuts them when told to, also in the middle of a frame.
///
/// Two threads for each connection, one for each direction.
final class CuttingProxy: Sendable {
  /// How a connection is cut.
  struct Cut: Sendable {
    /// How many bytes it still forwards, both directions together.
    var bytes: Int
    /// Whether the ends get a reset, as when a process dies.
    var isHard: Bool
  }

  /// The port to connect to.
  let port: Int
  private let target: Int
  private let descriptor: Int32
  private let links = Box<[ProxiedConnection]>([])
  private let isClosed = Box(false)
  private let ended = Signal("the end of a proxy's thread")
  private let threads = Box(1)

  /// A proxy before `target`.
  init(to target: Int) throws {
    let descriptor = try RawSocket.open()
    var bound = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    guard RawSocket.withLoopback(0, { bind(descriptor, $0, $1) }) == 0, listen(descriptor, 64) == 0,
      withUnsafeMutableBytes(
        of: &bound,
        { getsockname(descriptor, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, &length) }) == 0
    else {
      Glibc.close(descriptor)
      throw RawSocket.Failure("listen")
    }
    port = Int(UInt16(bigEndian: bound.sin_port))
    self.descriptor = descriptor
    self.target = target
    Thread.detachNewThread { [self] in
      acceptAll()
      ended.fire()
    }
  }

  deinit { Glibc.close(descriptor) }

  /// Cuts every connection that there is.
  func cut(_ how: Cut) { for link in links.value { link.cut(how) } }

  /// Ends every connection and takes none; returns when all threads have ended.
  func close() async {
    isClosed.update { $0 = true }
    Glibc.shutdown(descriptor, Int32(SHUT_RDWR))
    for link in links.value { link.cut(Cut(bytes: 0, isHard: true)) }
    // The thread that accepts is the last one that could start others.
    await ended.comes()
    for link in links.value { link.cut(Cut(bytes: 0, isHard: true)) }
    await ended.comes(threads.value - 1)
  }

  private func acceptAll() {
    while true {
      let near = Glibc.accept(descriptor, nil, nil)
      guard near >= 0, !isClosed.value else {
        if near >= 0 { Glibc.close(near) }
        return
      }
      guard let far = try? RawSocket.open() else {
        Glibc.close(near)
        continue
      }
      guard RawSocket.withLoopback(target, { connect(far, $0, $1) }) == 0 else {
        Glibc.close(near)
        Glibc.close(far)
        continue
      }
      for end in [near, far] {
        var on: Int32 = 1
        setsockopt(end, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
      }
      let link = ProxiedConnection(near, far)
      links.append(link)
      threads.update { $0 += 2 }
      for (from, to) in [(near, far), (far, near)] {
        Thread.detachNewThread { [self] in
          link.forward(from, to)
          if link.leave() { links.update { links in links.removeAll { $0 === link } } }
          ended.fire()
        }
      }
    }
  }
}

/// One connection through a proxy.
private final class ProxiedConnection: Sendable {
  private struct State {
    /// Bytes until it is cut; nil while nobody wants that.
    var budget: Int?
    var threads = 2
    var isCut = false
  }

  private let ends: [Int32]
  private let state = Box(State())

  init(_ near: Int32, _ far: Int32) { ends = [near, far] }

  func cut(_ how: CuttingProxy.Cut) {
    state.update { state in
      // Whoever has left has closed the sockets, whose numbers are somebody else's now.
      guard state.threads > 0 else { return }
      if how.isHard {
        var linger = linger(l_onoff: 1, l_linger: 0)
        for end in ends { setsockopt(end, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size)) }
      }
      state.budget = min(state.budget ?? .max, how.bytes)
      if how.bytes == 0 { sever(&state) }
    }
  }

  private func sever(_ state: inout State) {
    state.isCut = true
    for end in ends { Glibc.shutdown(end, Int32(SHUT_RDWR)) }
  }

  /// Forwards one direction to its end.
  func forward(_ from: Int32, _ to: Int32) {
    var bytes = [UInt8](repeating: 0, count: 16 * 1024)
    while true {
      let count = bytes.withUnsafeMutableBytes { recv(from, $0.baseAddress, $0.count, 0) }
      guard count > 0 else { break }
      var allowed = count
      state.update { state in
        guard let budget = state.budget else { return }
        allowed = state.isCut ? 0 : min(budget, count)
        state.budget = budget - allowed
      }
      if !send(bytes[..<allowed], to) { break }
      if allowed < count {
        state.update { if $0.threads > 0 { sever(&$0) } }
        break
      }
    }
    Glibc.shutdown(to, Int32(SHUT_WR))
    // What the other end still sends has nowhere to go when this direction broke, and goes on when it just ended.
  }

  private func send(_ bytes: ArraySlice<UInt8>, _ to: Int32) -> Bool {
    var sent = bytes.startIndex
    while sent < bytes.endIndex {
      let count = bytes[sent...].withUnsafeBytes { Glibc.send(to, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { return false }
      sent += count
    }
    return true
  }

  /// One direction has ended; says whether it was the last one, which closes the sockets.
  func leave() -> Bool {
    var isLast = false
    state.update { state in
      state.threads -= 1
      isLast = state.threads == 0
      if isLast { for end in ends { Glibc.close(end) } }
    }
    return isLast
  }
}
