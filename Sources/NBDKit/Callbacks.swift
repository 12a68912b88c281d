import CNBDKit
import SystemPackage

/// The C side of the plugin: the only place where nbdkit's pointers are touched.
///
/// Each callback finds its object, lends the buffer and turns the outcome into a status: 0, or -1
/// with errno set and a line printed.
enum Callbacks {
  /// The plugin, or an error if it could not be made.
  static func loaded() throws(PluginError) -> LoadedPlugin {
    guard let current = LoadedPlugin.current else {
      throw PluginError(.invalidArgument, "the plugin failed to load")
    }
    return current
  }

  /// The object behind a handle. The server keeps it alive, and closes it after its last request.
  static func connection(
    _ handle: UnsafeMutableRawPointer?
  ) throws(PluginError) -> ConnectionHandle {
    guard let handle else { throw PluginError(.invalidArgument, "no connection") }
    return Unmanaged<ConnectionHandle>.fromOpaque(handle).takeUnretainedValue()
  }

  static func status(_ body: () throws -> Void) -> Int32 {
    answer(-1) {
      try body()
      return 0
    }
  }

  /// Returns what `body` returns, or reports its error and returns `failure`.
  static func answer<Answer>(_ failure: Answer, _ body: () throws -> Answer) -> Answer {
    do {
      return try body()
    } catch {
      Server.report(PluginError(any: error))
      return failure
    }
  }

  /// A copy that lives as long as nbdkit needs it: to the end of the connection.
  static func interned(_ text: String?) throws(PluginError) -> UnsafePointer<CChar>? {
    guard let text else { return nil }
    // If it were cut off at its zero byte, it would name something else.
    guard !text.utf8.contains(0) else {
      throw PluginError(.invalidArgument, "'\(text)': has a zero byte in it")
    }
    return nbdkit_strdup_intern(text)
  }
}
