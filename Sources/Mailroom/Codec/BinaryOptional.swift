/// The optional types.
///
/// Optionals encode themselves in place. The coders have to know them in order to keep nil apart from a present
/// optional that contains nil.
protocol BinaryOptional {}

extension Optional: BinaryOptional {}
