import MailroomTransport

@testable import Mailroom

/// A frame as a raw peer writes it, or has received it.
struct RawFrame: Equatable {
  /// The type's number.
  let kind: UInt8
  /// The id, of a type that has one, or the number of a prefix.
  var id: Int64 = 0
  /// The time left, of a request that tells it.
  var nanosecondsLeft: Int64 = 0
  /// The body or text.
  let body: [UInt8]

  /// Reads a frame that begins with its length.
  init(_ frame: [UInt8]) {
    kind = frame[8]
    func integer(at offset: Int) -> Int64 { frame[offset..<offset + 8].reduce(0) { $0 << 8 | Int64($1) } }
    switch kind {
    case 68:
      id = integer(at: 3) & 0xFFFF
      body = Array(frame.dropFirst(15))
    case 9, 66, 67: body = Array(frame.dropFirst(13))
    case 64:
      id = integer(at: 9)
      nanosecondsLeft = integer(at: 17)
      body = Array(frame.dropFirst(29))
    case 65:
      id = integer(at: 9)
      body = []
    default:
      id = integer(at: 9)
      body = Array(frame.dropFirst(21))
    }
  }

  /// What the body says as a text.
  var text: String { String(decoding: body, as: UTF8.self) }

  /// The name in the envelope of a message.
  var endpoint: String? { (try? Envelope(parsing: body.rawSpan))?.name.utf8String() }

  /// What stands behind the envelope of a message.
  var content: [UInt8] { (try? Envelope(parsing: body.rawSpan))?.content.array() ?? [] }

  // MARK: Writing

  private static func frame(_ kind: UInt8, id: Int64? = nil, _ block: [UInt8]?) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(integer: Int64(0))
    writer.append(kind)
    if let id { writer.append(integer: id) }
    if let block {
      writer.append(integer: Int32(block.count))
      writer.append(block)
    }
    writer.overwrite(Int64(writer.count), at: 0)
    return writer.array()
  }

  static func message(_ name: String, _ content: [UInt8]) -> [UInt8] {
    ((try? Envelope.bytes(sender: nil, receiver: nil, name: name)) ?? []) + content
  }

  /// A request to an endpoint.
  static func request(_ id: Int64, to name: String, _ content: [UInt8]) -> [UInt8] {
    frame(3, id: id, message(name, content))
  }

  /// A one-way message to an endpoint.
  static func oneWay(to name: String, _ content: [UInt8]) -> [UInt8] { frame(9, message(name, content)) }

  /// The content of a typed message.
  static func typed<Message: RPCMessage>(_ message: Message) throws -> [UInt8] {
    var writer = ByteWriter()
    writer.append(MessageHead.of(Message.self).bytes)
    try RPCEndpointRef.write(message, to: &writer)
    return writer.array()
  }

  /// What follows the head in the content of a typed message.
  static func value<Message: RPCMessage>(_ message: Message) throws -> [UInt8] {
    var writer = ByteWriter()
    try RPCEndpointRef.write(message, to: &writer)
    return writer.array()
  }

  /// The bytes of any value.
  static func value<Value: RPCValue>(of value: Value) throws -> [UInt8] {
    var writer = ByteWriter()
    try value.encode(into: &writer)
    return writer.array()
  }

  /// The answer to a request.
  static func response(_ id: Int64, _ body: [UInt8]) -> [UInt8] { frame(4, id: id, body) }

  /// The failure of a request.
  static func failure(_ id: Int64, _ text: String) -> [UInt8] { frame(5, id: id, Array(text.utf8)) }

  /// That nobody waits for a request any more.
  static func cancel(_ id: Int64) -> [UInt8] { frame(65, id: id, nil) }

  /// That an endpoint shall be sent nothing.
  static func pause(_ name: String) -> [UInt8] { frame(66, Array(name.utf8)) }

  /// That an endpoint may be sent to again.
  static func resume(_ name: String) -> [UInt8] { frame(67, Array(name.utf8)) }

  /// That a number stands for these bytes.
  static func number(_ number: UInt32, _ prefix: [UInt8]) -> [UInt8] {
    Self.number(field: number < 0x4000 ? [UInt8(number >> 8), UInt8(number & 0xFF)] : long(number), prefix)
  }

  /// The same with any bytes for a number.
  static func number(field: [UInt8], _ prefix: [UInt8]) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(integer: Int64(13 + field.count + prefix.count))
    writer.append(68)
    writer.append(field)
    writer.append(integer: Int32(prefix.count))
    writer.append(prefix)
    return writer.array()
  }

  /// That a number stands for the envelope of messages to an endpoint.
  static func number(_ number: UInt32, for name: String) -> [UInt8] { Self.number(number, message(name, [])) }

  /// That a number stands for the envelope of messages to an endpoint and the head of those of a type.
  static func number<Message: RPCMessage>(_ number: UInt32, for name: String, _ type: Message.Type) -> [UInt8] {
    Self.number(number, message(name, MessageHead.of(type).bytes))
  }

  /// A request to the endpoint of a number.
  static func request(_ id: Int64, to number: UInt32, _ content: [UInt8]) -> [UInt8] {
    frame(3, id: id, mark(number) + content)
  }

  /// A one-way message to the endpoint of a number.
  static func oneWay(to number: UInt32, _ content: [UInt8]) -> [UInt8] { frame(9, mark(number) + content) }

  private static func mark(_ number: UInt32) -> [UInt8] {
    number < 0x4000 ? [UInt8(number >> 8) | 0x80, UInt8(number & 0xFF)] : long(number)
  }

  private static func long(_ number: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: (number | 0xC000_0000) >> $0) }
  }

  /// The number that the body of a message begins with, if it does.
  var number: Int? { body.rawSpan.prefixNumber }
}

