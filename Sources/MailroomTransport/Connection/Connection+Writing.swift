internal import MailroomQueue

// How frames come into the out-buffer, and from there to the socket.

extension Connection {
  /// Appends one frame that `write` writes, and has it sent by the end of the tick.
  func append<Failure: Error>(_ write: (inout ByteWriter) throws(Failure) -> Void) throws(Failure) {
    markDirty()
    // The buffer is moved out meanwhile: what `write` encodes may be user code that sends on this very connection, or
    // closes it. Nothing is written to the socket, and nothing ended, until it is back.
    var buffer = ByteWriter()
    swap(&buffer, &out.value.collecting)
    openFrames += 1
    defer {
      swap(&buffer, &out.value.collecting)
      if !buffer.isEmpty { out.value.collecting.append(buffer.bytes) }
      openFrames -= 1
    }
    let start = buffer.count
    do throws(Failure) {
      try write(&buffer)
    } catch {
      buffer.truncate(to: start)
      throw error
    }
  }

  /// Has ``flush()`` called at the end of the tick.
  @inline(__always)
  func markDirty() {
    if isDirty { return }
    isDirty = true
    core.markDirty(self)
  }

  /// Writes at once when much has collected; called between frames, after every one.
  @inline(__always)
  func flushIfLarge() {
    if out.value.collecting.count >= attention { writeAhead() }
  }

  /// Writes at once when much has collected, or enough requests for the peer to begin with; called after every request.
  @inline(__always)
  func flushIfDue() {
    if earlyWrite.value.didMake(pending: pending.value.count) { writeAhead() } else { flushIfLarge() }
  }

  /// Writes what has collected before the tick ends, when its failure is told: it may concern who is sending right now.
  ///
  /// Nothing that can go to another connection is taken after a failure.
  @inline(never)
  func writeAhead() {
    guard openFrames == 0, !stream.isClosing else { return }
    if untoldError == nil {
      do throws(UVError) {
        try writeCollected()
      } catch {
        untoldError = error
        takesMore = false
        client.didBecomeInactive()
        markDirty()
      }
    }
    noteLevel()
  }

  /// Writes what has collected, unless a frame is being written.
  func write() {
    guard openFrames == 0, !stream.isClosing else { return }
    if let untoldError { return failWriting(untoldError) }
    do throws(UVError) {
      try writeCollected()
    } catch {
      return failWriting(error)
    }
    noteLevel()
  }

  private func writeCollected() throws(UVError) {
    earlyWrite.value.didWrite()
    switch try out.value.flush({ (bytes: RawSpan) throws(UVError) -> Int in try stream.tryWrite(bytes) }) {
    case .done: break
    case .write(let bytes, let offset):
      stream.write(bytes, from: offset) { [self] storage, unsent, error in
        core.awake()
        if let error {
          out.value.didFail(storage, unsent: unsent)
          failWriting(error)
        } else {
          out.value.didWrite(storage)
          write()
          afterWrite()
        }
      }
    }
  }

  private func failWriting(_ error: UVError) {
    fail(TransportError(.connectionClosed, "writing to \(client.peer) failed: \(error)"))
  }

  private func afterWrite() {
    if acceptsRequests { return }
    switch lifecycle.state {
    case .answering: checkQuiescence()
    case .finishing: endWritesIfDrained()
    default: break
    }
  }
}

extension Connection: LoopFlushable {
  func flush() {
    isDirty = false
    earlyWrite.value.didEndTick(at: core.tickTime, pending: pending.value.count, isAlone: core.flushesOne)
    write()
    afterWrite()
    serveHeldFrames()
    tellRoom()
  }
}
