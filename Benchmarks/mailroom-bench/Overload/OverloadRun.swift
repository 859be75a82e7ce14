internal import Foundation
internal import Mailroom

/// Sends to a receiver that is too slow, and asks its neighbour meanwhile.
struct OverloadRun {
  /// What is done.
  struct Plan {
    /// Messages that the receiver takes per second.
    var rate: Double
    /// Bytes of a message.
    var payload: Int
    /// Seconds of sending.
    var seconds: Double
    var whenFull: WhenFull
    /// Where the handler runs that is asked.
    var dispatch: Dispatch
    /// Asks per second.
    var asks: Double
    /// Seconds of asking without the load, before it.
    var unloadedSeconds: Double
  }

  /// What came of it.
  struct Outcome {
    let plan: Plan
    let sent: FloodSender.Result
    /// What the receiver had taken when sending ended.
    let receivedUnderLoad: UInt64
    /// What it had got when it had taken everything.
    let arrivals: Arrivals
    /// One-way messages that the sender's process could not deliver.
    let undeliverable: UInt64
    let memory: ResidentSets
    let unloaded, loaded: Latency

    /// Messages that were taken from the sender and did not arrive; below zero when more did.
    var lost: Int64 { Int64(sent.accepted) - Int64(arrivals.received) }
    /// Whether everything that was taken arrived once and in order.
    var isRight: Bool { lost == 0 && arrivals.outOfOrder == 0 && undeliverable == 0 }
  }

  let plan: Plan

  func run(progress: Progress) async throws -> Outcome {
    let server = try ChildProcess(["overload-server", "--rate", "\(plan.rate)"])
    defer { server.stop() }
    let env = try await RPCEnv.client(name: "overload-client")
    do {
      let outcome = try await measure(env, host: server.address, receiver: server.processIdentifier, progress)
      await env.shutdown()
      return outcome
    } catch {
      await env.shutdown()
      throw error
    }
  }

  private func measure(_ env: RPCEnv, host: String, receiver: Int32, _ progress: Progress) async throws -> Outcome {
    let slow = try await env.endpointRef("rpc://\(SlowEndpoint.name)@\(host)")
    let control = try await env.endpointRef("rpc://\(SlowControl.name)@\(host)")
    let fast = try await env.endpointRef("rpc://\(plan.dispatch.endpointName)@\(host)")

    progress.note("asking without load for \(plan.unloadedSeconds) s …")
    let unloaded = try await ask(fast, seconds: plan.unloadedSeconds)

    progress.note("sending for \(plan.seconds) s …")
    let end = Clock.now + UInt64(plan.seconds * 1e9)
    let flood = FloodSender(ref: slow, payload: plan.payload, whenFull: plan.whenFull)
    async let followed = ResidentSets.follow(receiver: receiver, until: end)
    async let asked = ask(fast, seconds: plan.seconds)
    let sent = try await flood.run(until: end)
    let memory = try await followed
    let loaded = try await asked

    let receivedUnderLoad = try await control.ask(Hurry())
    progress.note("waiting for \(sent.accepted - min(sent.accepted, receivedUnderLoad)) messages on their way …")
    let arrivals = try await slow.ask(ArrivalsSoFar(), timeout: .seconds(600))
    return Outcome(
      plan: plan, sent: sent, receivedUnderLoad: receivedUnderLoad, arrivals: arrivals,
      undeliverable: UInt64(env.undeliverableMessages), memory: memory, unloaded: unloaded, loaded: loaded)
  }

  private func ask(_ ref: RPCEndpointRef, seconds: Double) async throws -> Latency {
    let recorder = Recorder(.seconds(seconds))
    let sender = OpenLoopSender(ref, payload: 16, pace: .rate(plan.asks), seconds: seconds, recorder: recorder)
    let result = await sender.run()
    if let error = recorder.error { throw error }
    if result.refused > 0 { throw BenchError("\(result.refused) asks found no room") }
    return recorder.percentiles()
  }
}