extension Introduction {
  /// The introduction of a peer that keeps no envelopes.
  init(id: RPCEnvID, address: RPCAddress?) { self.init(id: id, address: address, envelopes: .none) }
}

extension RawSocket {
  /// Receives one frame.
  func next() async throws -> RawFrame { RawFrame(try await receiveFrame()) }

  /// Receives as many frames.
  func next(_ count: Int) async throws -> [RawFrame] {
    var frames: [RawFrame] = []
    for _ in 0..<count { frames.append(try await next()) }
    return frames
  }

  /// Introduces this peer to an environment it has connected to; returns the environment's introduction.
  @discardableResult
  func introduce(as id: RPCEnvID = .random(), envelopes: PrefixLimits = .none) async throws -> Introduction {
    var content = ByteWriter()
    Introduction(id: id, address: nil, envelopes: envelopes).appendRequest(to: &content)
    try send(RawFrame.request(-1, to: Introduction.endpointName, content.array()))
    let answer = try await next()
    guard answer.kind == 4, answer.id == -1 else { throw Failure("\(answer) instead of an introduction") }
    return try Introduction(reply: answer.body.rawSpan)
  }
}

extension RawListener {
  /// The next connection of an environment, and the id of its introduction, which waits for an answer.
  func acceptAsker() async throws -> (peer: RawSocket, id: Int64) {
    let peer = try await accept()
    let introduction = try await peer.next()
    guard introduction.kind == 3, introduction.endpoint == Introduction.endpointName else {
      throw RawSocket.Failure("\(introduction) instead of an introduction")
    }
    return (peer, introduction.id)
  }

  /// The next connection of an environment, answered as a process of this library does.
  ///
  /// - Parameters:
  ///   - listens: the port that it says it listens at, if not this one.
  ///   - envelopes: what it keeps of them.
  func acceptKnown(
    as id: RPCEnvID = .random(), at listens: Int? = nil, envelopes: PrefixLimits = .none
  ) async throws -> RawSocket {
    let (peer, request) = try await acceptAsker()
    var answer = ByteWriter()
    let address = try RPCAddress(host: "127.0.0.1", port: listens ?? port)
    Introduction(id: id, address: address, envelopes: envelopes).appendReply(to: &answer)
    try peer.send(RawFrame.response(request, answer.array()))
    return peer
  }
}
