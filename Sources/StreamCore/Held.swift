/// What is held for a range of the disk: accepted and not sent yet.
enum Held: Sendable {
  /// Bytes the client wrote; the store has them.
  case data
  /// Zeroes the client asked for.
  case zeroes
  /// Zeroes the client did not ask for: a gap that is not waited for any longer.
  case hole
}

extension Range<UInt64> {
  /// How many bytes a range of the disk is long.
  var length: UInt64 { upperBound - lowerBound }

  /// What of it lies at or above `offset`.
  func part(from offset: UInt64) -> Range<UInt64> {
    clamped(to: offset..<UInt64.max)
  }
}
