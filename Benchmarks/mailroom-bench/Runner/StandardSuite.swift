/// What runs without options: the shapes that users of an RPC library ask about, in about a minute and a half.
enum StandardSuite {
  static let scenarios: [Scenario] = [
    Scenario(kind: .ask, payload: 16, window: 1, dispatch: .eventLoop, api: .callback),
    Scenario(kind: .ask, payload: 16, window: 1, dispatch: .eventLoop, api: .async),
    Scenario(kind: .ask, payload: 16, window: 1, dispatch: .shared, api: .async),
    Scenario(kind: .ask, payload: 16, window: 128, dispatch: .eventLoop, api: .callback),
    Scenario(kind: .ask, payload: 16, window: 128, dispatch: .eventLoop, api: .async),
    Scenario(kind: .ask, payload: 16, window: 128, dispatch: .shared, api: .async),
    Scenario(kind: .ask, payload: 16, window: 128, dispatch: .shared, api: .async, isLocal: true),
    Scenario(kind: .ask, payload: 16, window: 128, dispatch: .dedicated, api: .async),
    Scenario(kind: .ask, payload: 1024, window: 1024, dispatch: .eventLoop, api: .callback),
    Scenario(kind: .ask, payload: 65_536, window: 128, dispatch: .eventLoop, api: .callback),
    Scenario(kind: .oneWay, payload: 16, window: 65_536, dispatch: .eventLoop, api: .callback),
    Scenario(kind: .oneWay, payload: 16, window: 65_536, dispatch: .eventLoop, api: .async),
    Scenario(kind: .oneWay, payload: 16, window: 65_536, dispatch: .shared, api: .async, senders: 4),
    Scenario(kind: .oneWay, payload: 1024, window: 8192, dispatch: .eventLoop, api: .callback),
    Scenario(kind: .oneWay, payload: 1_048_576, window: 16, dispatch: .eventLoop, api: .callback),
  ]
}
