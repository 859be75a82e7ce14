import Dispatch
import Glibc
import MailroomQueue
import TestSupport
import XCTest

@testable import MailroomTransport

/// What a process has that a test must not leave behind.
enum ProcessResources {
  /// What the open descriptors refer to.
  static var descriptors: [String] {
    names(in: "/proc/self/fd").compactMap { name in
      var target = [CChar](repeating: 0, count: 256)
      let count = readlink("/proc/self/fd/\(name)", &target, target.count)
      // The folder being listed has a descriptor too, which is closed by now.
      guard count > 0 else { return nil }
      return String(decoding: target.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }

  /// The highest number of an open descriptor.
  static var highestDescriptor: Int { names(in: "/proc/self/fd").compactMap { Int($0) }.max() ?? 2 }

  /// The names of the threads.
  static var threads: [String] {
    names(in: "/proc/self/task").compactMap { text(of: "/proc/self/task/\($0)/comm") }
  }

  /// The status of the first thread of this name, as the kernel tells it.
  static func status(ofThread name: String) -> [String: String] {
    for task in names(in: "/proc/self/task") where text(of: "/proc/self/task/\(task)/comm") == name {
      let lines = text(of: "/proc/self/task/\(task)/status")?.split(separator: "\n") ?? []
      return Dictionary(
        lines.compactMap { line in
          guard let colon = line.firstIndex(of: ":") else { return nil }
          return (String(line[..<colon]), line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces))
        }, uniquingKeysWith: { first, _ in first })
    }
    return [:]
  }

  private static func names(in folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names
  }

  private static func text(of path: String) -> String? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 8192)
    let count = read(file, &bytes, bytes.count)
    guard count > 0 else { return nil }
    return String(decoding: bytes.prefix(count), as: UTF8.self).trimmingCharacters(in: .newlines)
  }
}

/// Tests with event loops, each of which must leave no handle, descriptor, thread or loop behind.
class TransportTestCase: XCTestCase {
  /// What the names of the test's loop threads begin with.
  static let loopName = "mrtest"

  private var groups: [EventLoopGroup] = []
  private var descriptorsBefore: [String] = []
  private var handlesBefore = 0

