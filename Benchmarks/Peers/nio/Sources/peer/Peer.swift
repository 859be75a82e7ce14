import NIOCore
import NIOPosix
import PeerKit

/// SwiftNIO: frames over TCP, without any layer of an RPC library.
///
/// One event loop on each side; everything runs on it.
@main
enum Peer {
  static func main() throws {
    let options = try Options()
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    switch options.command {
    case "serve": try Server.run(on: group)
    default: try Client.run(options, on: group)
    }
  }
}

/// How much is read at once: NIO's default begins at 2 KiB and ends at 64 KiB, which is little for streams on loopback.
enum ReadBuffers {
  static var allocator: AdaptiveRecvByteBufferAllocator {
    AdaptiveRecvByteBufferAllocator(minimum: 64 << 10, initial: 64 << 10, maximum: 256 << 10)
  }
}
