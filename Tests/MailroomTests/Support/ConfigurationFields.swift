@testable import Mailroom

extension RPCConfiguration {
  /// The stored properties with their values as texts, those of the transport behind `transport.`.
  var fields: [String: String] {
    var fields: [String: String] = [:]
    for (label, value) in Mirror(reflecting: self).children where label != "transport" {
      fields[label ?? "?"] = "\(value)"
    }
    for (label, value) in Mirror(reflecting: transport).children { fields["transport.\(label ?? "?")"] = "\(value)" }
    return fields
  }

  /// Those ``fields`` that differ from the defaults, without what says where a timeout comes from.
  var changes: [String: String] {
    let standard = RPCConfiguration().fields
    return fields.filter { $0.value != standard[$0.key] && !$0.key.hasSuffix("Source") }
  }
}
