extension RPCConfiguration {
  /// What a process is to its application, for the keys that the reference has once for each.
  public enum Role: String, CaseIterable, Sendable {
    /// The process that runs the application: its keys begin with `spark.driver.`.
    case driver
    /// A process that works for it: its keys begin with `spark.executor.`.
    case executor
  }

  /// The configuration that `settings` describe, under the reference's key names and Mailroom's own.
  ///
  /// `docs/configuration.md` lists the keys with their properties, units and fallbacks. What no key sets has its default.
  /// Keys that begin with neither `spark.rpc.` nor `mailroom.` and are not listed are an application's, and ignored.
  ///
  /// - Parameters:
  ///   - settings: values by key, in the reference's notation: `120s`, `64m`, `true`.
  ///   - role: whose role-specific keys outweigh the common ones; those of the other role, and of both without a role,
  ///     are checked only.
  /// - Throws: ``RPCError/Code/invalidArgument``, not executed, with all that is wrong, sorted by key: each malformed value
  ///   with its key and what was expected, and each unknown key with the known one that resembles it.
  public init(settings: [String: String], role: Role? = nil) throws(RPCError) {
    var draft = ConfigurationDraft()
    var flaws = SettingKey.unknown(in: settings.keys)
    for key in SettingKey.all {
      guard let text = settings[key.name] else { continue }
      var changed = draft
      if !key.apply(text, to: &changed) {
        flaws.append(SettingFlaw(key: key, text: text))
      } else if key.role == nil || key.role == role {
        draft = changed
      }
    }
    if !flaws.isEmpty { throw SettingFlaw.report(flaws) }
    self = draft.configuration
  }
}
