internal import Foundation

/// Tells a person what is going on: one line that is rewritten on a terminal, plain lines elsewhere.
///
/// On standard error.
struct Progress: Sendable {
  let isTerminal = isatty(STDERR_FILENO) != 0

  /// Says how far a run is, until cancelled.
  func follow(_ recorder: Recorder, _ scenario: Scenario) async {
    if !isTerminal { write("\(Self.title(scenario)) …\n") }
    while !Task.isCancelled {
      if isTerminal {
        let now = Clock.now
        let seconds = now > recorder.start ? Double(now - recorder.start) / 1e9 : 0
        let rate = seconds > 0 ? Format.count(Double(recorder.count) / seconds) + "/s" : "warming up"
        write("\r\u{1B}[K\(Self.title(scenario)): \(rate)")
      }
      try? await Task.sleep(for: .milliseconds(200))
    }
    if isTerminal { write("\r\u{1B}[K") }
  }

  func note(_ text: String) { write(isTerminal ? "\r\u{1B}[K\(text)\n" : "\(text)\n") }

  private static func title(_ scenario: Scenario) -> String {
    "\(scenario.name), \(Format.bytes(scenario.payload)), window \(scenario.window), "
      + "\(scenario.dispatch.rawValue), \(scenario.api.rawValue), \(scenario.senders) sender(s)"
  }

  private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
