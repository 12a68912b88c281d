import CFakeNBDKit
package import CNBDKit
package import NBDKit
package import SystemPackage

/// nbdkit as a plugin sees it: loads the plugin's table and calls its callbacks in the process of the
/// test, through the table's own function pointers.
///
/// What is registered and what the plugin reports is one for the process: suites that use this type
/// carry the trait ``Testing/Trait/exclusiveServer``.
///
/// Its callbacks may be called from several threads, as far as the plugin's thread model goes.
package struct FakeServer: @unchecked Sendable {
  /// A copy of what the plugin registered, as nbdkit keeps one.
  package let table: nbdkit_plugin

  /// Registers and loads a plugin.
  package init<P: Plugin>(_ plugin: P.Type) {
    table = plugin.register().load(as: nbdkit_plugin.self)
    table.load?()
  }

  /// Registers and loads a plugin, and takes it as far as serving.
  package static func serving<P: Plugin>(
    _ plugin: P.Type, _ parameters: KeyValuePairs<String, String> = [:]
  ) throws(Refusal) -> FakeServer {
    let server = FakeServer(plugin)
    for (key, value) in parameters { try server.configure(key, value) }
    try server.configurationComplete()
    try server.getReady()
    try server.afterFork()
    return server
  }

  // MARK: Life cycle

  package func configure(_ key: String, _ value: String) throws(Refusal) {
    try configure(key, bytes: Array(value.utf8))
  }

  /// A command line holds bytes, which need not be UTF-8.
  package func configure(_ key: String, bytes value: [UInt8]) throws(Refusal) {
    let value = (value + [0]).map(CChar.init(bitPattern:))
    try succeed(table.config) { $0(key, value) }
  }

  package func configurationComplete() throws(Refusal) {
    try succeed(table.config_complete) { $0() }
  }

  package func getReady() throws(Refusal) {
    try succeed(table.get_ready) { $0() }
  }

  package func afterFork() throws(Refusal) {
    try succeed(table.after_fork) { $0() }
  }

  package func preconnect(readOnly: Bool = false) throws(Refusal) {
    try succeed(table.preconnect) { $0(readOnly ? 1 : 0) }
  }

  package func open(readOnly: Bool = false) throws(Refusal) -> Client {
    var handle: UnsafeMutableRawPointer?
    try succeed(table.open) {
      handle = $0(readOnly ? 1 : 0)
      return handle == nil ? -1 : 0
    }
    return Client(table: table, handle: handle)
  }

  /// Prints to standard output.
  package func dumpPlugin() {
    table.dump_plugin?()
  }

  package func cleanup() {
    table.cleanup?()
  }

  package func unload() {
    table.unload?()
  }

  // MARK: What was reported

  /// The lines printed by `nbdkit_error` since the test began.
  package static var errors: [String] { lines(fake_error_line) }

  /// The lines printed by `nbdkit_debug` since the test began.
  package static var debugs: [String] { lines(fake_debug_line) }

  private static func lines(_ line: (Int) -> UnsafePointer<CChar>?) -> [String] {
    var lines: [String] = []
    while let next = line(lines.count) { lines.append(String(cString: next)) }
    return lines
  }
}

/// A callback answered with failure.
package struct Refusal: Error, Equatable {
  /// What the client is sent: `EIO` where the callback set none, as in nbdkit.
  package let errno: Errno
  /// The lines the callback printed.
  package let lines: [String]

  package init(_ errno: Errno, _ lines: String...) {
    self.init(errno, lines)
  }

  init(_ errno: Errno, _ lines: [String]) {
    self.errno = errno
    self.lines = lines
  }
}

/// Calls a callback and throws what it reported if it failed.
func succeed<Callback>(
  _ callback: Callback?, _ call: (Callback) -> Int32
) throws(Refusal) {
  guard let callback else { throw Refusal(.noFunction, "the plugin has no such callback") }
  let before = FakeServer.errors.count
  fake_clear_error_number()
  if call(callback) == 0 { return }
  let number = fake_error_number()
  throw Refusal(
    number == 0 ? .ioError : Errno(rawValue: number), Array(FakeServer.errors[before...]))
}
