import Glibc

/// What this process has of what environments use.
struct Remains: Equatable, CustomStringConvertible {
  /// Threads of loops, by their names.
  private let threads: [String]
  /// Sockets, and what event loops wait with.
  private let descriptors: [String]

  /// What there is now.
  static var now: Remains {
    Remains(
      threads: entries("/proc/self/task").compactMap { id in
        let name = text("/proc/self/task/\(id)/comm").prefix { $0 != "\n" }
        return name.hasPrefix("mail-") ? String(name) : nil
      },
      // Not what sanitizers talk to their helpers with: pipes and files.
      descriptors: entries("/proc/self/fd").compactMap { number in
        let target = target("/proc/self/fd/\(number)")
        return ["socket:", "anon_inode:"].contains { target.hasPrefix($0) } ? "\(number): \(target)" : nil
      })
  }

  private init(threads: [String], descriptors: [String]) {
    self.threads = threads.sorted()
    self.descriptors = descriptors.sorted()
  }

  /// Whether there is as much as there was.
  static func == (left: Remains, right: Remains) -> Bool {
    left.threads.count == right.threads.count && left.descriptors.count == right.descriptors.count
  }

  var description: String { "threads \(threads), descriptors \(descriptors)" }

  private static func entries(_ path: String) -> [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names
  }

  private static func text(_ path: String) -> String {
    guard let file = fopen(path, "r") else { return "" }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = bytes.withUnsafeMutableBytes { fread($0.baseAddress, 1, $0.count, file) }
    return String(decoding: bytes.prefix(count), as: UTF8.self)
  }

  private static func target(_ path: String) -> String {
    var bytes = [UInt8](repeating: 0, count: 128)
    let count = bytes.withUnsafeMutableBytes { bytes in
      guard let start = bytes.assumingMemoryBound(to: CChar.self).baseAddress else { return -1 }
      return readlink(path, start, bytes.count)
    }
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }
}
