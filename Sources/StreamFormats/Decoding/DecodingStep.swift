/// What a step of a decoder came to.
enum DecodingStep {
  /// Something was decoded or passed by.
  case done
  /// What was decoded has to be taken first.
  case noRoom
  /// The stream has ended where it may.
  case end
}
