// Whole frames, written in one go: the room is made once, and every field has its place.

extension ByteWriter {
  /// Appends the frame of a request; one that tells its deadline when there is a time.
  ///
  /// The body is the prefix, or the mark that stands for it and what it leaves of it, the byte `tag`, and `content`. There is no tag
  /// behind a prefix that branches off.
  @inline(__always)
  mutating func appendRequest(
    id: Int64, nanosecondsLeft: Int64?, _ mark: PrefixMark, _ prefix: BodyPrefix, tag: UInt8?, _ content: RawSpan
  ) {
    let kind = nanosecondsLeft == nil ? WireMessage.Kind.rpcRequest : .rpcRequestWithDeadline
    let overhead = nanosecondsLeft == nil ? FrameFormat.rpcOverhead : FrameFormat.timedRPCOverhead
    let bodySize = mark.size(for: prefix, tag) + content.byteCount
    let start = claim(overhead + bodySize)
    store(Int64(overhead + bodySize), at: start)
    store(kind.rawValue, at: start + FrameFormat.lengthSize)
    store(id, at: start + FrameFormat.idOffset)
    if let nanosecondsLeft { store(nanosecondsLeft, at: start + FrameFormat.timeOffset) }
    store(Int32(truncatingIfNeeded: bodySize), at: start + overhead - 4)
    store(mark, prefix, tag, content, at: start + overhead)
  }

  /// Appends the frame of a one-way message, whose body is as a request's.
  @inline(__always)
  mutating func appendOneWay(_ mark: PrefixMark, _ prefix: BodyPrefix, tag: UInt8?, _ content: RawSpan) {
    let bodySize = mark.size(for: prefix, tag) + content.byteCount
    let start = claim(FrameFormat.oneWayOverhead + bodySize)
    store(Int64(FrameFormat.oneWayOverhead + bodySize), at: start)
    store(WireMessage.Kind.oneWay.rawValue, at: start + FrameFormat.lengthSize)
    store(Int32(truncatingIfNeeded: bodySize), at: start + FrameFormat.oneWayOverhead - 4)
    store(mark, prefix, tag, content, at: start + FrameFormat.oneWayOverhead)
  }

  /// Appends the frame of a response whose body is a byte and what follows it.
  @inline(__always)
  mutating func appendResponse(id: Int64, tag: UInt8, _ body: RawSpan) {
    let bodySize = 1 + body.byteCount
    let start = claim(FrameFormat.rpcOverhead + bodySize)
    store(Int64(FrameFormat.rpcOverhead + bodySize), at: start)
    store(WireMessage.Kind.rpcResponse.rawValue, at: start + FrameFormat.lengthSize)
    store(id, at: start + FrameFormat.idOffset)
    store(Int32(truncatingIfNeeded: bodySize), at: start + FrameFormat.rpcOverhead - 4)
    store(tag, at: start + FrameFormat.rpcOverhead)
    store(body, at: start + FrameFormat.rpcOverhead + 1)
  }

  /// Appends a prefix, or the mark that stands for it and what it leaves of it.
  package mutating func append(_ prefix: BodyPrefix, _ mark: PrefixMark) {
    if mark.isShort {
      append(integer: UInt16(truncatingIfNeeded: mark.field))
    } else if mark.isNone {
      return append(prefix.bytes)
    } else {
      append(integer: mark.field)
    }
    let rest = mark.rest(of: prefix)
    if rest > 0 {
      let bytes = prefix.bytes
      append(bytes.rawSpan.extracting(last: rest))
    }
  }

  @inline(__always)
  private func store(_ mark: PrefixMark, _ prefix: BodyPrefix, _ tag: UInt8?, _ content: RawSpan, at start: Int) {
    var offset = start
    if mark.isShort {
      store(UInt16(truncatingIfNeeded: mark.field), at: offset)
      offset += 2
    } else if mark.isNone {
      let bytes = prefix.bytes
      store(bytes.rawSpan, at: offset)
      offset += prefix.byteCount
    } else {
      store(mark.field, at: offset)
      offset += 4
    }
    if let tag {
      assert(prefix.root == nil, "A tag would stand where the rest of a branch belongs")
      store(tag, at: offset)
      offset += 1
    } else if !mark.isNone {
      let rest = mark.rest(of: prefix)
      if rest > 0 {
        let bytes = prefix.bytes
        store(bytes.rawSpan.extracting(last: rest), at: offset)
        offset += rest
      }
    }
    store(content, at: offset)
  }

  /// Writes an integer, big-endian, into room that was claimed.
  @inline(__always)
  private func store<Integer: FixedWidthInteger & BitwiseCopyable>(_ integer: Integer, at offset: Int) {
    base.unsafelyUnwrapped.storeBytes(of: integer.bigEndian, toByteOffset: offset, as: Integer.self)
  }

  /// Copies bytes into room that was claimed.
  @inline(__always)
  private func store(_ bytes: RawSpan, at offset: Int) {
    let target = base.unsafelyUnwrapped + offset
    bytes.withUnsafeBytes { source in
      if let from = source.baseAddress { target.copyMemory(from: from, byteCount: source.count) }
    }
  }
}
