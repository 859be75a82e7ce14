/// The layout of a frame: int64 length of the whole frame, uint8 message type, the type's header, body.
///
/// Big-endian.
///
/// The format is the reference system's, so that a process of either kind can talk to the other.
package enum FrameFormat {
  /// Bytes of the length field.
  package static let lengthSize = 8
  /// A frame without header and body.
  package static let minimumLength = 9
  /// What a frame adds to the body of a request or a response: length, type, request id, body length.
  package static let rpcOverhead = 21
  /// What a frame adds to the body of a request that tells its deadline: 8 bytes more than one that does not.
  ///
  /// Size checks need not know: a request that fits only without its deadline is sent without.
  package static let timedRPCOverhead = rpcOverhead + 8
  /// Where the id stands in the frame of a request or a response.
  static let idOffset = lengthSize + 1
  /// Where the time left stands in the frame of a request that tells its deadline.
  static let timeOffset = idOffset + 8
  /// What a frame adds to the body of a one-way message: length, type, body length.
  package static let oneWayOverhead = 13
  /// What the frame that numbers a prefix adds to it: length, type, number, prefix length.
  static let prefixOverhead = 15
}

extension ByteWriter {
  /// The id in the one frame of a request or a response that is written here.
  var requestID: Int64 {
    var reader = ByteReader(bytes.dropping(FrameFormat.idOffset))
    return (try? reader.read(Int64.self)) ?? 0
  }

  /// A frame that is being written: where it began, and where its body began.
  package struct OpenFrame {
    package let start: Int
    package let bodyStart: Int
  }

  /// Begins the frame of a request or a response; ``endFrame(_:limit:)`` fills in the lengths.
  package mutating func beginRPC(_ kind: WireMessage.Kind, id: Int64) -> OpenFrame {
    let start = count
    reserve(64)
    append(integer: Int64(0))
    append(kind.rawValue)
    append(integer: id)
    append(integer: Int32(0))
    return OpenFrame(start: start, bodyStart: count)
  }

  /// Begins the frame of a request that tells its deadline; ``endFrame(_:limit:)`` fills in the lengths.
  package mutating func beginTimedRequest(id: Int64, nanosecondsLeft: Int64) -> OpenFrame {
    let start = count
    reserve(64)
    append(integer: Int64(0))
    append(WireMessage.Kind.rpcRequestWithDeadline.rawValue)
    append(integer: id)
    append(integer: nanosecondsLeft)
    append(integer: Int32(0))
    return OpenFrame(start: start, bodyStart: count)
  }

  /// Begins the frame of a one-way message; ``endFrame(_:limit:)`` fills in the lengths.
  package mutating func beginOneWay() -> OpenFrame {
    let start = count
    reserve(64)
    append(integer: Int64(0))
    append(WireMessage.Kind.oneWay.rawValue)
    append(integer: Int32(0))
    return OpenFrame(start: start, bodyStart: count)
  }

  /// Fills in the lengths of a frame whose body was appended since it began.
  ///
  /// A request that is above `limit` because of its deadline becomes one without.
  ///
  /// - Parameter saved: bytes that a number stands for here, and that count all the same: what fits must not depend on it.
  /// - Throws: ``FrameError/tooLarge(length:limit:)`` when the frame is above `limit`; it is taken back as a whole then.
  package mutating func endFrame(_ frame: OpenFrame, limit: Int, saved: Int = 0) throws(FrameError) {
    let length = count - frame.start
    let whole = length + saved
    let body = count - frame.bodyStart
    if whole > limit, frame.bodyStart - frame.start == FrameFormat.timedRPCOverhead, whole - 8 <= limit {
      overwrite(WireMessage.Kind.rpcRequest.rawValue, at: frame.start + FrameFormat.lengthSize)
      remove(at: frame.start + FrameFormat.timeOffset, count: 8)
      return try endFrame(OpenFrame(start: frame.start, bodyStart: frame.bodyStart - 8), limit: limit, saved: saved)
    }
    if whole > limit || body > Int(Int32.max) {
      truncate(to: frame.start)
      throw .tooLarge(length: Int64(whole), limit: limit)
    }
    overwrite(Int64(length), at: frame.start)
    overwrite(Int32(body), at: frame.bodyStart - 4)
  }

