/// The command line of a peer.
public struct Options: Sendable {
  /// "serve" or "run".
  public var command = ""
  /// What the server announced.
  public var address = ""
  /// "ping-pong", "ask" or "one-way".
  public var scenario = "ask"
  /// Bytes of a message; at least one, because an empty message asks for a confirmation.
  public var payload = 16
  /// Messages on their way at a time.
  public var window = 128
  /// How long to count.
  public var seconds = 2.0
  /// Seconds before counting begins.
  public var warmup = 0.5

  /// Whether messages go without an answer.
  public var isOneWay: Bool { scenario == "one-way" }

  /// Reads this process's arguments.
  ///
  /// - Throws: ``PeerError`` for one that is unknown or has no usable value.
  public init() throws {
    var arguments = CommandLine.arguments.dropFirst()
    command = arguments.popFirst() ?? ""
    while let name = arguments.popFirst() {
      guard let value = arguments.popFirst() else { throw PeerError("\(name) has no value") }
      switch name {
      case "--address": address = value
      case "--scenario": scenario = value
      case "--payload": payload = try Self.number(value)
      case "--window": window = try Self.number(value)
      case "--seconds": seconds = Double(value) ?? seconds
      case "--warmup": warmup = Double(value) ?? warmup
      default: throw PeerError("unknown option \(name)")
      }
    }
  }

  private static func number(_ text: String) throws -> Int {
    guard let number = Int(text), number >= 1 else { throw PeerError("\(text) is not a number above 0") }
    return number
  }
}

/// Why a peer cannot go on.
public struct PeerError: Error, CustomStringConvertible {
  /// The reason, for people.
  public let description: String

  /// An error with that reason.
  public init(_ description: String) { self.description = description }
}
