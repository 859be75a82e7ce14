import MailroomQueue

/// The threads of an ``MPSCQueue`` as programs of atomic steps, over a plain word, numbered nodes and a plain list.
///
/// What the queue does is modelled step by step: loading the word, exchanging it, taking, popping. What it ought to do is
/// the plain list: an element whose push succeeds is appended to it, and an element that is popped must be its first.
/// A ``QueueExplorer`` runs the programs in every order.
///
/// Two or more memory accesses make one step only if no other thread can tell them apart. A weak exchange that fails for no
/// reason leads back to the same state, so it needs no step of its own. Nodes are used again as soon as they are free, as
/// memory is.
struct QueueModel {
  /// What a thread does.
  enum Program {
    /// Pushes so many elements, the last of them with `pushLast` if told so. A producer that must wake the consumer gives a
    /// permit, or becomes the consumer itself if told so.
    case producer(_ count: Int, last: Bool = false, consumes: Bool = false)
    /// Closes the queue.
    case closer
    /// Begins a turn, delivers an element in it without queueing it, and tries to sleep; pushes the element if there is no
    /// turn to be had. When it must not sleep, it goes on consuming, or gives a permit if told so.
    case turn(handsOver: Bool = false)
    /// Takes a permit, consumes until it may sleep, and so on until the queue is closed and empty. Tries to sleep after
    /// so many elements, even if it has more.
    case consumer(limit: Int = .max)
  }

  /// The decisions; tests replace them by wrong ones.
  struct Rules: Sendable {
    var pushing: @Sendable (QueueWord, UInt, Bool) -> QueueWord? = { $0.pushing($1, last: $2) }
    var mustWake: @Sendable (QueueWord) -> Bool = { $0.isIdle }
    var closing: @Sendable (QueueWord) -> QueueWord = { $0.closing }
    var taking: @Sendable (QueueWord) -> QueueWord = { $0.taking }
    var sleeping: @Sendable (QueueWord) -> QueueWord? = { $0.sleeping }
    var beginningTurn: @Sendable (QueueWord) -> QueueWord? = { $0.beginningTurn }
    /// Whether a push stores only what it saw unchanged.
    var pushCompares = true
    /// Whether a push that failed links its node again.
    var pushLinksAgain = true
    /// Whether going to sleep is one step.
    var sleepCompares = true
    /// Whether the consumer looks at its private list before it sleeps.
    var sleepLooksAtTaken = true
  }

  enum Operation: Hashable { case push, pushLast, close, take, sleep, beginTurn }

  enum Kind: Hashable {
    case idle, busy, list, closed, closedList

    init(_ word: QueueWord) {
      if word.isIdle {
        self = .idle
      } else if word.isClosed {
        self = word.list == 0 ? .closed : .closedList
      } else {
        self = word.list == 0 ? .busy : .list
      }
    }
  }

  /// A change of the word: an arrow of the diagram at ``QueueWord``.
  struct Edge: Hashable {
    var from: Kind
    var operation: Operation
    var to: Kind

    init(_ from: Kind, _ operation: Operation, _ to: Kind) {
      self.from = from
      self.operation = operation
      self.to = to
    }
  }

  let programs: [Program]
  let rules: Rules
  /// The number of each thread's first element.
  ///
  /// Elements are numbered from one; zero stands for none, as with nodes.
  let firstElements: [Int]
  let elementCount: Int

  init(_ programs: [Program], rules: Rules = Rules()) {
    self.programs = programs
    self.rules = rules
    var firstElements: [Int] = []
    var next = 1
    for program in programs {
      firstElements.append(next)
      next += program.elementCount
    }
    self.firstElements = firstElements
    elementCount = next - 1
    precondition(elementCount < Numbers.limit, "more elements than fit")
  }

  // MARK: States

  enum Step: UInt8, Hashable {
    /// Begins a turn.
    case begin
    /// Loads the word, and links a node to it.
    case load
    /// Exchanges the word that was loaded; if that fails, it has been loaded again.
    case exchange
    /// Wakes the consumer, as is its duty.
    case wake
    /// Delivers in place.
    case deliver
    /// Waits for a permit.
    case parked
    case pop
    case take
    case sleep
    /// The second half of a `sleep` that does not compare.
    case fallAsleep
    case ended
  }

  struct Thread: Hashable {
    var step: Step
    var isConsumer = false
    var dealtWith: UInt8 = 0
    var popped: UInt8 = 0
    var node: UInt8 = 0
    var seen: UInt8 = 0
  }

