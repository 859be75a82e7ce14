import MailroomQueue

/// Runs the threads of a ``QueueModel`` in every order, and finds the shortest one that violates something.
///
/// States are remembered, so each is visited once, however many orders lead there.
struct QueueExplorer {
  /// What was found.
  struct Result {
    var states = 0
    /// States in which no thread has a step.
    var ends = 0
    /// The changes of the word that occurred.
    var edges: Set<QueueModel.Edge> = []
    var violation: QueueModel.Violation?
    /// The steps that lead to the violation.
    var schedule: [Turn] = []
  }

  /// A step of a schedule.
  struct Turn: CustomStringConvertible {
    var thread: Int
    var step: QueueModel.Step

    var description: String { "\(thread): \(step)" }
  }

  let model: QueueModel

  init(_ model: QueueModel) { self.model = model }

  func explore() -> Result {
    var result = Result()
    var states = [model.initial]
    // How each state was first reached.
    var origins = [(state: -1, thread: -1)]
    var known: Set<QueueModel.State> = [model.initial]

    func schedule(to state: Int, then thread: Int? = nil) -> [Turn] {
      var schedule: [Turn] = []
      if let thread { schedule.append(Turn(thread: thread, step: states[state].threads[thread].step)) }
      var current = state
      while origins[current].state >= 0 {
        let (origin, thread) = origins[current]
        schedule.append(Turn(thread: thread, step: states[origin].threads[thread].step))
        current = origin
      }
      return schedule.reversed()
    }

    var current = 0
    while current < states.count {
      var isEnd = true
      for thread in model.programs.indices {
        var state = states[current]
        do throws(QueueModel.Violation) {
          guard try model.step(thread, &state, { result.edges.insert($0) }) else { continue }
          isEnd = false
        } catch {
          result.violation = error
          result.schedule = schedule(to: current, then: thread)
          result.states = states.count
          return result
        }
        if known.insert(state).inserted {
          states.append(state)
          origins.append((current, thread))
        }
      }
      if isEnd {
        result.ends += 1
        do throws(QueueModel.Violation) {
          try model.checkEnd(states[current])
        } catch {
          result.violation = error
          result.schedule = schedule(to: current)
          result.states = states.count
          return result
        }
      }
      current += 1
    }
    result.states = states.count
    return result
  }
}
