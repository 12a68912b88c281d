import CLinux
import Glibc
public import StreamCore
import SystemPackage

/// How the wait for a reader's last bytes ended. `unread` is how many it did not take; of a socket
/// that is not known: `nil`.
public enum DrainOutcome: Equatable, Sendable {
  /// Everything was taken.
  case taken
  /// The reader went first, and the bytes were lost with it.
  case readerGone(unread: UInt64?)
  /// The reader took nothing for `seconds`; the bytes are left for it.
  case readerStopped(unread: UInt64?, seconds: Int)
  /// The wait was ended from outside; the bytes are left for the reader.
  case interrupted(unread: UInt64?)
}

extension DescriptorSink {
  /// Waits until the reader has taken all that was sent.
  ///
  /// - Parameter idleSeconds: How long a reader may take nothing; `nil` for any time.
  public func drain(idleSeconds: Int? = 10) -> DrainOutcome {
    let slice = 10
    var left = unread
    var idle = 0
    while left > 0, !readerHasGone {
      if let idleSeconds, idle >= idleSeconds * 1000 {
        return .readerStopped(unread: bytes(left), seconds: idleSeconds)
      }
      guard patience.pause(slice) else { return .interrupted(unread: bytes(left)) }
      let before = left
      left = unread
      idle = left < before ? 0 : idle + slice
    }
    return outcomeAtEnd
  }

  /// Fails if the reader has gone without having taken all that was sent.
  public func checkDelivery() throws(TransferError) {
    guard readerHasGone, case .readerGone(let unread) = outcomeAtEnd else { return }
    let count = unread.map { "\($0) bytes" } ?? "some bytes"
    throw line.broken(EPIPE, "the reader has gone with \(count) left unread")
  }

  /// Asked anew: a reader that has gone may have taken the rest just before.
  private var outcomeAtEnd: DrainOutcome {
    let left = unread
    return left > 0 || wasReset ? .readerGone(unread: bytes(left)) : .taken
  }

  private func bytes(_ unread: UInt64) -> UInt64? {
    kind == .pipe ? unread : nil
  }

  /// Bytes of a pipe that were lost with its reader. One that is there still has them before it.
  public var lost: UInt64 { kind == .pipe && readerHasGone ? unread : 0 }

  /// Sent and not read yet: bytes of a pipe; of a socket the memory they take, which is more.
  private var unread: UInt64 {
    switch kind {
    case .pipe: UInt64(max(0, clinux_unread_in_pipe(line.file.rawValue)))
    case .socket: UInt64(max(0, clinux_unread_in_socket(line.file.rawValue)))
    case .device: 0
    }
  }

  /// Whether nobody can take any more.
  public var readerHasGone: Bool {
    switch kind {
    case .pipe: line.poll(0, milliseconds: 0) & POLLERR != 0
    case .socket: line.poll(0, milliseconds: 0) & POLLHUP != 0
    case .device: false
    }
  }

  /// Whether a socket's reader closed it without having read all: what it left is gone, and no longer
  /// counted as unread.
  private var wasReset: Bool {
    guard kind == .socket else { return false }
    var error: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(line.file.rawValue, SOL_SOCKET, SO_ERROR, &error, &size)
    return error != 0
  }
}
