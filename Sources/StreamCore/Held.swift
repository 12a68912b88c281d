/// What is held for a range of the disk: accepted and not sent yet.
enum Held: Equatable, Sendable {
  /// Bytes the client wrote, in the store at offset &+ shift. Neighbours of one shift lie together
  /// there too.
  case stored(shift: UInt64)
  /// Bytes of the request at hand, in its own buffer.
  case passing
  /// Zeroes the client asked for.
  case zeroes
  /// Zeroes the client did not ask for: a gap that is not waited for any longer.
  case hole

  var isData: Bool {
    switch self {
    case .stored, .passing: true
    case .zeroes, .hole: false
    }
  }
}

extension Range<UInt64> {
  /// How many bytes a range of the disk is long.
  var length: UInt64 { upperBound - lowerBound }

  /// What of it lies at or above `offset`.
  func part(from offset: UInt64) -> Range<UInt64> {
    clamped(to: offset..<UInt64.max)
  }

  /// The range as far from this as `shift` says.
  func shifted(by shift: UInt64) -> Range<UInt64> {
    let start = lowerBound &+ shift
    return start..<start + length
  }
}
