internal import ArgumentParser

/// The benchmark runner: two processes, one of them this program's own child, and a table of what they achieved.
@main
struct MailroomBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mailroom-bench",
    abstract: "Measures Mailroom's throughput and latency between two processes.",
    discussion: """
      'mailroom-bench help run' lists the options of a run. Without options it starts a server process and runs the standard suite, \
      in turns with C programs that show what the machine can do, in about a minute and a half. With --scenario or any other \
      option of a run, it runs that one. For two machines: 'mailroom-bench serve --host 0.0.0.0 --port 7077' on the one, \
      'mailroom-bench --connect HOST:7077' on the other.
      """,
    subcommands: [
      Run.self, LatencyCommand.self, Scaling.self, Overload.self, Check.self, Compare.self, Serve.self,
      OverloadServer.self, LimitServer.self,
    ],
    defaultSubcommand: Run.self)
}
