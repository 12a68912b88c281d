import StreamCore

/// A stream to be tried out: its limits, and the disk and the store it has to do with.
struct Setup: Equatable {
  var disk: Int
  var reorder = 0
  var rewind = 0
  var head = 0
  /// How many bytes the store takes.
  var room = Int.max
  /// How many pieces of what was sent and not written are remembered.
  var remembered = 65_536

  var limits: OrderedStream<RecordingSink, CheckedStore>.Limits {
    .init(reorder: UInt64(reorder), rewind: UInt64(rewind), head: UInt64(head))
  }
}

/// One request to a stream.
enum Step: Equatable {
  case write(Range<Int>, Fault = .none)
  case zero(Range<Int>, Fault = .none)
  case flush(Fault = .none)
  case forceUnitAccess
  case read(Range<Int>)
  case extents(Range<Int>)
  case finish(Fault = .none)

  /// What a write writes at `offset`, being the step of that number: never 0, and something else
  /// than its neighbours and other steps write there.
  static func content(_ number: Int, at offset: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: 1 + (number * 7 + offset) % 251)
  }
}

/// What goes wrong on the sink's side during one request.
enum Fault: Equatable {
  case none
  /// Nobody reads yet, and the request is interrupted while it waits.
  case noReader
  /// The request is interrupted once the sink has taken so many bytes, as many as were asked or
  /// fewer.
  case interrupted(after: Int)
  /// The sink is broken once it has taken so many bytes.
  case broken(after: Int)
  /// What was accepted can't be handed on, which a flush finds out.
  case stuck
  /// What was sent is lost with its reader.
  case lost

  /// How many bytes the sink takes before it fails, and how.
  var stop: (after: Int, error: TransferError)? {
    switch self {
    case .none, .stuck, .lost: nil
    case .noReader: (0, .interrupted)
    case .interrupted(let count): (count, .interrupted)
    case .broken(let count): (count, Self.brokenPipe)
    }
  }

  static let brokenPipe = TransferError.broken(Failure(errno: 32, reason: "nobody reads"))
}

extension Range<Int> {
  /// The range as the stream says it.
  var wide: Range<UInt64> { UInt64(lowerBound)..<UInt64(upperBound) }
}
