import Synchronization

/// The plugin this process serves, and the connections its clients hold.
///
/// Non-generic, so that C callbacks, which can't be generic, reach it.
final class LoadedPlugin {
  /// Set by `.load`, before there is a second thread, and never unset.
  nonisolated(unsafe) static var current: LoadedPlugin?

  let plugin: any Plugin

  /// Whether the server has come as far as serving, and has not ended it yet.
  private var serving = false

  /// The addresses of connections not closed yet: nbdkit forgets them at shutdown.
  private let handles = Mutex<Set<UInt>>([])

  init(_ plugin: any Plugin) {
    self.plugin = plugin
  }

  func afterFork() throws {
    serving = true
    try plugin.afterFork()
  }

  /// Hands a connection to the server, retained once: taken back by ``close(_:)``.
  func open(readOnly: Bool) throws -> UnsafeMutableRawPointer {
    let handle = ConnectionHandle(try plugin.open(readOnly: readOnly))
    let address = Unmanaged.passRetained(handle).toOpaque()
    let key = UInt(bitPattern: address)
    handles.withLock { _ = $0.insert(key) }
    return address
  }

  /// Takes a connection back from the server: closes and releases it, once at most.
  func close(_ address: UnsafeMutableRawPointer) {
    let key = UInt(bitPattern: address)
    guard handles.withLock({ $0.remove(key) }) != nil else { return }
    Unmanaged<ConnectionHandle>.fromOpaque(address).takeRetainedValue().connection.close()
  }

  /// Ends the plugin once, by `.cleanup` or, where the server has no such callback, by `.unload`.
  func cleanup() {
    guard serving else { return }
    serving = false
    plugin.cleanup()
    for key in handles.withLock({ Array($0) }) {
      UnsafeMutableRawPointer(bitPattern: key).map(close)
    }
  }
}
