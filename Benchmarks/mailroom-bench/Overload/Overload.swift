internal import ArgumentParser
internal import Foundation

/// More messages than a receiver can take.
struct Overload: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Sends without limit to an endpoint that is too slow, and asks another one over the same connection.",
    discussion: """
      Two processes. The receiver's slow endpoint takes --rate messages per second; the sender sends as many as it can, \
      numbered. Counted are messages that were accepted, refused and received, lost and out of order; watched are both \
      processes' memory, and the latency of asks to an endpoint that is not slow, without the load and under it. In the end \
      the slow endpoint takes what is on its way at full speed. The exit status is 1 when a message was lost or out of order.
      """)

  @Option(help: "Messages that the slow endpoint takes per second.")
  var rate = 1000.0
  @Option(help: "Bytes of a message.")
  var payload = 16
  @Option(help: "Seconds of sending.")
  var seconds = 60.0
  @Option(help: "What a refused sender does: \(WhenFull.allCases.map(\.rawValue).joined(separator: ", ")).")
  var whenFull = WhenFull.refuse
  @Option(help: "Where the asked handler runs: \(Dispatch.allCases.map(\.rawValue).joined(separator: ", ")).")
  var dispatch = Dispatch.shared
  @Option(help: "Asks per second.")
  var asks = 200.0
  @Option(help: "Seconds of asking without the load, before it.")
  var unloaded = 10.0
  @Option(help: ArgumentHelp("Where to write the results as JSON.", valueName: "file"))
  var json: String?

  func validate() throws {
    if !(0.1...1e6).contains(rate) { throw ValidationError("--rate is 0.1 to 1000000.") }
    if !(NumberedMessage.shortest...64 << 20).contains(payload) {
      throw ValidationError("--payload is \(NumberedMessage.shortest) to 64 MiB.")
    }
    if !(seconds > 0 && seconds <= 86_400) { throw ValidationError("--seconds is above 0.") }
    if !(0.1...1e5).contains(asks) { throw ValidationError("--asks is 0.1 to 100000.") }
    if !(unloaded > 0 && unloaded <= 3600) { throw ValidationError("--unloaded is above 0.") }
  }

  func run() async throws {
    let plan = OverloadRun.Plan(
      rate: rate, payload: payload, seconds: seconds, whenFull: whenFull, dispatch: dispatch, asks: asks,
      unloadedSeconds: unloaded)
    let outcome = try await OverloadRun(plan: plan).run(progress: Progress())
    let report = OverloadReport(machine: Machine.current(), outcome: outcome)
    report.print()
    if let json { try JSONFile.write(OverloadJSON(report), to: json) }
    if !outcome.isRight { throw ExitCode(1) }
  }
}
