/// What is held for a range of the disk: accepted and not sent yet.
///
/// There is no kind for the bytes of the request at hand: they are sent or stored, and only what is
/// stored is held.
enum Held: Equatable, Sendable {
  /// Bytes the client wrote, in the store at offset &+ shift. Neighbours of one shift lie together
  /// there too.
  case stored(shift: UInt64)
  /// Zeroes the client asked for.
  case zeroes
  /// Zeroes the client did not ask for: a gap that is not waited for any longer.
  case hole

  var isData: Bool {
    if case .stored = self { true } else { false }
  }

  /// Whether a client wrote or zeroed it.
  var isWritten: Bool { self != .hole }
}

extension Range<UInt64> {
  /// How many bytes a range of the disk is long.
  var length: UInt64 { upperBound - lowerBound }

  /// What of it lies at or above `offset`.
  func part(from offset: UInt64) -> Range<UInt64> {
    clamped(to: offset..<UInt64.max)
  }

  /// What of it lies below `offset`.
  func part(upTo offset: UInt64) -> Range<UInt64> {
    clamped(to: 0..<offset)
  }

  /// The range as far from this as `shift` says.
  func shifted(by shift: UInt64) -> Range<UInt64> {
    let start = lowerBound &+ shift
    return start..<start + length
  }
}
