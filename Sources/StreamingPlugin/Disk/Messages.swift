import StreamCore
import SystemPackage

extension StreamError {
  /// What the client is sent.
  var errno: Errno {
    switch self {
    case .late, .sent, .owed, .unreadable, .failedBefore: .ioError
    case .interrupted: .socketShutdown
    case .noRoom(let error): Errno(rawValue: error.errno)
    // NBD has no EPIPE: a client would be told "invalid argument".
    case .broken(let number, _): number == Errno.noSpace.rawValue ? .noSpace : .ioError
    }
  }

  /// What happened, and what would be right, to follow the request's name.
  var message: String {
    switch self {
    case .late(_, let position):
      "behind the stream's position \(position), what lies there was sent already"
    case .sent(_, let position):
      "behind the stream's position \(position), what lies there was sent and can't be read"
    case .owed(let range):
      "the bytes from \(range.lowerBound) to \(range.upperBound) are missing: "
        + "an earlier request for them failed and has to be repeated first"
    case .interrupted: "interrupted: the client has gone or the server stops"
    case .noRoom(let error): "can't be kept until it is due: \(error.reason)"
    case .unreadable(let error): "what waits can't be read back: \(error.reason)"
    case .broken(_, let reason): reason
    case .failedBefore: "the stream has failed before"
    }
  }
}

extension WriteStream.Stream.Window {
  /// What to do the next time, to follow the message of a late write.
  var remedy: String {
    switch self {
    case .reorder(let size):
      "it missed the reorder window: reorder=\(Parameters.written(size)) would have been enough"
    case .rewind(let size):
      "it missed the rewind window: rewind=\(Parameters.written(size)) would have been enough"
    }
  }
}
