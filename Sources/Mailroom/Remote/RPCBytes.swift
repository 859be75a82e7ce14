internal import MailroomTransport

/// Raw bytes on their way inside one process.
struct RPCBytes: RPCRequest {
  typealias Reply = RPCBytes
  let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }
  init(_ span: RawSpan) { bytes = span.array() }
  func encode(into writer: inout RPCWriter) { writer.append(bytes) }
  init(from reader: inout RPCReader) { bytes = reader.readRest().array() }
}
