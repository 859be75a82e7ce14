internal import Foundation

/// The thresholds as files, one for each scenario.
struct ThresholdFiles {
  let folder: URL

  init(folder: String) { self.folder = URL(fileURLWithPath: folder, isDirectory: true) }

  private func file(_ name: String) -> URL { folder.appendingPathComponent("\(name).json") }

  /// The thresholds of a scenario; nil when it has none yet.
  func read(_ name: String) throws -> Threshold? {
    guard FileManager.default.fileExists(atPath: file(name).path) else { return nil }
    return try JSONDecoder().decode(Threshold.self, from: Data(contentsOf: file(name)))
  }

  func write(_ threshold: Threshold, for name: String) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try JSONFile.write(threshold.rounded, to: file(name).path)
  }
}
