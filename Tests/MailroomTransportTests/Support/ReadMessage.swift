@testable import MailroomTransport

/// A ``WireMessage`` with bytes of its own, which can be kept and compared.
enum ReadMessage: Equatable, Sendable {
  case chunkFetchRequest(streamID: Int64, chunkIndex: Int32)
  case chunkFetchSuccess(streamID: Int64, chunkIndex: Int32, body: [UInt8])
  case chunkFetchFailure(streamID: Int64, chunkIndex: Int32, error: [UInt8])
  case rpcRequest(id: Int64, body: [UInt8])
  case rpcResponse(id: Int64, body: [UInt8])
  case rpcFailure(id: Int64, error: [UInt8])
  case streamRequest(streamID: [UInt8])
  case streamResponse(streamID: [UInt8], byteCount: Int64)
  case streamFailure(streamID: [UInt8], error: [UInt8])
  case oneWay(body: [UInt8])
  case uploadStream(id: Int64, metadata: [UInt8], byteCount: Int64)
  case rpcRequestWithDeadline(id: Int64, nanosecondsLeft: Int64, body: [UInt8])
  case cancel(id: Int64)
  case pauseEndpoint(name: [UInt8])
  case resumeEndpoint(name: [UInt8])
  case numberPrefix(number: UInt32, prefix: [UInt8])

  /// Reads a payload.
  init(payload: [UInt8]) throws(FrameError) {
    let message = try WireMessage(payload: payload.rawSpan)
    switch message {
    case .chunkFetchRequest(let id, let index): self = .chunkFetchRequest(streamID: id, chunkIndex: index)
    case .chunkFetchSuccess(let id, let index, let body):
      self = .chunkFetchSuccess(streamID: id, chunkIndex: index, body: body.array())
    case .chunkFetchFailure(let id, let index, let error):
      self = .chunkFetchFailure(streamID: id, chunkIndex: index, error: error.array())
    case .rpcRequest(let id, let body): self = .rpcRequest(id: id, body: body.array())
    case .rpcResponse(let id, let body): self = .rpcResponse(id: id, body: body.array())
    case .rpcFailure(let id, let error): self = .rpcFailure(id: id, error: error.array())
    case .streamRequest(let streamID): self = .streamRequest(streamID: streamID.array())
    case .streamResponse(let streamID, let count): self = .streamResponse(streamID: streamID.array(), byteCount: count)
    case .streamFailure(let streamID, let error):
      self = .streamFailure(streamID: streamID.array(), error: error.array())
    case .oneWay(let body): self = .oneWay(body: body.array())
    case .uploadStream(let id, let metadata, let count):
      self = .uploadStream(id: id, metadata: metadata.array(), byteCount: count)
    case .rpcRequestWithDeadline(let id, let left, let body):
      self = .rpcRequestWithDeadline(id: id, nanosecondsLeft: left, body: body.array())
    case .cancel(let id): self = .cancel(id: id)
    case .pauseEndpoint(let name): self = .pauseEndpoint(name: name.array())
    case .resumeEndpoint(let name): self = .resumeEndpoint(name: name.array())
    case .numberPrefix(let number, let prefix): self = .numberPrefix(number: number, prefix: prefix.array())
    }
  }

  /// The message as a frame.
  func frame(limit: Int = .max) throws(FrameError) -> [UInt8] {
    var writer = ByteWriter()
    try append(to: &writer, limit: limit)
    return writer.array()
  }

