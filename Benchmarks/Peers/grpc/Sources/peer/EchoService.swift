import GRPCCore

/// What the service and its clients agree on.
///
/// Messages are plain bytes: protobuf would only add to them.
enum Echo {
  static let ask = MethodDescriptor(fullyQualifiedService: "peer.Echo", method: "Ask", type: .unary)
  static let send = MethodDescriptor(fullyQualifiedService: "peer.Echo", method: "Send", type: .bidirectionalStreaming)
}

struct BytesSerializer: MessageSerializer {
  func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) -> Bytes { Bytes(message) }
}

struct BytesDeserializer: MessageDeserializer {
  func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) -> [UInt8] { bytes.withUnsafeBytes { Array($0) } }
}

/// Answers asks with what they brought; counts the messages of a stream, and says how many came when an empty one asks.
struct EchoService: RegistrableRPCService {
  func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    router.registerHandler(forMethod: Echo.ask, deserializer: BytesDeserializer(), serializer: BytesSerializer()) {
      request, _ in
      let request = try await ServerRequest(stream: request)
      return StreamingServerResponse(single: ServerResponse(message: request.message))
    }
    router.registerHandler(forMethod: Echo.send, deserializer: BytesDeserializer(), serializer: BytesSerializer()) {
      request, _ in
      StreamingServerResponse { writer in
        var received: UInt64 = 0
        for try await message in request.messages {
          if message.isEmpty {
            try await writer.write(withUnsafeBytes(of: received) { Array($0) })
          } else {
            received += 1
          }
        }
        return [:]
      }
    }
  }
}
