/// A server for a run of this program, as a process of its own.
enum ServerProcess {
  /// Starts one that has what the scenarios need, which do not differ in their connections and endpoints.
  static func start(for scenarios: [Scenario], settings: EnvironmentSettings) throws -> ChildProcess {
    var arguments = ["serve", "--until-input-ends"] + settings.arguments
    if let scenario = scenarios.first {
      if scenario.connections > 1 { arguments += ["--host", "0.0.0.0", "--advertise", "127.0.0.1"] }
      if scenario.endpoints > 1 {
        arguments += ["--endpoints", "\(scenario.endpoints)", "--dispatch", scenario.dispatch.rawValue]
      }
    }
    return try ChildProcess(arguments)
  }
}
