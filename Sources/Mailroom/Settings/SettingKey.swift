/// A key that settings may have: which properties it sets, and how its values are written.
struct SettingKey: Sendable {
  /// A property that a key sets.
  struct Target<Value>: Sendable {
    /// Its path in ``RPCConfiguration``, as in Swift.
    let property: String
    /// Its place while settings are read.
    let path: any WritableKeyPath<ConfigurationDraft, Value> & Sendable

    /// The property with this name, at this place.
    init(_ property: String, _ path: any WritableKeyPath<ConfigurationDraft, Value> & Sendable) {
      self.property = property
      self.path = path
    }
  }

  /// The key.
  let name: String
  /// Whose key it is; nil when it is everybody's.
  let role: RPCConfiguration.Role?
  /// The properties that it sets, as in Swift; none when it has no effect.
  let properties: [String]
  /// What a number without a suffix counts, for people.
  let unit: String
  /// What a value must be, as the end of "expected …".
  let expectation: String
  private let set: @Sendable (String, inout ConfigurationDraft) -> Bool
  private let get: @Sendable (ConfigurationDraft) -> [String]

  /// A key that sets `targets` to what its value says in `notation`.
  init<Value>(
    _ name: String, _ notation: SettingNotation<Value>, role: RPCConfiguration.Role? = nil, _ targets: Target<Value>...
  ) {
    self.name = name
    self.role = role
    properties = targets.map(\.property)
    unit = notation.unit
    expectation = notation.expectation
    get = { draft in targets.map { notation.write(draft[keyPath: $0.path]) } }
    set = { text, draft in
      guard let value = notation.read(text) else { return false }
      for target in targets { draft[keyPath: target.path] = value }
      return true
    }
  }

  /// A key of the reference that is taken with any value and has no effect.
  init(withoutEffect name: String) {
    self.name = name
    role = nil
    properties = []
    unit = "any"
    expectation = "any value"
    get = { _ in [] }
    set = { _, _ in true }
  }

  /// Sets the properties to what `text` says, and says so; false, with nothing set, when it is malformed.
  func apply(_ text: String, to draft: inout ConfigurationDraft) -> Bool {
    guard set(text, &draft) else { return false }
    if properties.contains("askTimeout") { draft.base.askTimeoutSource = name }
    if properties.contains("lookupTimeout") { draft.base.lookupTimeoutSource = name }
    return true
  }

  /// What `draft` has in the properties, one text for each, in the key's notation.
  func texts(in draft: ConfigurationDraft) -> [String] { get(draft) }

  /// What is wrong with those of `names` that must be in the table and are not.
  static func unknown(in names: some Sequence<String>) -> [SettingFlaw] {
    names.filter { name in
      // Bytes, because a combining character behind the last dot would hide it from a comparison of characters.
      prefixes.contains { name.utf8.starts(with: $0.utf8) } && !known.contains(name)
    }.map { name in SettingFlaw(unknown: name, nearest: EditDistance.nearest(to: name, in: all.lazy.map(\.name))) }
  }

  /// How the keys begin that nobody but us may have.
  private static let prefixes = ["spark.rpc.", "mailroom."]
  private static let known = Set(all.map(\.name))
}
