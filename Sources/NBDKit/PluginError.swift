public import SystemPackage

/// Why a callback failed: what the client is sent, and what the log says.
public struct PluginError: Error, Equatable, Sendable {
  /// Sent to the client, as far as NBD has it: `EPERM` (also for `EROFS`), `EIO`, `ENOMEM`,
  /// `ENOSPC` (also for `EFBIG` and `EDQUOT`) and `ESHUTDOWN`. All others arrive as `EINVAL`.
  public var errno: Errno

  /// One line for the log: parameter or call, what is wrong with which value, what would be right;
  /// lower case, no full stop. An empty message prints nothing: it is for what was said often
  /// enough.
  ///
  /// If an opening fails, nbdkit 1.42 and newer send this message to the client too, which may be
  /// anybody: it must not contain a secret, nor anything that a stranger must not know.
  public var message: String

  /// Makes an error from its two parts.
  public init(_ errno: Errno, _ message: String) {
    self.errno = errno
    self.message = message
  }

  /// Makes an error from any other: an `Errno` is kept, a foreign error is `EIO` with its
  /// description.
  init(any error: any Error) {
    switch error {
    case let error as PluginError: self = error
    case let error as Errno: self.init(error, error.description)
    default: self.init(.ioError, String(describing: error))
    }
  }
}

extension PluginError: CustomStringConvertible {
  /// The message.
  public var description: String { message }
}
