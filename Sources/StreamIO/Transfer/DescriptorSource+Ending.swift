import CLinux
import Glibc
import StreamCore
public import SystemPackage

/// The result of the wait for the end of a stream, after everything that was wanted has been taken.
public enum SourceEnd: Equatable, Sendable {
  /// The stream ended there.
  case ended
  /// The stream ended there, but it is not known whether that was the whole of one stream; the text
  /// says why.
  case doubtful(String)
  /// There is more: at least this many bytes.
  case more(UInt64)
  /// Neither the end nor a byte came for `seconds`.
  case silent(seconds: Int)
  /// The wait was ended from outside.
  case interrupted
  /// The source has failed.
  case failed(Errno)
}

extension DescriptorSource {
  /// Waits for the end, or for a byte, which is taken as nobody wants it.
  ///
  /// - Parameter seconds: How long to wait for either.
  public func awaitEnd(seconds: Int = 10) -> SourceEnd {
    let slice = 10
    var byte: UInt8 = 0
    for _ in 0...seconds * 1000 / slice {
      switch withUnsafeMutableBytes(of: &byte, { read($0) }) {
      case 0: return doubt.map { .doubtful($0) } ?? .ended
      case 1...: return .more(1 + left)
      default:
        guard errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR else {
          return .failed(Errno(rawValue: errno))
        }
      }
      guard line.patience.pause(slice) else { return .interrupted }
    }
    return .silent(seconds: seconds)
  }

  /// The number of bytes that are known to be there.
  private var left: UInt64 {
    kind == .pipe ? UInt64(max(0, clinux_unread_in_pipe(line.file.rawValue))) : 0
  }
}
