/// Frames captured from the reference system.
struct GoldenFrame {
  let name: String
  let bytes: [UInt8]
  let message: ReadMessage

  private init(_ name: String, _ hex: String, _ message: ReadMessage) {
    self.name = name
    bytes = [UInt8](hex: hex)
    self.message = message
  }

  private static let lookupBody = """
    00 01 0009 3132372e302e302e31 00003039 0011 656e64706f696e742d7665726966696572
    aced0005 73 72 003d 6f72672e6170616368652e737061726b2e7270632e6e657474792e527063456e64706f696e74566572696669657224
    436865636b4578697374656e6365 6c191eae8e40c01f 02 0001 4c 0004 6e616d65 74 0012 4c6a6176612f6c616e672f537472696e673b
    78 70 74 0004 6563686f
    """
  private static let booleanBody = """
    aced0005 73 72 0011 6a6176612e6c616e672e426f6f6c65616e cd207280d59cfaee 02 0001 5a 0005 76616c7565 78 70 01
    """
  private static let helloBody = "aced0005 74 0005 68656c6c6f"
  private static let addressedHelloBody = "00 01 0009 3132372e302e302e31 00003039 0004 6563686f \(helloBody)"
  private static let fileName = "2f66696c65732f736d616c6c2e747874"

  static let all: [GoldenFrame] = [
    GoldenFrame(
      "lookup", "00000000000000ae 03 0000000000000001 00000099 \(lookupBody)",
      .rpcRequest(id: 1, body: [UInt8](hex: lookupBody))),
    GoldenFrame(
      "answer to the lookup", "0000000000000044 04 0000000000000001 0000002f \(booleanBody)",
      .rpcResponse(id: 1, body: [UInt8](hex: booleanBody))),
    GoldenFrame(
      "ask", "0000000000000038 03 0000000000000002 00000023 \(addressedHelloBody)",
      .rpcRequest(id: 2, body: [UInt8](hex: addressedHelloBody))),
    GoldenFrame(
      "answer to the ask", "0000000000000021 04 0000000000000002 0000000c \(helloBody)",
      .rpcResponse(id: 2, body: [UInt8](hex: helloBody))),
    GoldenFrame(
      "first of two answers", "000000000000001f 04 0000000000000005 0000000a aced0005 74 0003 6f6e65",
      .rpcResponse(id: 5, body: [UInt8](hex: "aced0005 74 0003 6f6e65"))),
    GoldenFrame(
      "second of two answers", "000000000000001f 04 0000000000000005 0000000a aced0005 74 0003 74776f",
      .rpcResponse(id: 5, body: [UInt8](hex: "aced0005 74 0003 74776f"))),
    GoldenFrame(
      "stream request", "000000000000001d 06 00000010 \(fileName)", .streamRequest(streamID: [UInt8](hex: fileName))),
    GoldenFrame(
      "stream response", "0000000000000025 07 00000010 \(fileName) 000000000000000a",
      .streamResponse(streamID: [UInt8](hex: fileName), byteCount: 10)),
  ]
}
