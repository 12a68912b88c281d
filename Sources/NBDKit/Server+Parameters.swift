import CNBDKit
import Glibc
import SystemPackage

/// The values of parameters. If one of these functions throws, the server has already printed a
/// line of its own.
extension Server {
  /// Reads a size as users of nbdkit write it: a number of bytes, or with a suffix such as `k`,
  /// `M`, `G`, `T`.
  ///
  /// - Returns: At most 2^63 - 1.
  /// - Throws: `EINVAL`.
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

  /// Reads a truth value: `true`, `on`, `yes`, `1` and their opposites, in either case.
  ///
  /// - Throws: `EINVAL`.
  ///
  /// C function: `nbdkit_parse_bool`.
  public static func parseBool(_ text: String) throws(PluginError) -> Bool {
    let value = nbdkit_parse_bool(text)
    guard value >= 0 else {
      throw PluginError(.invalidArgument, "'\(text)' is neither true nor false")
    }
    return value == 1
  }

  /// Reads a number: decimal, hexadecimal (`0x…`) or octal (`0…`).
  ///
  /// - Parameters:
  ///   - text: What the user wrote.
  ///   - type: The type it has to fit.
  ///   - name: The parameter's key, for the message.
  /// - Throws: `EINVAL` if the text is not a number, `ERANGE` if the number does not fit the type.
  ///
  /// C functions: `nbdkit_parse_int64_t` and `nbdkit_parse_uint64_t`, which are used for all other
  /// widths too.
  public static func parseInteger<Integer: FixedWidthInteger>(
    _ text: String, as type: Integer.Type = Integer.self, name: String
  ) throws(PluginError) -> Integer {
    let number: Integer?
    if Integer.isSigned {
      var value: Int64 = 0
      try check(nbdkit_parse_int64_t(name, text, &value), text, name)
      number = Integer(exactly: value)
    } else {
      var value: UInt64 = 0
      try check(nbdkit_parse_uint64_t(name, text, &value), text, name)
      number = Integer(exactly: value)
    }
    guard let number else {
      throw PluginError(
        .outOfRange, "\(name)=\(text): not from \(Integer.min) to \(Integer.max)")
    }
    return number
  }

  private static func check(
    _ status: Int32, _ text: String, _ name: String
  ) throws(PluginError) {
    guard status == 0 else { throw PluginError(.invalidArgument, "\(name)=\(text): not a number") }
  }

  /// Makes a path absolute. Use it in calls up to ``Plugin/getReady()``: the server changes its
  /// directory to `/` afterwards.
  ///
  /// - Throws: `EINVAL` for an empty path, or if the current directory's name is not UTF-8.
  ///
  /// C function: `nbdkit_absolute_path`.
  public static func absolutePath(_ path: String) throws(PluginError) -> String {
    guard let absolute = nbdkit_absolute_path(path) else {
      throw PluginError(.invalidArgument, "'\(path)' can't be made an absolute path")
    }
    return try taken(absolute, else: "'\(path)': the current directory's name is not UTF-8")
  }

  /// Makes the path of an existing file absolute, with symbolic links followed. Use it in calls up
  /// to ``Plugin/getReady()``.
  ///
  /// - Throws: `EINVAL` if there is no such file, or if its name is not UTF-8.
  ///
  /// C function: `nbdkit_realpath`.
  public static func realPath(_ path: String) throws(PluginError) -> String {
    guard let real = nbdkit_realpath(path) else {
      throw PluginError(.invalidArgument, "'\(path)' does not lead to a file")
    }
    return try taken(real, else: "'\(path)': leads to a name that is not UTF-8")
  }

  /// Reads a password given as a parameter: the password itself, `-` to ask for it on the terminal,
  /// `+FILE`, or `-FD` for a descriptor. Use it in ``Plugin/configure(_:_:)``.
  ///
  /// - Throws: `EINVAL`, with nothing of the password in the message.
  ///
  /// C function: `nbdkit_read_password`.
  public static func readPassword(_ value: String) throws(PluginError) -> String {
    var password: UnsafeMutablePointer<CChar>?
    guard nbdkit_read_password(value, &password) == 0, let password else {
      throw PluginError(.invalidArgument, "the password can't be read")
    }
    return try taken(password, else: "the password is not UTF-8")
  }

  /// Whether the plugin may use standard input and output, as the user's, in
  /// ``Plugin/configure(_:_:)``. It may not with `-s`, where they are the client's.
  /// C function: `nbdkit_stdio_safe`.
  public static var standardIOIsSafe: Bool {
    nbdkit_stdio_safe() == 1
  }

  /// Takes over a text that nbdkit allocated. If it were repaired, it would be a different text.
  private static func taken(
    _ text: UnsafeMutablePointer<CChar>, else message: String
  ) throws(PluginError) -> String {
    defer {
      explicit_bzero(text, strlen(text))
      free(text)
    }
    guard let text = String(validatingCString: text) else {
      throw PluginError(.invalidArgument, message)
    }
    return text
  }
}
