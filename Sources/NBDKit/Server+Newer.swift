import CNBDKit
import Glibc
import SystemPackage

/// What newer servers offer. An older server still loads a plugin that calls these functions, and
/// the call fails with `ENOTSUP` and a message that names the version that is needed.
extension Server {
  /// Reads a probability as users of nbdkit write it: `0.1`, `10%`, `1:10`, `1/10`.
  ///
  /// - Parameters:
  ///   - text: What the user wrote.
  ///   - name: The parameter's key, for the message.
  /// - Throws: `EINVAL` if the text is not a probability; `ENOTSUP` before nbdkit 1.36.
  ///
  /// C function: `nbdkit_parse_probability`.
  public static func parseProbability(_ text: String, name: String) throws(PluginError) -> Double {
    var value = 0.0
    try check(
      cnbdkit_parse_probability(name, text, &value), "parse_probability", since: "1.36",
      "\(name)=\(text): not a probability, such as 0.1, 10% or 1:10")
    return value
  }

  /// Reads a time as users of nbdkit write it: `10`, `10ms`, `10us`.
  ///
  /// - Parameters:
  ///   - text: What the user wrote.
  ///   - name: The parameter's key, for the message.
  /// - Throws: `EINVAL` if the text is not a time; `ENOTSUP` before nbdkit 1.40.
  ///
  /// C function: `nbdkit_parse_delay`.
  public static func parseDelay(_ text: String, name: String) throws(PluginError) -> Duration {
    var seconds: UInt32 = 0
    var nanoseconds: UInt32 = 0
    try check(
      cnbdkit_parse_delay(name, text, &seconds, &nanoseconds), "parse_delay", since: "1.40",
      "\(name)=\(text): not a time, such as 10 (seconds), 10ms or 10us")
    return .seconds(Int64(seconds)) + .nanoseconds(Int64(nanoseconds))
  }

  /// The SELinux label of the client's process.
  ///
  /// - Throws: `ENOTSUP` before nbdkit 1.36, `EINVAL` if there is none.
  ///
  /// C function: `nbdkit_peer_security_context`.
  public static func peerSecurityContext() throws(PluginError) -> String {
    try asked(cnbdkit_peer_security_context, "peer_security_context", since: "1.36")
  }

  /// The distinguished name in the certificate that the client has shown. Untrusted unless the
  /// server verifies certificates.
  ///
  /// - Throws: `ENOTSUP` before nbdkit 1.40, `EINVAL` if there is none.
  ///
  /// C function: `nbdkit_peer_tls_dn`.
  public static func peerTLSName() throws(PluginError) -> String {
    try asked(cnbdkit_peer_tls_dn, "peer_tls_dn", since: "1.40")
  }

  /// The distinguished name of the issuer of that certificate, in the same way.
  /// C function: `nbdkit_peer_tls_issuer_dn`.
  public static func peerTLSIssuer() throws(PluginError) -> String {
    try asked(cnbdkit_peer_tls_issuer_dn, "peer_tls_issuer_dn", since: "1.40")
  }

  /// Prints bytes with `-v`, as they lie from `offset` on.
  ///
  /// - Throws: `ENOTSUP` before nbdkit 1.46.
  ///
  /// C function: `nbdkit_debug_hexdump`.
  public static func debugDump(
    _ bytes: RawSpan, at offset: UInt64 = 0, prefix: String = ""
  ) throws(PluginError) {
    let status = bytes.withUnsafeBytes { bytes in
      bytes.baseAddress.map { cnbdkit_debug_hexdump($0, bytes.count, prefix, offset) } ?? 0
    }
    try check(status, "debug_hexdump", since: "1.46", "")
  }

  /// Prints with `-v` where two ranges of the same length differ.
  ///
  /// - Throws: `ENOTSUP` before nbdkit 1.48, `EINVAL` if the lengths are not the same.
  ///
  /// C function: `nbdkit_debug_hexdiff`.
  public static func debugDifference(
    _ bytes: RawSpan, _ others: RawSpan, at offset: UInt64 = 0, prefix: String = ""
  ) throws(PluginError) {
    guard bytes.byteCount == others.byteCount else {
      throw PluginError(
        .invalidArgument, "debug_hexdiff: \(bytes.byteCount) and \(others.byteCount) bytes")
    }
    let status = bytes.withUnsafeBytes { bytes in
      others.withUnsafeBytes { others in
        guard let one = bytes.baseAddress, let other = others.baseAddress else { return Int32(0) }
        return cnbdkit_debug_hexdiff(one, other, bytes.count, prefix, offset)
      }
    }
    try check(status, "debug_hexdiff", since: "1.48", "")
  }

  /// The name that the server was given with `--name`; `nil` where it was given none, and before
  /// nbdkit 1.48. C function: `nbdkit_name`.
  public static var serverName: String? {
    cnbdkit_name().map { String(cString: $0) }
  }

  /// A time stamp as the server makes it; `nil` before nbdkit 1.48. C function: `nbdkit_timestamp`.
  public static var timestamp: String? {
    cnbdkit_timestamp().map { String(cString: $0) }
  }

  private static func check(
    _ status: Int32, _ function: String, since version: String, _ message: String
  ) throws(PluginError) {
    guard status != -2 else {
      throw PluginError(
        .notSupported, "\(function): the server is too old: nbdkit \(version) is needed")
    }
    guard status != -1 else { throw PluginError(.invalidArgument, message) }
  }

  private static func asked(
    _ ask: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Int32, _ function: String,
    since version: String
  ) throws(PluginError) -> String {
    guard ClientAtHand.mayBeAskedAbout else {
      throw PluginError(.invalidArgument, "\(function): there is no client")
    }
    var text: UnsafeMutablePointer<CChar>?
    try check(ask(&text), function, since: version, "")
    guard let text else { throw PluginError(.invalidArgument, "\(function): there is none") }
    defer { free(text) }
    guard let string = String(validatingCString: text) else {
      throw PluginError(.invalidArgument, "\(function): not UTF-8")
    }
    return string
  }
}
