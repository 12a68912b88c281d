import CFakeNBDKit

/// What the plugin reported, and what it finds around it. There is one of this per process, and it
/// is reset when a test with the trait `.exclusiveServer` begins.
extension FakeServer {
  /// The lines printed by `nbdkit_error` since the test began.
  public static var errors: [String] { lines(fake_error_line) }

  /// The lines printed by `nbdkit_debug` since the test began.
  public static var debugs: [String] { lines(fake_debug_line) }

  /// How often `Server.shutdown()` was called.
  public static var shutdowns: Int { Int(fake_shutdowns()) }

  /// How often `Server.disconnect(force:)` was called, and whether the last call was by force.
  public static var disconnects: (count: Int, forced: Bool) {
    (Int(fake_disconnects()), fake_disconnect_was_forced() != 0)
  }

  /// Whether the server is ending. If so, `Server.sleep(for:)` fails at once, even in a thread that
  /// is sleeping already.
  public static var isStopping: Bool {
    get { fake_stopping() != 0 }
    set { fake_set_stopping(newValue ? 1 : 0) }
  }

  /// The answer of `Server.standardIOIsSafe`: false as with `nbdkit -s`.
  public static var standardIOIsSafe: Bool {
    get { fake_stdio_safe() != 0 }
    set { fake_set_stdio_safe(newValue ? 1 : 0) }
  }

  /// Where the server was started, for `Server.absolutePath(_:)`. It is given in bytes, as the name
  /// of a directory need not be UTF-8.
  public static func start(in directory: [UInt8]) {
    fake_set_directory((directory + [0]).map(CChar.init(bitPattern:)))
  }

  /// Where the server was started, for `Server.absolutePath(_:)`.
  public static func start(in directory: String) {
    start(in: Array(directory.utf8))
  }

  /// Sets the process, the user and the group of the clients; `nil` for what is not known.
  public static func setPeer(process: Int64?, user: Int64? = nil, group: Int64? = nil) {
    fake_set_peer_pid(process ?? -1)
    fake_set_peer_uid(user ?? -1)
    fake_set_peer_gid(group ?? -1)
  }

  /// Sets where the clients come from: the bytes of a `struct sockaddr`, at most 128; none if not
  /// known.
  public static func setPeer(address: [UInt8]) {
    address.withUnsafeBytes { fake_set_peer_name($0.baseAddress, $0.count) }
  }

  private static func lines(_ line: (Int) -> UnsafePointer<CChar>?) -> [String] {
    var lines: [String] = []
    while let next = line(lines.count) { lines.append(String(cString: next)) }
    return lines
  }
}
