/// The result of a step of a decoder.
enum DecodingStep {
  /// Something was decoded or passed by.
  case done
  /// What was decoded has to be taken first.
  case noRoom
  /// The stream has ended where it may end.
  case end
}
