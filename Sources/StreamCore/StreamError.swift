/// Why the stream refused a request.
public enum StreamError: Error, Equatable, Sendable {
  /// Bytes of `range` were sent already, as the position is past them: the stream can't be right
  /// any more, and every later write is refused.
  case late(Range<UInt64>, position: UInt64)
  /// A read of bytes already sent. Harms nothing.
  case sent(Range<UInt64>, position: UInt64)
  /// An earlier request for these bytes failed and was not repeated, so they can't be made zeroes.
  case owed(Range<UInt64>)
  /// The server stops or the client has gone.
  case interrupted
  /// What has to wait could not be kept.
  case noRoom(Failure)
  /// What is held could not be read back for a read. Harms nothing.
  case unreadable(Failure)
  /// The sink takes nothing any more, so every later write is refused.
  case broken(Failure)
  /// An earlier failure, which was reported then, is why this and every later write is refused.
  case failedBefore

  init(_ error: TransferError) {
    switch error {
    case .interrupted: self = .interrupted
    case .broken(let failure): self = .broken(failure)
    }
  }

  /// Whether nothing that comes later can make the stream right again.
  public var isFinal: Bool {
    switch self {
    case .late, .broken: true
    case .sent, .owed, .interrupted, .noRoom, .unreadable, .failedBefore: false
    }
  }
}
