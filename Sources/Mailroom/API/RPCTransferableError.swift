/// An error that reaches the asker in another process as the value it is, and not only as its description.
///
/// A `Codable` error conforms by saying so. A handler throws it, or answers with it; the asker gets an ``RPCError`` with code
/// ``RPCError/Code/handlerFailed`` whose ``RPCError/cause`` is the error, if the asker's environment knows the type:
///
/// ```swift
/// struct OutOfStock: RPCTransferableError, Codable { var left: Int }
///
/// configuration.errorTypes.register(OutOfStock.self)
/// do { … } catch let error as RPCError where error.cause is OutOfStock { … }
/// ```
///
/// An asker that does not know the type gets code, type name and description. Inside one environment the error itself arrives, known
/// or not.
public protocol RPCTransferableError: Error, RPCValue {
  /// The name that stands for the type on the wire: the same at both ends, and stable between versions.
  ///
  /// By default the type's name without its module.
  static var errorName: String { get }
}

extension RPCTransferableError {
  /// The type's name without its module.
  public static var errorName: String { String(describing: Self.self) }
}

/// The error types that an environment can tell apart when they come from another process.
///
/// A value; part of the configuration.
public struct RPCErrorTypes: Sendable {
  private var decoders: [String: @Sendable (inout RPCReader) throws -> any Error] = [:]

  /// None.
  public init() {}

  /// Has errors of a type arrive as what they are; of two types of one name the last one counts.
  public mutating func register<Failure: RPCTransferableError>(_ type: Failure.Type) {
    decoders[Failure.errorName] = { reader in try Failure(from: &reader) }
  }

  /// Reads the error of a name; nil when it is not known, or its bytes are of no such error.
  func decode(_ name: String, _ bytes: [UInt8], from source: MessageSource?) -> (any Error)? {
    guard let decode = decoders[name] else { return nil }
    var reader = RPCReader(bytes.rawSpan, from: source)
    return try? decode(&reader)
  }
}
