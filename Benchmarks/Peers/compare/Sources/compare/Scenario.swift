/// What is measured.
struct Scenario: Codable, Hashable {
  enum Kind: String, Codable {
    /// One request at a time; what counts is how long its answer takes.
    case pingPong = "ping-pong"
    /// Requests and their answers.
    case ask
    /// Messages without an answer.
    case oneWay = "one-way"
  }

  /// What the command line calls it.
  var name: String
  var kind: Kind
  /// Bytes of a message.
  var payload: Int
  /// Messages on their way at a time; one-way ones are on their way until they are confirmed.
  var window: Int

  static let all = [
    Scenario(name: "ping-pong", kind: .pingPong, payload: 16, window: 1),
    Scenario(name: "ask-16", kind: .ask, payload: 16, window: 128),
    Scenario(name: "ask-1k", kind: .ask, payload: 1024, window: 1024),
    Scenario(name: "one-way-16", kind: .oneWay, payload: 16, window: 65_536),
    Scenario(name: "one-way-1k", kind: .oneWay, payload: 1024, window: 8192),
    Scenario(name: "one-way-1m", kind: .oneWay, payload: 1 << 20, window: 16),
  ]

  /// For people.
  var title: String { "\(kind.rawValue) \(Format.bytes(payload))" + (kind == .ask ? ", window \(window)" : "") }

  /// What its figure is.
  var unit: String {
    if isLatency { return "median round trip" }
    return isBulk ? "bytes per second" : "\(kind == .ask ? "asks" : "messages") per second"
  }

  /// Whether the figure is a time, so that less is better.
  var isLatency: Bool { kind == .pingPong }

  private var isBulk: Bool { payload >= 1 << 20 }

  /// The figure of a sample: microseconds, bytes per second, or messages per second.
  func figure(_ sample: Sample) -> Double {
    if isLatency { return sample.p50 }
    return isBulk ? sample.throughput * Double(payload) : sample.throughput
  }

  /// A figure for people.
  func text(_ figure: Double) -> String {
    if isLatency { return "\(Format.significant(figure)) us" }
    return isBulk ? "\(Format.scaled(figure))B/s" : "\(Format.scaled(figure))/s"
  }

  /// How many times as good `one` is as `other`.
  func ratio(_ one: Double, to other: Double) -> Double { isLatency ? other / one : one / other }
}

/// What one run measured.
struct Sample: Codable, Equatable {
  var messages: Int
  var seconds: Double
  /// Microseconds at percentiles.
  var p50, p99: Double

  var throughput: Double { Double(messages) / seconds }

  enum CodingKeys: String, CodingKey {
    case messages, seconds
    case p50 = "p50_us"
    case p99 = "p99_us"
  }
}
