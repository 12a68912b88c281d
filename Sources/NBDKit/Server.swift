import CNBDKit
import Glibc
import SystemPackage

/// What the server does for a plugin.
///
/// Only what Swift has no equivalent for is here: strings, memory and printing are Swift's own.
/// Parameters are parsed as users of nbdkit write them. What is known of the client at hand may be
/// asked in any call that concerns a client: ``ClientScreening/preconnect(readOnly:)``, and from
/// ``Plugin/open(readOnly:)`` to ``Connection/close()``.
public enum Server {
  /// Prints one line to the server's log (standard error, or as `--log` says). Control characters
  /// in it become `?`, so that it stays one line. May be called from any thread.
  /// C function: `nbdkit_error`.
  public static func error(_ message: String) {
    cnbdkit_error(oneLine(message))
  }

  /// The same, shown only with `-v`. C function: `nbdkit_debug`.
  public static func debug(_ message: String) {
    cnbdkit_debug(oneLine(message))
  }

  /// Waits, but not longer than the server or the client at hand does.
  ///
  /// - Parameter duration: Zero or less asks without waiting; 2^31 - 1 seconds at most. It is
  ///   rounded up to the nanosecond.
  /// - Throws: `ESHUTDOWN` once the server is stopping or the client whose callback this is has
  ///   gone; the server has then printed a line of its own.
  ///
  /// Do not use it in ``Plugin/cleanup()``, where it fails at once. May be called from any thread.
  /// C function: `nbdkit_nanosleep`.
  public static func sleep(for duration: Duration) throws(PluginError) {
    let (seconds, attoseconds) = max(duration, .zero).components
    let nanoseconds = UInt32((attoseconds + 999_999_999) / 1_000_000_000)
    let carry: Int64 = nanoseconds == 1_000_000_000 ? 1 : 0
    let wait = UInt32(min(seconds, Int64(Int32.max) - carry) + carry)
    guard nbdkit_nanosleep(wait, carry == 1 ? 0 : nanoseconds) == 0 else {
      throw PluginError(.socketShutdown, "interrupted: the server stops or the client has gone")
    }
  }

  /// Asks the server to end, as a signal would. It returns at once, and the server still makes
  /// calls. Do not use it before ``Plugin/afterFork()``. May be called from any thread.
  /// C function: `nbdkit_shutdown`.
  public static func shutdown() {
    nbdkit_shutdown()
  }

  /// Asks the server to end the connection at hand, and with it the client's connection.
  ///
  /// - Parameter force: Whether requests that are still running lose their answers. If not, the
  ///   request at hand is still answered.
  /// - Throws: `ENOTSUP` if the server is older than this function (1.34). The error may be thrown
  ///   on from any callback but a zero request, where it becomes `EIO`.
  ///
  /// C function: `nbdkit_disconnect`.
  public static func disconnect(force: Bool) throws(PluginError) {
    guard cnbdkit_disconnect(force ? 1 : 0) == 0 else {
      throw PluginError(.notSupported, "disconnect: the server is too old: nbdkit 1.34 is needed")
    }
  }

  /// Reports a failed callback to the server. errno comes last, so that nothing else can set it.
  static func report(_ error: PluginError) {
    if !error.message.isEmpty { self.error(error.message) }
    nbdkit_set_error(error.errno.rawValue)
  }

  static func oneLine(_ message: String) -> String {
    var line = ""
    line.reserveCapacity(message.utf8.count)
    for scalar in message.unicodeScalars {
      let isControl = scalar.value < 0x20 || 0x7F...0x9F ~= scalar.value
      line.unicodeScalars.append(isControl ? "?" : scalar)
    }
    return line
  }
}