  /// Appends `message` as a frame.
  ///
  /// - Throws: ``FrameError/tooLarge(length:limit:)`` when the frame would be above `limit`; nothing is appended then.
  package mutating func append(frame message: borrowing WireMessage, limit: Int) throws(FrameError) {
    let start = count
    switch message {
    case .rpcRequest(let id, let body): return try appendRPC(.rpcRequest, id, body, limit)
    case .rpcResponse(let id, let body): return try appendRPC(.rpcResponse, id, body, limit)
    case .oneWay(let body):
      let frame = beginOneWay()
      append(body)
      return try endFrame(frame, limit: limit)
    case .chunkFetchSuccess(let id, let index, let body):
      begin(.chunkFetchSuccess, id)
      append(integer: index)
      append(body)
    case .rpcFailure(let id, let error):
      begin(.rpcFailure, id)
      append(block: error)
    case .chunkFetchRequest(let id, let index):
      begin(.chunkFetchRequest, id)
      append(integer: index)
    case .chunkFetchFailure(let id, let index, let error):
      begin(.chunkFetchFailure, id)
      append(integer: index)
      append(block: error)
    case .streamRequest(let streamID):
      begin(.streamRequest)
      append(block: streamID)
    case .streamResponse(let streamID, let byteCount):
      begin(.streamResponse)
      append(block: streamID)
      append(integer: byteCount)
    case .streamFailure(let streamID, let error):
      begin(.streamFailure)
      append(block: streamID)
      append(block: error)
    case .uploadStream(let id, let metadata, let byteCount):
      begin(.uploadStream, id)
      append(block: metadata)
      append(integer: byteCount)
    case .rpcRequestWithDeadline(let id, let left, let body):
      begin(.rpcRequestWithDeadline, id)
      append(integer: left)
      append(block: body)
    case .cancel(let id): begin(.cancel, id)
    case .pauseEndpoint(let name):
      begin(.pauseEndpoint)
      append(block: name)
    case .resumeEndpoint(let name):
      begin(.resumeEndpoint)
      append(block: name)
    case .numberPrefix(let number, let prefix):
      begin(.numberPrefix)
      append(prefixNumber: number)
      append(block: prefix)
    }
    let length = count - start
    if length > limit {
      truncate(to: start)
      throw .tooLarge(length: Int64(length), limit: limit)
    }
    overwrite(Int64(length), at: start)
  }

  private mutating func appendRPC(
    _ kind: WireMessage.Kind, _ id: Int64, _ body: RawSpan, _ limit: Int
  ) throws(FrameError) {
    let frame = beginRPC(kind, id: id)
    append(body)
    try endFrame(frame, limit: limit)
  }

  private mutating func begin(_ kind: WireMessage.Kind, _ id: Int64? = nil) {
    append(integer: Int64(0))
    append(kind.rawValue)
    if let id { append(integer: id) }
  }

  /// Appends a number for a prefix: in two bytes, or in four with the two highest bits set, as in a ``PrefixMark``.
  private mutating func append(prefixNumber number: UInt32) {
    if number < RawSpan.firstLongPrefixNumber {
      append(integer: UInt16(number))
    } else {
      append(integer: number | 0xC000_0000)
    }
  }

  /// Appends an int32 length and the bytes.
  package mutating func append(block bytes: RawSpan) {
    append(integer: Int32(clamping: bytes.byteCount))
    append(bytes)
  }
}

extension RawSpan {
  /// Hands the request of each answer among the frames that these bytes are to `body`.
  ///
  /// The bytes must be frames that were written here; what is none ends it.
  func forEachAnswer(_ body: (_ requestID: Int64) -> Void) {
    var reader = ByteReader(self)
    while let length = try? reader.read(Int64.self), let kind = try? reader.readByte(),
      let id = try? reader.read(Int64.self),
      (try? reader.read(count: Int(clamping: length) - FrameFormat.idOffset - MemoryLayout<Int64>.size)) != nil
    {
      if kind == WireMessage.Kind.rpcResponse.rawValue || kind == WireMessage.Kind.rpcFailure.rawValue { body(id) }
    }
  }

  /// Counts the one-way messages and answers among the frames that these bytes begin with, leaving out those that end
  /// within the first `taken` bytes.
  ///
  /// The bytes must be frames that were written here; what is none ends the count.
  func countMessages(endingBehind taken: Int) -> DroppedMessages {
    var count = DroppedMessages()
    var reader = ByteReader(self)
    while reader.remaining >= FrameFormat.minimumLength {
      guard let length = try? reader.read(Int64.self), let kind = try? reader.readByte(),
        length >= FrameFormat.minimumLength,
        (try? reader.read(count: Int(clamping: length) - FrameFormat.minimumLength)) != nil
      else { break }
      guard reader.offset > taken else { continue }
      switch WireMessage.Kind(rawValue: kind) {
      case .oneWay: count += .oneWay
      case .rpcResponse, .rpcFailure: count += .answer
      default: break
      }
    }
    return count
  }
}

extension ByteReader {
  /// Reads an int32 length and that many bytes, without copying them.
  @_lifetime(copy self)
  package mutating func readBlock() throws(Malformed) -> RawSpan {
    let count = try read(Int32.self)
    return try read(count: Int(count))
  }
}
