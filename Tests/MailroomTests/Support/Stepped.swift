import Mailroom
import TestSupport

/// An endpoint that handles a message each time a test lets it.
final class Stepped: RPCEndpoint {
  /// One for each message that may be handled.
  let steps = Signal("a step")
  /// The numbers that were handled.
  let numbers = Box<[Int]>([])
  /// One for each message that was handled.
  let handled = Signal("a handled number")
  /// Runs first in every handler.
  let onMessage = Box<@Sendable () -> Void>({})

  /// Lets as many messages be handled.
  static func allow(_ count: Int, _ steps: Signal) { for _ in 0..<count { steps.fire() } }

  private func take(_ number: Int) {
    onMessage.value()
    steps.wait()
    numbers.append(number)
    handled.fire()
  }

  static func handlers(_ on: inout RPCHandlers<Stepped>) {
    on.receive(Add.self) { stepped, add in stepped.take(Int(add.amount)) }
    on.receiveBytes { stepped, bytes in stepped.take(bytes.array().prefix(2).reduce(0) { $0 << 8 | Int($1) }) }
    on.ask(Say.self) { stepped, say in
      stepped.take(Int(say.text) ?? -1)
      return say.text
    }
  }
}

extension RPCEndpointRef {
  /// Two bytes of a number, as ``Stepped`` reads them, and as many zeros as it takes.
  static func bytes(of number: Int, size: Int = 2) -> [UInt8] {
    [UInt8(number >> 8), UInt8(number & 0xFF)] + [UInt8](repeating: 0, count: max(0, size - 2))
  }
}
