import Foundation
import TestSupport
import XCTest

/// Runs what blocks on a thread that is none of the tasks'.
func offPool<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    SpareThreads.run { continuation.resume(with: Result { try body() }) }
  }
}

extension Signal {
  /// Waits as ``wait(_:seconds:file:line:)`` does, and suspends instead of blocking.
  @discardableResult
  func comes(
    _ count: Int = 1, seconds: Int = 20, file: StaticString = #filePath, line: UInt = #line
  ) async -> Bool {
    await withCheckedContinuation { continuation in
      SpareThreads.run {
        continuation.resume(returning: self.wait(count, seconds: seconds, file: file, line: line))
      }
    }
  }
}

/// Waits until `condition` holds: for what the system does by itself and tells nobody of, such as the end of a thread.
func eventually(
  _ what: String, seconds: Int = 20, file: StaticString = #filePath, line: UInt = #line, _ condition: () -> Bool
) async {
  let deadline = ContinuousClock.now + .seconds(seconds)
  while !condition() {
    if ContinuousClock.now >= deadline {
      return XCTFail("waited \(seconds) s until \(what)", file: file, line: line)
    }
    await Task.yield()
  }
}

/// A door that threads wait at until it is opened; it then stays open.
final class Gate: Sendable {
  private let signal: Signal

  init(_ name: String) { signal = Signal(name) }

  /// Lets everybody through, from now on.
  func open() { signal.fire() }

  /// Blocks the calling thread until the gate is open.
  @discardableResult
  func pass(file: StaticString = #filePath, line: UInt = #line) -> Bool {
    defer { signal.fire() }
    return signal.wait(file: file, line: line)
  }
}

/// Results that a callback hands over, counted.
final class Results<Value: Sendable>: Sendable {
  private let box = Box<[Value]>([])
  private let signal: Signal

  init(_ name: String) { signal = Signal(name) }

  /// What has come so far.
  var values: [Value] { box.value }

  /// Forgets what has come.
  func clear() { box.update { $0 = [] } }

  /// Adds one.
  func add(_ value: Value) {
    box.append(value)
    signal.fire()
  }

  /// Waits for `count` more of them; returns all that have come.
  func next(_ count: Int = 1, file: StaticString = #filePath, line: UInt = #line) async -> [Value] {
    await signal.comes(count, file: file, line: line)
    return box.value
  }
}

/// Runs `body` on as many threads at the same time, and waits for all of them.
func fromThreads(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) async throws {
  let errors = Box<[any Error]>([])
  let done = Signal("the end of \(count) threads")
  for index in 0..<count {
    SpareThreads.run {
      do { try body(index) } catch { errors.append(error) }
      done.fire()
    }
  }
  await done.comes(count, seconds: 60)
  if let error = errors.value.first { throw error }
}

/// What a task waits for without blocking a thread, until a test lets it go on or the task is cancelled.
final class Suspension: Sendable {
  private let state = Box((isOpen: false, waiting: [CheckedContinuation<Void, Never>]()))

  /// Whether somebody waits.
  var isAwaited: Bool { count > 0 }
  /// How many wait.
  var count: Int { state.value.waiting.count }

  /// Lets everybody go on, from now on.
  func open() {
    var waiting: [CheckedContinuation<Void, Never>] = []
    state.update { state in
      waiting = state.waiting
      state = (true, [])
    }
    for continuation in waiting { continuation.resume() }
  }

  /// Waits until it is open, or the task is cancelled.
  func wait() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        var isOpen = false
        state.update { state in
          isOpen = state.isOpen
          if !isOpen { state.waiting.append(continuation) }
        }
        if isOpen { continuation.resume() }
      }
    } onCancel: {
      open()
    }
  }
}
