/// What is wrong with one setting.
struct SettingFlaw: Equatable {
  /// The setting's key.
  let key: String
  /// What is wrong, fit for a message.
  let reason: String

  /// A value that is not what `key` takes.
  init(key: SettingKey, text: String) {
    self.key = key.name
    reason = "\(key.name) is \"\(AddressFlaw.excerpt(of: text))\", expected \(key.expectation)"
  }

  /// A key that nobody knows; its value may be a secret and is not quoted.
  init(unknown key: String, nearest: String?) {
    self.key = key
    reason = "\(AddressFlaw.excerpt(of: key)) is unknown" + (nearest.map { ", did you mean \($0)?" } ?? "")
  }

  /// The error for the user: all of `flaws`, sorted by key.
  static func report(_ flaws: [SettingFlaw]) -> RPCError {
    let reasons = flaws.sorted { $0.key < $1.key }.map(\.reason).joined(separator: "; ")
    let head = flaws.count == 1 ? "invalid setting" : "\(flaws.count) invalid settings"
    return RPCError(.invalidArgument, "\(head): \(reasons)", execution: .notExecuted)
  }
}
