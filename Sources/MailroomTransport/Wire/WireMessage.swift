/// One message of the transport's wire, borrowed from the bytes it was read from or will be written from.
///
/// The reference's message types, by its numbers; the layouts of their headers stand beside each case. Integers are
/// big-endian; `text` is an int32 length and UTF-8 bytes. Types 11 and 12 of the reference (merged shuffle blocks) have no
/// meaning outside it and are not listed: they are refused as unknown. From 64 on are the extensions, which only processes of this
/// library understand, and which they use once both have said so.
public enum WireMessage: ~Escapable {
  /// 0: int64 stream id, int32 chunk index.
  case chunkFetchRequest(streamID: Int64, chunkIndex: Int32)
  /// 1: int64 stream id, int32 chunk index; the rest of the frame is the body.
  case chunkFetchSuccess(streamID: Int64, chunkIndex: Int32, body: RawSpan)
  /// 2: int64 stream id, int32 chunk index, text.
  case chunkFetchFailure(streamID: Int64, chunkIndex: Int32, error: RawSpan)
  /// 3: int64 request id, int32 body length (not trusted); the rest of the frame is the body.
  case rpcRequest(id: Int64, body: RawSpan)
  /// 4: as 3.
  case rpcResponse(id: Int64, body: RawSpan)
  /// 5: int64 request id, text.
  case rpcFailure(id: Int64, error: RawSpan)
  /// 6: text stream id.
  case streamRequest(streamID: RawSpan)
  /// 7: text stream id, int64 count of raw bytes that follow the frame.
  case streamResponse(streamID: RawSpan, byteCount: Int64)
  /// 8: text stream id, text error.
  case streamFailure(streamID: RawSpan, error: RawSpan)
  /// 9: int32 body length (not trusted); the rest of the frame is the body.
  case oneWay(body: RawSpan)
  /// 10: int64 request id, int32 length and bytes of metadata, int64 count of raw bytes that follow the frame.
  case uploadStream(id: Int64, metadata: RawSpan, byteCount: Int64)
  /// 64: int64 request id, int64 nanoseconds that the asker still waits, above zero, int32 body length (not trusted); the rest
  /// of the frame is the body.
  case rpcRequestWithDeadline(id: Int64, nanosecondsLeft: Int64, body: RawSpan)
  /// 65: int64 id of a request whose answer nobody wants any more.
  case cancel(id: Int64)
  /// 66: text name of an endpoint that shall be sent nothing for now.
  case pauseEndpoint(name: RawSpan)
  /// 67: text name of an endpoint that may be sent to again.
  case resumeEndpoint(name: RawSpan)
  /// 68: number, int32 length and the bytes that it stands for at the beginning of bodies from now on.
  ///
  /// The number is a uint16 below 16 384, or a uint32 from there on with the two highest bits set. A body that begins with the
  /// number, see ``PrefixMark``, is to be read as if it began with these bytes. Only to a peer that has said that it keeps them; see
  /// ``PrefixNumbers``.
  case numberPrefix(number: UInt32, prefix: RawSpan)

  /// The number that stands in a frame's type byte.
  public enum Kind: UInt8, Sendable {
    /// 0.
    case chunkFetchRequest = 0
    /// 1.
    case chunkFetchSuccess = 1
    /// 2.
    case chunkFetchFailure = 2
    /// 3.
    case rpcRequest = 3
    /// 4.
    case rpcResponse = 4
    /// 5.
    case rpcFailure = 5
    /// 6.
    case streamRequest = 6
    /// 7.
    case streamResponse = 7
    /// 8.
    case streamFailure = 8
    /// 9.
    case oneWay = 9
    /// 10.
    case uploadStream = 10
    /// 64.
    case rpcRequestWithDeadline = 64
    /// 65.
    case cancel = 65
    /// 66.
    case pauseEndpoint = 66
    /// 67.
    case resumeEndpoint = 67
    /// 68.
    case numberPrefix = 68
  }