  /// Appends the message as a frame.
  func append(to writer: inout ByteWriter, limit: Int) throws(FrameError) {
    switch self {
    case .chunkFetchRequest(let id, let index):
      try writer.append(frame: .chunkFetchRequest(streamID: id, chunkIndex: index), limit: limit)
    case .chunkFetchSuccess(let id, let index, let body):
      try writer.append(
        frame: .chunkFetchSuccess(streamID: id, chunkIndex: index, body: body.rawSpan), limit: limit)
    case .chunkFetchFailure(let id, let index, let error):
      try writer.append(
        frame: .chunkFetchFailure(streamID: id, chunkIndex: index, error: error.rawSpan), limit: limit)
    case .rpcRequest(let id, let body): try writer.append(frame: .rpcRequest(id: id, body: body.rawSpan), limit: limit)
    case .rpcResponse(let id, let body):
      try writer.append(frame: .rpcResponse(id: id, body: body.rawSpan), limit: limit)
    case .rpcFailure(let id, let error):
      try writer.append(frame: .rpcFailure(id: id, error: error.rawSpan), limit: limit)
    case .streamRequest(let streamID):
      try writer.append(frame: .streamRequest(streamID: streamID.rawSpan), limit: limit)
    case .streamResponse(let streamID, let count):
      try writer.append(frame: .streamResponse(streamID: streamID.rawSpan, byteCount: count), limit: limit)
    case .streamFailure(let streamID, let error):
      try writer.append(frame: .streamFailure(streamID: streamID.rawSpan, error: error.rawSpan), limit: limit)
    case .oneWay(let body): try writer.append(frame: .oneWay(body: body.rawSpan), limit: limit)
    case .uploadStream(let id, let metadata, let count):
      try writer.append(
        frame: .uploadStream(id: id, metadata: metadata.rawSpan, byteCount: count), limit: limit)
    case .rpcRequestWithDeadline(let id, let left, let body):
      try writer.append(
        frame: .rpcRequestWithDeadline(id: id, nanosecondsLeft: left, body: body.rawSpan), limit: limit)
    case .cancel(let id): try writer.append(frame: .cancel(id: id), limit: limit)
    case .pauseEndpoint(let name): try writer.append(frame: .pauseEndpoint(name: name.rawSpan), limit: limit)
    case .resumeEndpoint(let name): try writer.append(frame: .resumeEndpoint(name: name.rawSpan), limit: limit)
    case .numberPrefix(let number, let prefix):
      try writer.append(frame: .numberPrefix(number: number, prefix: prefix.rawSpan), limit: limit)
    }
  }

  /// One of each type, with empty and with filled bodies.
  static let samples: [ReadMessage] = [
    .chunkFetchRequest(streamID: .max, chunkIndex: .min), .chunkFetchRequest(streamID: -1, chunkIndex: 7),
    .chunkFetchSuccess(streamID: 1, chunkIndex: 2, body: []),
    .chunkFetchSuccess(streamID: .min, chunkIndex: .max, body: [1, 2, 3]),
    .chunkFetchFailure(streamID: 3, chunkIndex: 4, error: []),
    .chunkFetchFailure(streamID: 3, chunkIndex: -4, error: Array("no such chunk".utf8)),
    .rpcRequest(id: 5, body: []), .rpcRequest(id: .max, body: Array(repeating: 0xAB, count: 10)),
    .rpcResponse(id: 6, body: []), .rpcResponse(id: .min, body: Array(repeating: 0, count: 100)),
    .rpcFailure(id: 7, error: []), .rpcFailure(id: 0, error: Array("ärger ✉️".utf8)),
    .streamRequest(streamID: []), .streamRequest(streamID: Array("/files/small.txt".utf8)),
    .streamResponse(streamID: [], byteCount: 0), .streamResponse(streamID: [0xFF], byteCount: .max),
    .streamFailure(streamID: [], error: []), .streamFailure(streamID: [1], error: [2, 3]),
    .oneWay(body: []), .oneWay(body: Array(0...255)),
    .uploadStream(id: 8, metadata: [], byteCount: 0), .uploadStream(id: -8, metadata: [9], byteCount: -1),
    .rpcRequestWithDeadline(id: 9, nanosecondsLeft: 1, body: []),
    .rpcRequestWithDeadline(id: -9, nanosecondsLeft: .max, body: [1, 2]), .cancel(id: 10), .cancel(id: .min),
    .pauseEndpoint(name: []), .pauseEndpoint(name: Array("endpoint".utf8)), .resumeEndpoint(name: []),
    .resumeEndpoint(name: Array("ärger".utf8)), .numberPrefix(number: 0, prefix: []),
    .numberPrefix(number: 0x3FFF, prefix: [1, 2, 3]), .numberPrefix(number: 0x4000, prefix: [4]),
    .numberPrefix(number: 0x3FFF_FFFF, prefix: []),
  ]
}
