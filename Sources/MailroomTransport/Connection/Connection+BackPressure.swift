internal import MailroomQueue

// What a connection does when its peer does not take what is written to it.

extension Connection {
  /// Tells the write gates how much waits, and everybody what that changes.
  func noteLevel() {
    let pending = out.value.pendingBytes
    if bulkGate.note(pendingBytes: pending) == .drained {
      owesRoom = true
      markDirty()
    }
    let change = writeGate.note(pendingBytes: pending)
    if change != .none {
      client.didChangeWritability(isWritable)
      readGate.value.set(.unwritable, !isWritable)
      updateReading()
      // Later, because the bytes that led here may be those of somebody who is not to be called meanwhile.
      if change == .drained {
        owesRoom = true
        markDirty()
      }
    }
    attention = min(Self.earlyFlush, writeGate.room(beside: pending - out.value.collecting.count))
  }

  /// Sends what another thread posted, or holds it until there is room; says what is not held.
  func take(_ frame: consuming ByteWriter, _ kind: HeldPosts.Kind) -> (messages: Int, bytes: Int) {
    if holdsPosts {
      posts.append(frame, kind)
      if case .request(let id, _) = kind { announce(id) }
      return (0, 0)
    }
    let count = frame.count
    send(frame, kind, isNew: true)
    return (1, count)
  }

  /// Sends answers that other threads posted, or holds them until there is room; says what is not held.
  func take(_ answers: inout AnswerBuffer.Batch) -> (messages: Int, bytes: Int) {
    if holdsPosts {
      var frames = ByteWriter()
      swap(&frames, &answers.frames)
      posts.append(frames, .answers(answers.count))
      return (0, 0)
    }
    if acceptsAnswers {
      forgetCancelled(answers.frames.bytes)
      markDirty()
      out.value.collecting.append(answers.frames.bytes)
      flushIfLarge()
      didAnswer(answers.count)
    } else {
      client.didDrop(DroppedMessages(answers: answers.count))
    }
    return (answers.count, answers.frames.count)
  }

  /// Forgets which of these answers were cancelled after they were put together; they are sent in vain.
  private func forgetCancelled(_ answers: RawSpan) {
    if client.abandonment.isEmpty { return }
    answers.forEachAnswer { id in _ = client.abandonment.takeCancelled(id) }
  }

  /// Whether what other threads post has to wait.
  private var holdsPosts: Bool { lifecycle.state == .open && !isFinishing && !(isWritable && posts.isEmpty) }

  /// Sends an encoded message.
  ///
  /// - Parameter isNew: whether a request's receiver is still to be told its id.
  func send(_ message: consuming ByteWriter, _ kind: HeldPosts.Kind, isNew: Bool) {
    var frame = message
    switch kind {
    case .oneWay: if !acceptsRequests { return client.didDrop(.oneWay) }
    case .answers(let count):
      if !acceptsAnswers { return client.didDrop(DroppedMessages(answers: count)) }
      // Of several, those that were cancelled by then were left out when they were put together.
      if count > 1 {
        forgetCancelled(frame.bytes)
      } else if !frame.isEmpty && client.abandonment.takeCancelled(frame.requestID) {
        return didAnswer()
      }
    case .request(let id, let deadline):
      // Those that ended while they were held are not sent.
      if !pending.value.contains(id) { return }
      updateTime(in: &frame, deadline)
    }
    markDirty()
    out.value.collecting.append(frame.bytes)
    if case .request(let id, _) = kind {
      if isNew { announce(id) }
      flushIfDue()
    } else {
      flushIfLarge()
    }
    if case .answers(let count) = kind { didAnswer(count) }
  }

  /// Moves held messages on as long as there is room, or all of them when they shall wait no longer.
  ///
  /// - Parameter limit: how many; with more left, and room for them, the client has this called again.
  func releasePosts(limit: Int, all: Bool = false) {
    var (count, bytes) = (0, 0)
    while count < limit, all || isWritable, let post = posts.popFirst() {
      let frame = post.takeFrame()
      count += post.count
      bytes += frame.count
      send(frame, post.kind, isNew: false)
    }
    if count > 0 { client.didUnqueue(messages: count, bytes: bytes) }
    if count >= limit && !posts.isEmpty && isWritable { client.runAgain() }
  }

  func tellRoom() {
    guard owesRoom, isWritable, lifecycle.state == .open else { return }
    owesRoom = false
    observerIsFirst.toggle()
    if observerIsFirst { client.didBecomeWritable() }
    releasePosts(limit: TransportClient.budget)
    if observerIsFirst { return }
    // The held messages may have taken all the room: then the observer is told of the next one, and before them.
    if isWritable && lifecycle.state == .open { client.didBecomeWritable() }
  }
}
