import CNBDKit
import Glibc
import SystemPackage

/// What the server does for a plugin.
///
/// Only what Swift has no equivalent for is here: strings, memory and printing are Swift's own.
public enum Server {
  /// Prints one line to the server's log (standard error, or as `--log` says). Control characters
  /// in it become `?`, so that it stays one line. Any thread. C function: `nbdkit_error`.
  public static func error(_ message: String) {
    cnbdkit_error(oneLine(message))
  }

  /// The same, shown only with `-v`. C function: `nbdkit_debug`.
  public static func debug(_ message: String) {
    cnbdkit_debug(oneLine(message))
  }

  /// Reads a size as users of nbdkit write it: a number of bytes, or with a suffix such as `k`,
  /// `M`, `G`, `T`.
  ///
  /// - Returns: At most 2^63 - 1.
  /// - Throws: `EINVAL`; the server has then printed a line of its own before.
  ///
  /// C function: `nbdkit_parse_size`.
  public static func parseSize(_ text: String) throws(PluginError) -> UInt64 {
    let size = nbdkit_parse_size(text)
    guard size >= 0 else {
      throw PluginError(
        .invalidArgument, "'\(text)' is not a size: give bytes, or a number with k, M, G or T")
    }
    return UInt64(size)
  }

  /// Makes a path absolute. To be used up to ``Plugin/getReady()``: the server changes its directory
  /// to `/` afterwards.
  ///
  /// - Throws: `EINVAL` for an empty path, or where the current directory's name is not UTF-8.
  ///
  /// C function: `nbdkit_absolute_path`.
  public static func absolutePath(_ path: String) throws(PluginError) -> String {
    guard let absolute = nbdkit_absolute_path(path) else {
      throw PluginError(.invalidArgument, "'\(path)' can't be made an absolute path")
    }
    defer { free(absolute) }
    // Repaired it would name another file.
    guard let absolute = String(validatingCString: absolute) else {
      throw PluginError(.invalidArgument, "'\(path)': the current directory's name is not UTF-8")
    }
    return absolute
  }

  /// Whether standard input and output are the user's to use in ``Plugin/configure(_:_:)``: not
  /// with `-s`, where they are the client's. C function: `nbdkit_stdio_safe`.
  public static var standardIOIsSafe: Bool {
    nbdkit_stdio_safe() == 1
  }

  /// Waits, but not longer than the server or the client at hand does.
  ///
  /// - Parameter nanoseconds: 0 asks without waiting.
  /// - Throws: `ESHUTDOWN` once the server is stopping or the client whose callback this is has
  ///   gone; the server has then printed a line of its own.
  ///
  /// Not to be used in ``Plugin/cleanup()``, where it fails at once. C function:
  /// `nbdkit_nanosleep`.
  public static func sleep(nanoseconds: UInt32) throws(PluginError) {
    guard nbdkit_nanosleep(0, nanoseconds) == 0 else {
      throw PluginError(.socketShutdown, "interrupted: the server stops or the client has gone")
    }
  }

  /// The process at the other end of the connection at hand, or `nil` where that is not known (not
  /// a UNIX socket, or outside a connection's callbacks). C function: `nbdkit_peer_pid`.
  public static var peerProcess: Int32? {
    let process = nbdkit_peer_pid()
    return process > 0 ? Int32(exactly: process) : nil
  }

  /// Reports a failed callback to the server: errno last, so that nothing else can set it.
  static func report(_ error: PluginError) {
    self.error(error.message)
    nbdkit_set_error(error.errno.rawValue)
  }

  private static func oneLine(_ message: String) -> String {
    var line = ""
    line.reserveCapacity(message.utf8.count)
    for scalar in message.unicodeScalars {
      let isControl = scalar.value < 0x20 || 0x7F...0x9F ~= scalar.value
      line.unicodeScalars.append(isControl ? "?" : scalar)
    }
    return line
  }
}
