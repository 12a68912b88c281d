import Glibc
import StreamCore
import SystemPackage

/// Where the server's own messages go, which must not be the stream.
enum StandardError {
  /// Refuses a pipe or socket that standard error leads to as well, as after `2>&1 |`: messages
  /// would be in the middle of the disk. A device such as `/dev/null` may be used for both.
  static func checkIsNot(_ stream: FileStatus) throws(Failure) {
    guard stream.kind == .fifo || stream.kind == .socket,
      let messages = try? FileStatus(FileDescriptor.standardError),
      messages.identity == stream.identity
    else { return }
    throw Failure(
      .invalidArgument,
      "is standard error too, as after 2>&1, so messages would get into the stream: send "
        + "standard error elsewhere")
  }
}
