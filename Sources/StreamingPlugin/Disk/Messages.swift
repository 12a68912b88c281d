// The messages with which requests of both directions are refused: what happened, and what would be
// right.

import StreamCore
import StreamIO
import SystemPackage

extension StreamError: RequestRefusal {
  var errno: Errno {
    switch self {
    case .late, .sent, .owed, .unreadable, .failedBefore: .ioError
    case .interrupted: .socketShutdown
    case .noRoom(let failure): failure.number
    // NBD has no EPIPE: a client would be sent "invalid argument".
    case .broken(let failure): failure.number == .noSpace ? .noSpace : .ioError
    }
  }

  var kind: Int {
    switch self {
    case .late: 0
    case .sent: 1
    case .owed: 2
    case .interrupted: 3
    case .noRoom: 4
    case .unreadable: 5
    case .broken: 6
    case .failedBefore: 7
    }
  }

  /// The message, followed by what would have helped if the stream knows that.
  func message(in stream: WriteStream.Stream) -> String {
    switch self {
    case .late: stream.missedWindow.map { "\(message): \($0.remedy)" } ?? message
    case .sent(let range, _): message + remedy(rewind: stream.high - range.lowerBound)
    default: message
    }
  }

  var message: String {
    switch self {
    case .late(_, let position):
      "below the stream's position \(position), sent already"
    case .sent(_, let position):
      "below the stream's position \(position), sent already and no longer kept"
    case .owed(let range):
      "the bytes from \(range.lowerBound) to \(range.upperBound) are missing: "
        + "an earlier request for them failed and has to be repeated first"
    case .interrupted: "interrupted: the client has gone or the server stops"
    case .noRoom(let failure): "can't be kept until its turn: \(failure.reason)"
    case .unreadable(let failure): "bytes that wait can't be read back: \(failure.reason)"
    case .broken(let failure): failure.reason
    case .failedBefore: "the stream has failed before"
    }
  }
}

/// What would have let a read get bytes that the stream no longer keeps; follows the message.
private func remedy(rewind size: UInt64) -> String {
  ": at least rewind=\(Parameters.written(size)) is needed for that"
}

extension WriteStream.Stream.Window {
  /// What to do the next time, which follows the message of a late write. It says "at least", as
  /// what is still to come may need more: a filter that caches hands its blocks on in any order.
  var remedy: String {
    switch self {
    case .reorder(let size):
      "it missed the reorder window: at least reorder=\(Parameters.written(size)) is needed"
    case .rewind(let size):
      "it missed the rewind window: at least rewind=\(Parameters.written(size)) is needed"
    }
  }
}

extension ReadError: RequestRefusal {
  var errno: Errno {
    switch self {
    case .gone, .ended, .broken: .ioError
    case .lost(let failure): failure.number
    case .interrupted: .socketShutdown
    }
  }

  var isFinal: Bool {
    if case .broken = self { true } else { false }
  }

  var kind: Int {
    switch self {
    case .gone: 0
    case .lost: 1
    case .ended: 2
    case .interrupted: 3
    case .broken: 4
    }
  }

  var message: String { message(of: nil) }

  /// The message about a disk of `size` bytes, if that is known.
  func message(of size: UInt64?) -> String {
    switch self {
    case .gone(let position, let rewind):
      "below the stream's position \(position), gone by already and no longer kept"
        + (rewind.map(remedy(rewind:)) ?? "")
    case .lost(let failure): "could not be kept: \(failure.reason)"
    case .ended(let position):
      "the source ended after \(position)\(size.map { " of \($0)" } ?? "") bytes"
    case .interrupted: "interrupted: the client has gone or the server stops"
    case .broken(let failure): failure.reason
    }
  }
}