  struct State: Hashable {
    var threads: [Thread]

    /// The word; the address of a node is four times its number.
    var bits = UInt8(QueueWord.idle.bits)
    /// The element in each node; zero when the node is free.
    var content = Numbers()
    /// The node behind each node.
    var next = Numbers()
    /// The first node of the consumer's private list.
    var taken: UInt8 = 0
    var permits: UInt8 = 0

    /// The elements that were accepted and have not come out: the plain list.
    var queued = Numbers()
    var queuedCount: UInt8 = 0
    /// Whether the queue ought to be closed.
    var isClosed = false
    /// Whether the element that was pushed last came out.
    var hasEnded = false
    /// One bit for each element that came out or was handed back.
    var settled: UInt16 = 0

    var word: QueueWord { QueueWord(bits: UInt(bits)) }
  }

  var initial: State {
    State(
      threads: programs.map { program in
        switch program {
        case .producer, .closer: Thread(step: .load)
        case .turn: Thread(step: .begin)
        case .consumer: Thread(step: .parked)
        }
      })
  }

  // MARK: Steps

  /// Lets a thread take its next step.
  ///
  /// - Returns: false when it has none now.
  func step(_ index: Int, _ state: inout State, _ note: (Edge) -> Void) throws(Violation) -> Bool {
    switch state.threads[index].step {
    case .begin: begin(index, &state, note)
    case .load: try load(index, &state)
    case .exchange: try exchange(index, &state, note)
    case .wake:
      state.permits += 1
      finish(index, &state)
    case .deliver:
      let element = element(of: index, state)
      if state.word.isClosed {
        try refuse(element, &state)
      } else {
        try settle(element, &state)
      }
      state.threads[index].dealtWith += 1
      state.threads[index].step = .sleep
    case .parked:
      guard state.permits > 0 else { return false }
      state.permits -= 1
      state.threads[index].isConsumer = true
      state.threads[index].step = .pop
    case .pop: try pop(index, &state)
    case .take: try take(index, &state, note)
    case .sleep: try endTurn(index, &state, note)
    case .fallAsleep:
      change(&state, to: rules.sleeping(.busy) ?? .idle, .sleep, note)
      stopConsuming(index, &state)
    case .ended: return false
    }
    try check(state)
    return true
  }

  private func change(_ state: inout State, to word: QueueWord, _ operation: Operation, _ note: (Edge) -> Void) {
    note(Edge(Kind(state.word), operation, Kind(word)))
    state.bits = UInt8(word.bits)
  }

  /// The element that a thread is about to push or deliver.
  private func element(of index: Int, _ state: State) -> Int {
    firstElements[index] + Int(state.threads[index].dealtWith)
  }

  private func isLast(_ index: Int, _ state: State) -> Bool {
    guard case .producer(let count, last: true, _) = programs[index] else { return false }
    return Int(state.threads[index].dealtWith) == count - 1
  }

  private func load(_ index: Int, _ state: inout State) throws(Violation) {
    if case .closer = programs[index] {
      see(state.word, index, &state)
    } else {
      let node = (1..<Numbers.limit).first { state.content[$0] == 0 } ?? 0
      state.content[node] = element(of: index, state)
      state.threads[index].node = UInt8(node)
      try link(index, to: state.word, &state)
    }
  }

  private func see(_ word: QueueWord, _ index: Int, _ state: inout State) {
    state.threads[index].seen = UInt8(word.bits)
    state.threads[index].step = .exchange
  }

  /// Links the node to push to the list that was seen, or gives it up if the queue is closed.
  private func link(_ index: Int, to seen: QueueWord, again: Bool = false, _ state: inout State) throws(Violation) {
    let node = Int(state.threads[index].node)
    if rules.pushing(seen, UInt(node) << 2, false) != nil {
      if !again || rules.pushLinksAgain { state.next[node] = Int(seen.list >> 2) }
      see(seen, index, &state)
    } else {
      try refuse(state.content[node], &state)
      free(node, &state)
      dealtWith(index, &state)
    }
  }