  /// Reads the message in a frame's payload: type byte, header, body.
  ///
  /// - Throws: ``FrameError`` when the type is unknown, or the header is cut short or longer than the frame.
  @_lifetime(copy payload)
  public init(payload: RawSpan) throws(FrameError) {
    var reader = ByteReader(payload)
    guard let number = payload.byte(at: 0) else { throw .tooShort(8) }
    guard let kind = Kind(rawValue: number) else { throw .unknownType(number) }
    do throws(ByteReader.Malformed) {
      _ = try reader.readByte()
      switch kind {
      case .rpcRequest:
        let id = try reader.read(Int64.self)
        _ = try reader.read(Int32.self)
        self = .rpcRequest(id: id, body: reader.readRest())
      case .rpcResponse:
        let id = try reader.read(Int64.self)
        _ = try reader.read(Int32.self)
        self = .rpcResponse(id: id, body: reader.readRest())
      case .oneWay:
        _ = try reader.read(Int32.self)
        self = .oneWay(body: reader.readRest())
      case .rpcFailure:
        let id = try reader.read(Int64.self)
        self = .rpcFailure(id: id, error: try reader.readBlock())
      case .chunkFetchRequest:
        let id = try reader.read(Int64.self)
        self = .chunkFetchRequest(streamID: id, chunkIndex: try reader.read(Int32.self))
      case .chunkFetchSuccess:
        let id = try reader.read(Int64.self)
        let index = try reader.read(Int32.self)
        self = .chunkFetchSuccess(streamID: id, chunkIndex: index, body: reader.readRest())
      case .chunkFetchFailure:
        let id = try reader.read(Int64.self)
        let index = try reader.read(Int32.self)
        self = .chunkFetchFailure(streamID: id, chunkIndex: index, error: try reader.readBlock())
      case .streamRequest:
        self = .streamRequest(streamID: try reader.readBlock())
      case .streamResponse:
        let streamID = try reader.readBlock()
        self = .streamResponse(streamID: streamID, byteCount: try reader.read(Int64.self))
      case .streamFailure:
        let streamID = try reader.readBlock()
        self = .streamFailure(streamID: streamID, error: try reader.readBlock())
      case .uploadStream:
        let id = try reader.read(Int64.self)
        let metadata = try reader.readBlock()
        self = .uploadStream(id: id, metadata: metadata, byteCount: try reader.read(Int64.self))
      case .rpcRequestWithDeadline:
        let id = try reader.read(Int64.self)
        let left = try reader.read(Int64.self)
        if left <= 0 { throw reader.malformed("a time above zero before this") }
        _ = try reader.read(Int32.self)
        self = .rpcRequestWithDeadline(id: id, nanosecondsLeft: left, body: reader.readRest())
      case .cancel:
        self = .cancel(id: try reader.read(Int64.self))
      case .pauseEndpoint:
        self = .pauseEndpoint(name: try reader.readBlock())
      case .resumeEndpoint:
        self = .resumeEndpoint(name: try reader.readBlock())
      case .numberPrefix:
        let number = try reader.readPrefixNumber()
        self = .numberPrefix(number: number, prefix: try reader.readBlock())
      }
    } catch {
      throw FrameError.malformed(error)
    }
  }
}

// The kinds of frames that asks and one-way messages are made of, read without a look at the other kinds. What is none of them, or
// cut short, is for `WireMessage`.

extension RawSpan {
  /// What a response's payload has in front of its body: type, id, body length.
  static var responseHeader: Int { FrameFormat.rpcOverhead - FrameFormat.lengthSize }
  /// What the payload of a request that tells its deadline has in front of its body: type, id, time, body length.
  static var timedRequestHeader: Int { FrameFormat.timedRPCOverhead - FrameFormat.lengthSize }
  /// What a one-way message's payload has in front of its body: type, body length.
  static var oneWayHeader: Int { FrameFormat.oneWayOverhead - FrameFormat.lengthSize }

  /// The id of the response that this payload is; nil when it is none.
  @inline(__always)
  var idOfResponse: Int64? { isWhole(.rpcResponse, header: Self.responseHeader) ? integer(at: 1) : nil }

  /// The id and the time left of the request with a deadline that this payload is; nil when it is none.
  @inline(__always)
  var idAndTimeOfRequest: (id: Int64, nanosecondsLeft: Int64)? {
    guard isWhole(.rpcRequestWithDeadline, header: Self.timedRequestHeader) else { return nil }
    let left = integer(at: 9)
    return left > 0 ? (integer(at: 1), left) : nil
  }

  /// Whether this payload is a one-way message.
  @inline(__always)
  var isOneWay: Bool { isWhole(.oneWay, header: Self.oneWayHeader) }

  /// Whether this payload is of that kind, and has its header.
  @inline(__always)
  private func isWhole(_ kind: WireMessage.Kind, header: Int) -> Bool {
    byteCount >= header && unsafeLoadUnaligned(fromUncheckedByteOffset: 0, as: UInt8.self) == kind.rawValue
  }

  /// The integer at an offset that lies within the header.
  @inline(__always)
  private func integer(at offset: Int) -> Int64 {
    Int64(bigEndian: unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: Int64.self))
  }
}

extension ByteReader {
  /// Reads what ``WireMessage/numberPrefix(number:prefix:)`` has for a number.
  fileprivate mutating func readPrefixNumber() throws(Malformed) -> UInt32 {
    let first = UInt32(try read(UInt16.self))
    if first < RawSpan.firstLongPrefixNumber { return first }
    let number = (first & 0x3FFF) << 16 | UInt32(try read(UInt16.self))
    guard first >= 0xC000, number >= RawSpan.firstLongPrefixNumber else { throw malformed("the number of a prefix") }
    return number
  }
}
