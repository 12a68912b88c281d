import CLinux
import Glibc
public import StreamCore
import SystemPackage

/// How the wait for a reader's last bytes ended. `unread` is how many bytes the reader did not
/// take; for a socket this is not known: `nil`.
public enum DrainOutcome: Equatable, Sendable {
  /// Everything was taken.
  case taken
  /// Everything was taken, as far as can be seen, but it is not known whether it was taken by one
  /// reader, and to its end; the text says why.
  case doubtful(String)
  /// The reader went first, and the bytes were lost with it.
  case readerGone(unread: UInt64?)
  /// The reader took nothing for `seconds`; the bytes are left for it.
  case readerStopped(unread: UInt64?, seconds: Int)
  /// The wait was ended from outside; the bytes are left for the reader.
  case interrupted(unread: UInt64?)
}

extension DescriptorSink {
  /// Waits until the reader has taken all that was sent. A connection to another machine is then
  /// shut down for sending: that the other kernel has all the bytes says nothing of the reader, so
  /// this waits for the reader's own end.
  ///
  /// - Parameter idleSeconds: How long a reader may take nothing; `nil` for no limit.
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
    // This is asked once: the socket reports its error only the first time.
    let outcome = outcomeAtEnd
    guard outcome == .taken else { return outcome }
    if isOverNetwork { return awaitReadersEnd(idleSeconds: idleSeconds) }
    return doubt.map { .doubtful($0) } ?? .taken
  }

  /// Why it is not known that one reader took the stream, if so: if several had a FIFO open, each
  /// may have taken a part.
  public var doubt: String? { watch?.doubt() }

  /// Whether the number of unread bytes can't be seen, as they may be in another machine's memory.
  private var isOverNetwork: Bool {
    guard kind == .socket else { return false }
    var address = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let result = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        getsockname(line.file.rawValue, $0, &size)
      }
    }
    return result != 0 || address.ss_family != sa_family_t(AF_UNIX)
  }

  /// Ends the stream and waits for the reader to end its side, as it does when it has read
  /// everything. If the reader is killed with anything unread, its kernel resets the connection
  /// instead.
  private func awaitReadersEnd(idleSeconds: Int?) -> DrainOutcome {
    let slice = 10
    var waited = 0
    // A reader that ended its side before says nothing by that of what it has read since.
    switch takeAnswers() {
    case .ended:
      return .doubtful(
        "the reader closed its side of the connection before the stream ended, so it is not known "
          + "whether it took everything")
    case .failed: return .readerGone(unread: nil)
    case .open: break
    }
    shutdown(line.file.rawValue, Int32(SHUT_WR))
    while true {
      switch takeAnswers() {
      case .ended: return .taken
      case .failed: return .readerGone(unread: nil)
      case .open: break
      }
      if let idleSeconds, waited >= idleSeconds * 1000 {
        return .doubtful(
          "the reader did not close its side of the connection within \(idleSeconds) seconds, so "
            + "it is not known whether it took everything")
      }
      guard patience.pause(slice) else { return .interrupted(unread: nil) }
      waited += slice
    }
  }

  private enum ReadersSide { case open, ended, failed }

  /// Drops what the reader of a socket sends.
  private func takeAnswers() -> ReadersSide {
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
      while true {
        let count = recv(line.file.rawValue, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
        switch count {
        case 0: return .ended
        case 1...: continue
        default:
          if errno == EINTR { continue }
          return errno == EAGAIN || errno == EWOULDBLOCK ? .open : .failed
        }
      }
    }
  }

  /// Fails if the reader has gone without having taken all that was sent.
  public func checkDelivery() throws(TransferError) {
    guard readerHasGone, case .readerGone(let unread) = outcomeAtEnd else { return }
    let count = unread.map { "\($0) bytes" } ?? "some bytes"
    throw line.broken(EPIPE, "the reader has gone with \(count) left unread")
  }

  /// This is found out anew: a reader that has gone may have taken the rest just before.
  private var outcomeAtEnd: DrainOutcome {
    let left = unread
    return left > 0 || wasReset ? .readerGone(unread: bytes(left)) : .taken
  }

  private func bytes(_ unread: UInt64) -> UInt64? {
    kind == .pipe ? unread : nil
  }

  /// Bytes of a pipe that were lost with its reader. A reader that is still there can still take
  /// them.
  public var lost: UInt64 { kind == .pipe && readerHasGone ? unread : 0 }

  /// Bytes sent and not read yet; for a socket, the memory that they take, which is more.
  var unread: UInt64 {
    switch kind {
    case .pipe: UInt64(max(0, clinux_unread_in_pipe(line.file.rawValue)))
    case .socket: UInt64(max(0, clinux_unread_in_socket(line.file.rawValue)))
    case .device: 0
    }
  }

  /// Whether no reader can take anything any more.
  public var readerHasGone: Bool {
    switch kind {
    case .pipe: line.events() & POLLERR != 0
    case .socket: line.events() & POLLHUP != 0
    case .device: false
    }
  }

  /// Whether a socket's reader closed it without having read everything: what it left is gone, and
  /// no longer counted as unread.
  private var wasReset: Bool {
    guard kind == .socket else { return false }
    var error: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(line.file.rawValue, SOL_SOCKET, SO_ERROR, &error, &size)
    return error != 0
  }
}