  private func exchange(_ index: Int, _ state: inout State, _ note: (Edge) -> Void) throws(Violation) {
    let thread = state.threads[index]
    let seen = QueueWord(bits: UInt(thread.seen))
    if case .closer = programs[index] {
      guard state.word == seen else { return see(state.word, index, &state) }
      change(&state, to: rules.closing(seen), .close, note)
      state.isClosed = true
    } else {
      guard state.word == seen || !rules.pushCompares else {
        return try link(index, to: state.word, again: true, &state)
      }
      let last = isLast(index, state)
      guard let pushed = rules.pushing(seen, UInt(thread.node) << 2, last) else { return }
      change(&state, to: pushed, last ? .pushLast : .push, note)
      try accept(state.content[Int(thread.node)], last, &state)
    }
    dealtWith(index, &state)
    guard rules.mustWake(seen) else { return }
    if case .producer(_, _, consumes: true) = programs[index] {
      state.threads[index].isConsumer = true
      state.threads[index].step = .pop
    } else {
      state.threads[index].step = .wake
    }
  }

  private func begin(_ index: Int, _ state: inout State, _ note: (Edge) -> Void) {
    guard let begun = rules.beginningTurn(state.word) else {
      state.threads[index].step = .load
      return
    }
    change(&state, to: begun, .beginTurn, note)
    state.threads[index].isConsumer = true
    state.threads[index].step = .deliver
  }

  private func pop(_ index: Int, _ state: inout State) throws(Violation) {
    if state.taken == 0 {
      state.threads[index].step = state.word.list == 0 ? .sleep : .take
      return
    }
    let node = Int(state.taken)
    state.taken = UInt8(state.next[node])
    try deliver(state.content[node], &state)
    free(node, &state)
    guard case .consumer(let limit) = programs[index], limit != .max else { return }
    state.threads[index].popped += 1
    if state.threads[index].popped == limit {
      state.threads[index].popped = 0
      state.threads[index].step = .sleep
    }
  }

  private func take(_ index: Int, _ state: inout State, _ note: (Edge) -> Void) throws(Violation) {
    var newest = Int(state.word.list >> 2)
    change(&state, to: rules.taking(state.word), .take, note)
    var oldest = 0
    var count = 0
    while newest != 0 {
      count += 1
      if state.content[newest] == 0 || count == Numbers.limit { throw .brokenList }
      let next = state.next[newest]
      state.next[newest] = oldest
      oldest = newest
      newest = next
    }
    state.taken = UInt8(oldest)
    state.threads[index].step = .pop
  }

  private func endTurn(_ index: Int, _ state: inout State, _ note: (Edge) -> Void) throws(Violation) {
    state.threads[index].popped = 0
    if state.taken != 0 && rules.sleepLooksAtTaken {
      goOn(index, &state)
    } else if let slept = rules.sleeping(state.word) {
      if rules.sleepCompares {
        change(&state, to: slept, .sleep, note)
        stopConsuming(index, &state)
      } else {
        state.threads[index].step = .fallAsleep
      }
    } else if state.word.isIdle {
      throw .sleptTwice
    } else if state.word.bits == QueueWord.closedBit {
      // Stays the consumer for good.
      finish(index, &state)
      if case .consumer = programs[index] { state.threads[index].step = .ended }
    } else {
      goOn(index, &state)
    }
  }

  /// Goes on consuming, or lets the consumer's thread do so.
  private func goOn(_ index: Int, _ state: inout State) {
    if case .turn(handsOver: true) = programs[index] {
      state.threads[index].isConsumer = false
      state.threads[index].step = .wake
    } else {
      state.threads[index].step = .pop
    }
  }

  private func stopConsuming(_ index: Int, _ state: inout State) {
    state.threads[index].isConsumer = false
    finish(index, &state)
  }

  /// Ends what a thread does about one element.
  private func dealtWith(_ index: Int, _ state: inout State) {
    state.threads[index].dealtWith += 1
    state.threads[index].node = 0
    state.threads[index].seen = 0
    finish(index, &state)
  }

  /// Goes on with the next element, if there is one.
  private func finish(_ index: Int, _ state: inout State) {
    state.threads[index].seen = 0
    switch programs[index] {
    case .producer(let count, _, _):
      state.threads[index].step = state.threads[index].dealtWith < count ? .load : .ended
    case .closer, .turn: state.threads[index].step = .ended
    case .consumer: state.threads[index].step = .parked
    }
  }

  private func free(_ node: Int, _ state: inout State) {
    state.content[node] = 0
    state.next[node] = 0
  }
}

extension QueueModel.Program {
  var elementCount: Int {
    switch self {
    case .producer(let count, _, _): count
    case .turn: 1
    case .closer, .consumer: 0
    }
  }
}
