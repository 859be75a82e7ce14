import NIOCore
import NIOPosix
import PeerKit

/// Answers frames; one flush for all that came with one read.
final class EchoHandler: ChannelInboundHandler {
  typealias InboundIn = Frame

  private var received: UInt64 = 0

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let frame = unwrapInboundIn(data)
    switch frame.kind {
    case .ask: frame.write(to: context)
    case .message: received += 1
    case .question:
      Frame(kind: .question, payload: context.channel.allocator.buffer(integer: received)).write(to: context)
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) { context.flush() }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

enum Server {
  static func run(on group: MultiThreadedEventLoopGroup) throws {
    let channel = try ServerBootstrap(group: group)
      .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
      .childChannelOption(.recvAllocator, value: ReadBuffers.allocator)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandlers([ByteToMessageHandler(FrameDecoder()), EchoHandler()])
        }
      }
      .bind(host: "127.0.0.1", port: 0).wait()
    Serving.untilInputEnds(at: "\(channel.localAddress?.port ?? 0)")
  }
}
