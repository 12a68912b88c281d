import Synchronization
import SystemPackage

/// The plugin this process serves, and the connections its clients hold.
///
/// It is not generic, so that C callbacks, which can't be generic, can reach it.
final class LoadedPlugin {
  /// Set by `.load`, before there is a second thread; `nil` if the plugin could not be made.
  nonisolated(unsafe) static var current: LoadedPlugin?

  let plugin: any Plugin
  /// The same plugin, looked up once, since every client that connects causes a call.
  let screening: (any ClientScreening)?

  private enum Phase {
    case preparing
    case serving
    case ended
  }

  private struct State {
    var phase = Phase.preparing
    /// The addresses of connections that are not closed yet: nbdkit forgets them at shutdown.
    var handles: Set<UInt> = []

    /// Ends the serving, and returns whether it was this call that ended it.
    mutating func end() -> Bool {
      guard phase == .serving else { return false }
      phase = .ended
      return true
    }
  }

  private let state = Mutex(State())

  init(_ plugin: any Plugin) {
    self.plugin = plugin
    screening = plugin as? any ClientScreening
  }

  func afterFork() throws {
    state.withLock { $0.phase = .serving }
    try plugin.afterFork()
  }

  /// Hands a connection to the server, retained once; ``close(_:)`` takes it back.
  ///
  /// Refuses a client that comes while the server is ending: nbdkit waits for clients before it
  /// cleans up, but it counts the connection that it accepted last only once the thread of that
  /// connection runs.
  func open(readOnly: Bool) throws -> UnsafeMutableRawPointer {
    guard state.withLock({ $0.phase != .ended }) else {
      throw PluginError(.socketShutdown, "open: the server has ended")
    }
    let handle = ConnectionHandle(try plugin.open(readOnly: readOnly))
    let address = Unmanaged.passRetained(handle).toOpaque()
    let key = UInt(bitPattern: address)
    state.withLock { _ = $0.handles.insert(key) }
    return address
  }

  /// Takes a connection back from the server: closes and releases it, at most once.
  func close(_ address: UnsafeMutableRawPointer) {
    let key = UInt(bitPattern: address)
    guard state.withLock({ $0.handles.remove(key) }) != nil else { return }
    Unmanaged<ConnectionHandle>.fromOpaque(address).takeRetainedValue().connection.close()
  }

  /// Unloads the plugin. In a server without `.cleanup` this does the work of ``cleanup()`` too.
  func unload() {
    cleanup()
    plugin.unload()
  }

  /// Ends the plugin, once.
  func cleanup() {
    guard state.withLock({ $0.end() }) else { return }
    plugin.cleanup()
    for key in state.withLock({ $0.handles }) {
      UnsafeMutableRawPointer(bitPattern: key).map(close)
    }
  }
}
