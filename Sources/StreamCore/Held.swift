/// What is held for a range of the disk: accepted and not sent yet.
///
/// There is no kind for the bytes of the request at hand: they are sent or stored, and only what is
/// stored is held.
enum Held: Equatable, Sendable {
  /// Bytes the client wrote, in the store at offset &+ shift. Neighbours that have the same shift
  /// are neighbours in the store too.
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
  /// The length of a range of the disk in bytes.
  var length: UInt64 { upperBound - lowerBound }

  /// The part of it that lies at or above `offset`.
  func part(from offset: UInt64) -> Range<UInt64> {
    clamped(to: offset..<UInt64.max)
  }

  /// The part of it that lies below `offset`.
  func part(upTo offset: UInt64) -> Range<UInt64> {
    clamped(to: 0..<offset)
  }

  /// The range moved up by `shift`.
  func shifted(by shift: UInt64) -> Range<UInt64> {
    let start = lowerBound &+ shift
    return start..<start + length
  }
}
