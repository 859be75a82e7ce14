import Logging
import TestSupport

/// Keeps what is logged.
struct LogLines: LogHandler {
  let lines = Box<[String]>([])
  var logLevel = Logger.Level.trace
  var metadata: Logger.Metadata = [:]

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) { lines.append("\(event.level): \(event.message)") }

  /// A logger that writes here.
  var logger: Logger { Logger(label: "test") { _ in self } }
}
