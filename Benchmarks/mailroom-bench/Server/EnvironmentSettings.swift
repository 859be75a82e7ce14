internal import ArgumentParser
internal import Mailroom

/// How the environments of both processes are set up.
///
/// The one place for what changes how the library works: it is passed on to a server process that a run starts, and is part
/// of the results. A new setting is a property here, an option below, and a line in each of the two.
struct EnvironmentSettings: Equatable, Sendable {
  /// Threads that wait for the network, in each process.
  var eventLoops = 1
  /// How long threads without work look for some, in microseconds.
  var busyPoll = 0

  /// The library's defaults, but for these settings.
  ///
  /// Settings that the libraries did not always have are left out of builds that say so, which is how this runner measures
  /// older libraries.
  var configuration: RPCConfiguration {
    var configuration = RPCConfiguration()
    configuration.eventLoops = eventLoops
    #if !MAILROOM_BENCH_OLDER_LIBRARY
      configuration.busyPoll = .microseconds(busyPoll)
    #endif
    return configuration
  }

  /// The arguments that say the same to another process.
  var arguments: [String] { ["--event-loops", "\(eventLoops)", "--busy-poll", "\(busyPoll)"] }

  /// For results.
  var json: [String: Int] { ["eventLoops": eventLoops, "busyPollMicroseconds": busyPoll] }
}

/// ``EnvironmentSettings`` as options.
struct EnvironmentOptions: ParsableArguments {
  @Option(help: "Event loops of each process.")
  var eventLoops = 1
  @Option(
    help: ArgumentHelp("How long threads without work look for some, in each process.", valueName: "microseconds"))
  var busyPoll = 0

  func validate() throws {
    if !(0...1_000_000).contains(busyPoll) { throw ValidationError("--busy-poll is 0 to 1000000.") }
    if !(1...64).contains(eventLoops) { throw ValidationError("--event-loops is 1 to 64.") }
  }

  var settings: EnvironmentSettings { EnvironmentSettings(eventLoops: eventLoops, busyPoll: busyPoll) }
}
