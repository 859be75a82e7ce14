/// Bytes that are no message in the format that ``BinaryValue`` describes.
struct BinaryMalformation: Error, CustomStringConvertible {
  /// What is wrong.
  let reason: String
  /// How many bytes had been read.
  let offset: Int

  /// The reason and where it was found.
  var description: String { "\(reason) at byte \(offset)" }
}