  override class func setUp() {
    super.setUp()
    // What a process opens once and keeps: libuv's signal pipe and its pool of threads, which have the name of the thread
    // that first needed them.
    guard let core = try? LoopCore() else { return XCTFail("no event loop") }
    _ = try? UVResolver.resolve(core.uv, host: "localhost", port: 1) { _ in }
    core.beginShutdown {}
    core.run()
    // And what the system's queues need for tasks and for the timer that watches over their threads.
    let warmUp = Signal("a task and a timer")
    Task { DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(2)) { warmUp.fire() } }
    warmUp.wait()
  }

  override func setUp() {
    super.setUp()
    descriptorsBefore = ProcessResources.descriptors
    handlesBefore = UVHandleCount.opened - UVHandleCount.closed
  }

  override func tearDown() {
    let ended = Signal("the loops' end")
    let groups = self.groups
    self.groups = []
    Task {
      for group in groups { await group.shutdown() }
      ended.fire()
    }
    ended.wait()
    expectNothingLeft()
    descriptorsBefore = []
    super.tearDown()
  }

  /// Starts loops that end with the test at the latest.
  func makeGroup(count: Int = 1) throws -> EventLoopGroup {
    let group = try EventLoopGroup(count: count, name: Self.loopName)
    groups.append(group)
    return group
  }

  /// Ends loops before the test does.
  func shutDown(_ group: EventLoopGroup, seconds: Int = 20, file: StaticString = #filePath, line: UInt = #line) throws {
    try awaited("the group's shutdown", seconds: seconds, file: file, line: line) { await group.shutdown() }
  }

  /// Runs an asynchronous function, and waits for it.
  func awaited<Value: Sendable>(
    _ name: String, seconds: Int = 20, file: StaticString = #filePath, line: UInt = #line,
    _ body: @escaping @Sendable () async throws -> Value
  ) throws -> Value {
    let result = Box<Result<Value, any Error>?>(nil)
    let done = Signal(name)
    Task {
      let value: Result<Value, any Error>
      do { value = .success(try await body()) } catch { value = .failure(error) }
      result.update { $0 = value }
      done.fire()
    }
    done.wait(seconds: seconds, file: file, line: line)
    return try XCTUnwrap(result.value, "\(name) did not come", file: file, line: line).get()
  }

  /// The typed error that `body` throws; nil, and the test fails, when it throws none.
  func transportError(
    file: StaticString = #filePath, line: UInt = #line, _ body: () throws -> Void
  ) -> TransportError? {
    do {
      try body()
      XCTFail("no error", file: file, line: line)
    } catch let error as TransportError {
      return error
    } catch {
      XCTFail("another error: \(error)", file: file, line: line)
    }
    return nil
  }

  /// Waits until something holds that no callback tells of.
  func waitUntil(
    _ what: @autoclosure () -> String, seconds: Int = 20, file: StaticString = #filePath, line: UInt = #line,
    _ condition: () -> Bool
  ) {
    let deadline = MonotonicTime.now.advanced(by: .seconds(seconds))
    while !condition() {
      if MonotonicTime.now > deadline { return XCTFail("waited \(seconds) s for \(what())", file: file, line: line) }
      ThreadID.yield()
    }
  }

  /// Runs `body` while the process may open no further descriptor, unless it closes one.
  func withoutDescriptors(_ body: () throws -> Void) throws {
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    XCTAssertEqual(getrlimit(resource, &limit), 0)
    var few = limit
    few.rlim_cur = rlim_t(ProcessResources.highestDescriptor + 1)
    XCTAssertEqual(setrlimit(resource, &few), 0)
    // What is free below the limit is taken.
    var fillers: [Int32] = []
    while true {
      let filler = open("/dev/null", O_RDONLY | O_CLOEXEC)
      if filler < 0 { break }
      fillers.append(filler)
    }
    defer {
      setrlimit(resource, &limit)
      for filler in fillers { close(filler) }
    }
    XCTAssertEqual(errno, EMFILE)
    try body()
  }

  /// Checks that handles, descriptors and threads of the test are gone.
  func expectNothingLeft(file: StaticString = #filePath, line: UInt = #line) {
    expectHandlesClosed(file: file, line: line)
    // A joined thread stays listed until the kernel has cleaned up behind it.
    waitUntil("the loops' threads to be gone", file: file, line: line) {
      !ProcessResources.threads.contains { $0.hasPrefix(Self.loopName) }
    }
    XCTAssertEqual(newDescriptors, "", "descriptors were left open", file: file, line: line)
  }

  /// Whether the test's handles and descriptors are closed.
  var isNothingOpen: Bool {
    UVHandleCount.opened - UVHandleCount.closed == handlesBefore && newDescriptors.isEmpty
  }

  /// Checks that the test's handles are closed.
  func expectHandlesClosed(file: StaticString = #filePath, line: UInt = #line) {
    let open = UVHandleCount.opened - UVHandleCount.closed - handlesBefore
    XCTAssertEqual(open, 0, "handles were left open", file: file, line: line)
  }

  /// How many descriptors of which kind there are more than when the test began.
  private var newDescriptors: String {
    /// Pipes and sockets have a number in their names.
    func kind(_ name: String) -> String { name.filter { !$0.isNumber } }
    var counts: [String: Int] = [:]
    for name in ProcessResources.descriptors { counts[kind(name), default: 0] += 1 }
    for name in descriptorsBefore { counts[kind(name), default: 0] -= 1 }
    return counts.filter { $0.value > 0 }.map { "\($0.value) \($0.key)" }.sorted().joined(separator: ", ")
  }
}
