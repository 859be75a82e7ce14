import GRPCCore
import GRPCNIOTransportHTTP2
import PeerKit

typealias EchoClient = GRPCClient<HTTP2ClientTransport.Posix>

/// Keeps `window` unary calls on their way, each by a task of its own.
enum Asks {
  static func run(_ client: EchoClient, _ options: Options) async throws -> Recorder {
    let recorder = Recorder(options)
    return try await withThrowingTaskGroup(of: Recorder.self) { group in
      for _ in 0..<options.window {
        group.addTask { try await lane(client, options, recorder) }
      }
      var all = recorder
      for try await one in group { all.add(one) }
      return all
    }
  }

  private static func lane(_ client: EchoClient, _ options: Options, _ recorder: Recorder) async throws -> Recorder {
    let request = ClientRequest(message: [UInt8](repeating: 0x61, count: options.payload))
    var recorder = recorder
    var begin: UInt64
    repeat {
      begin = Clock.now
      let count = try await client.unary(
        request: request, descriptor: Echo.ask, serializer: BytesSerializer(), deserializer: BytesDeserializer(),
        options: .defaults
      ) { try $0.message.count }
      guard count == options.payload else { throw PeerError("an answer of another length") }
    } while recorder.record(from: begin, messages: 1)
    return recorder
  }
}

/// Sends the messages of one stream, whose other direction confirms them.
enum OneWay {
  /// Messages that are handed to gRPC at once.
  private static let chunk = 64

  static func run(_ client: EchoClient, _ options: Options) async throws -> Recorder {
    let (confirmations, continuation) = AsyncStream.makeStream(of: UInt64.self)
    let (results, result) = AsyncStream.makeStream(of: Recorder.self)
    let request = StreamingClientRequest(of: [UInt8].self) { writer in
      result.yield(try await send(options, to: writer, confirmations))
    }
    try await client.bidirectionalStreaming(
      request: request, descriptor: Echo.send, serializer: BytesSerializer(), deserializer: BytesDeserializer(),
      options: .defaults
    ) { response in
      for try await message in response.messages {
        continuation.yield(message.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) })
      }
      continuation.finish()
    }
    guard let recorder = await results.first(where: { _ in true }) else { throw PeerError("nothing was measured") }
    return recorder
  }

  private static func send(
    _ options: Options, to writer: RPCWriter<[UInt8]>, _ confirmations: AsyncStream<UInt64>
  ) async throws -> Recorder {
    let pacing = Pacing(options)
    let payload = [UInt8](repeating: 0x61, count: options.payload)
    var recorder = Recorder(options)
    var answers = confirmations.makeAsyncIterator()
    var begins: [UInt64] = []
    var expected: UInt64 = 0
    var isOver = false
    while true {
      while begins.count < pacing.outstanding && !isOver {
        begins.append(Clock.now)
        for first in stride(from: 0, to: pacing.batch, by: chunk) {
          try await writer.write(contentsOf: repeatElement(payload, count: min(chunk, pacing.batch - first)))
        }
        try await writer.write([])
      }
      if begins.isEmpty { return recorder }
      guard let received = await answers.next() else { throw PeerError("the server ended the stream") }
      expected += UInt64(pacing.batch)
      guard received == expected else { throw PeerError("messages were lost") }
      isOver = !recorder.record(from: begins.removeFirst(), messages: pacing.batch)
    }
  }
}
