import NIOCore
import NIOPosix
import PeerKit

/// Keeps as much on its way as the pacing says, from within the channel's event loop.
final class LoadHandler: ChannelInboundHandler {
  typealias InboundIn = Frame

  private let options: Options
  private let pacing: Pacing
  private let ended: EventLoopPromise<Recorder>
  private let payload: ByteBuffer
  private let question = ByteBuffer()
  private var recorder: Recorder
  /// When each of the requests that are on their way began; answers come in their order.
  private var begins = CircularBuffer<UInt64>()
  private var confirmed: UInt64 = 0

  /// - Parameter ended: gets the results when time is up, or why there are none.
  init(_ options: Options, ended: EventLoopPromise<Recorder>) {
    self.options = options
    self.ended = ended
    pacing = Pacing(options)
    payload = ByteBuffer(repeating: 0x61, count: options.payload)
    recorder = Recorder(options)
  }

  func channelActive(context: ChannelHandlerContext) {
    for _ in 0..<pacing.outstanding { ask(context) }
    context.flush()
  }

  /// Sends a request, or a batch and its question.
  ///
  /// The caller flushes; a long batch is flushed as it grows.
  private func ask(_ context: ChannelHandlerContext) {
    begins.append(Clock.now)
    guard options.isOneWay else { return Frame(kind: .ask, payload: payload).write(to: context) }
    for index in 1...pacing.batch {
      Frame(kind: .message, payload: payload).write(to: context)
      if index % 256 == 0 { context.flush() }
    }
    Frame(kind: .question, payload: question).write(to: context)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let frame = unwrapInboundIn(data)
    guard let begin = begins.popFirst(), isExpected(frame) else {
      return ended.fail(PeerError("an answer that was not expected"))
    }
    if recorder.record(from: begin, messages: pacing.batch) {
      ask(context)
    } else if begins.isEmpty {
      ended.succeed(recorder)
    }
  }

  private func isExpected(_ frame: Frame) -> Bool {
    guard options.isOneWay else { return frame.payload.readableBytes == options.payload }
    confirmed += UInt64(pacing.batch)
    return frame.payload.getInteger(at: frame.payload.readerIndex) == confirmed
  }

  func channelReadComplete(context: ChannelHandlerContext) { context.flush() }

  func channelInactive(context: ChannelHandlerContext) { ended.fail(PeerError("the server closed the connection")) }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { ended.fail(error) }
}

enum Client {
  static func run(_ options: Options, on group: MultiThreadedEventLoopGroup) throws {
    let ended = group.next().makePromise(of: Recorder.self)
    let channel = try ClientBootstrap(group: group)
      .channelOption(.socketOption(.tcp_nodelay), value: 1)
      .channelOption(.recvAllocator, value: ReadBuffers.allocator)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let load = LoadHandler(options, ended: ended)
          try channel.pipeline.syncOperations.addHandlers([ByteToMessageHandler(FrameDecoder()), load])
        }
      }
      .connect(host: "127.0.0.1", port: Int(options.address) ?? 0).wait()
    try ended.futureResult.wait().print()
    try channel.close().wait()
  }
}
