internal import MailroomTransport

/// What stands in the body of a message behind the envelope, and in the body of a reply.
///
/// ```
///   request   01  bytes                                raw bytes
///             02  varint length, name, value           a typed message; all before the value is the head
///             03  16 bytes, then one of the above      asked with retries: what tells the request over all attempts
///             AC ED …                                  a Java object stream, from a peer of the reference system
///   reply     01  bytes                                raw bytes
///             02  value                                a typed reply
///             0F  flag, then three texts               a failure: 1 if certainly not executed; code, message, type
///                 (varint length, UTF-8 each); behind them, if the error can travel, its wire name and its bytes
///                 (varint length each)
/// ```
enum Content {
  static let raw: UInt8 = 0x01
  static let typed: UInt8 = 0x02
  static let keyed: UInt8 = 0x03
  static let failure: UInt8 = 0x0F
  static let java: UInt8 = 0xAC

  /// Texts of a failure are cut to this many bytes: they are for people.
  private static let textLimit = 4096

  /// Appends what stands in front of the content of a request that is asked with retries.
  static func append(_ key: RPCRequestKey, to writer: inout ByteWriter) {
    writer.append(keyed)
    key.encode(into: &writer)
  }

  /// Appends a failure.
  ///
  /// - Parameter withCause: whether the error underneath goes along, if it can.
  static func append(_ error: RPCError, withCause: Bool = true, to writer: inout ByteWriter) {
    writer.append(failure)
    writer.append(error.execution == .notExecuted ? 1 : 0)
    for text in [error.code.name, error.message, error.remoteType ?? ""] {
      let bytes = Array(text.utf8.prefix(textLimit))
      writer.append(varint: UInt64(bytes.count))
      writer.append(bytes)
    }
    guard withCause, let cause = error.cause as? any RPCTransferableError else { return }
    append(cause, to: &writer)
  }

  private static func append<Cause: RPCTransferableError>(_ cause: Cause, to writer: inout ByteWriter) {
    var bytes = ByteWriter()
    // One that cannot be encoded is told by its description.
    guard (try? cause.encode(into: &bytes)) != nil else { return }
    let name = Array(Cause.errorName.utf8)
    writer.append(varint: UInt64(name.count))
    writer.append(name)
    writer.append(varint: UInt64(bytes.count))
    writer.append(bytes.bytes)
  }

  /// Reads a failure behind its first byte.
  static func readFailure(_ reader: inout RPCReader) throws -> RPCError {
    let flag = try reader.readByte()
    var texts: [String] = []
    for _ in 0..<3 {
      let count = try reader.readCount()
      let bytes = try reader.readArray(count: count)
      texts.append(String(decoding: bytes, as: UTF8.self))
    }
    var error = RPCError(
      .init(name: texts[0]), texts[1], execution: flag == 1 ? .notExecuted : .unknown,
      remoteType: texts[2].isEmpty ? nil : texts[2])
    if reader.remaining > 0, let source = reader.source {
      let nameCount = try reader.readCount()
      let name = String(decoding: try reader.readArray(count: nameCount), as: UTF8.self)
      let count = try reader.readCount()
      let bytes = try reader.readArray(count: count)
      error.cause = source.env.configuration.errorTypes.decode(name, bytes, from: source)
    }
    return error
  }

  /// An error that a handler threw, as its asker gets it.
  ///
  /// It may be the error of an ask of the handler's own, and say that that one was not executed; the handler's request was.
  static func thrown(_ error: any Error) -> any Error {
    guard var error = error as? RPCError else { return error }
    error.execution = .unknown
    return error
  }

  /// What a handler's error looks like to the asker.
  static func failure(of error: any Error) -> RPCError {
    if let error = error as? RPCError { return error }
    return RPCError(
      .handlerFailed, String(describing: error), remoteType: String(reflecting: type(of: error)), cause: error)
  }
}

extension RPCError {
  /// A transport's error, as an asker sees it.
  init(_ error: TransportError) {
    let code: Code =
      switch error.reason {
      case .connectionClosed: .connectionLost
      case .connectFailed, .system: .connectFailed
      case .unresolvableHost: .unresolvableHost
      case .addressInUse, .bindFailed: .bindFailed
      case .timeout: .timeout
      case .protocolViolation: .protocolViolation
      case .tooLarge: .tooLarge
      case .full: .full
      case .remoteFailure: .remoteFailure
      case .stopped: .stopped
      case .unencodable: .unencodable
      }
    self.init(code, error.message, execution: error.isNotSent ? .notExecuted : .unknown, cause: error)
  }
}
