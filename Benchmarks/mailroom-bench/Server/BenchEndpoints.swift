internal import Mailroom

/// The endpoints that runs talk to.
struct BenchEndpoints {
  /// How many of each kind.
  var count = 1
  /// The kinds; only these are there.
  var dispatches = Dispatch.allCases

  /// The name of one of them, numbered from zero.
  static func name(_ dispatch: Dispatch, _ index: Int) -> String {
    index == 0 ? dispatch.endpointName : "\(dispatch.endpointName)-\(index)"
  }

  /// Registers all of them, and the one that tells what they cost.
  func register(in env: RPCEnv) throws {
    for dispatch in dispatches {
      for index in 0..<count {
        try env.register(Self.name(dispatch, index), BenchEndpoint(), on: dispatch.dispatch)
      }
    }
    try env.register(ControlEndpoint.name, ControlEndpoint(), on: .eventLoop)
  }
}
