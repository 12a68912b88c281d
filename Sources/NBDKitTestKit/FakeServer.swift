import CFakeNBDKit
package import CNBDKit
public import NBDKit

/// nbdkit as a plugin sees it: loads the plugin's table and calls its callbacks in the process of
/// the test, through the table's own function pointers.
///
///     @Suite("The disk", .exclusiveServer)
///     struct DiskTests {
///       @Test("gives back what was written")
///       func roundTrip() throws {
///         let client = try FakeServer.serving(DiskPlugin.self, ["size": "1M"]).open()
///         try client.write([1, 2, 3], at: 512)
///         #expect(try client.read(3, at: 512) == [1, 2, 3])
///       }
///     }
///
/// A failed callback throws a ``Refusal``, with the errno that a client would be sent and the lines
/// that were printed.
///
/// The registered plugin and what it reports are shared by the whole process: suites that use this
/// type carry the trait `.exclusiveServer`.
///
/// The callbacks may be called from several threads, as far as the plugin's thread model allows it:
/// the locks that the server has are missing here.
public struct FakeServer: @unchecked Sendable {
  /// Which nbdkit is imitated: an older one ignores what it does not know of the plugin's table.
  public enum Version: Sendable {
    /// The version of the header that this was built with.
    case current
    /// nbdkit 1.28, which has no `.block_size`.
    case withoutBlockSize
    /// nbdkit 1.24, which has no `.cleanup` either.
    case withoutCleanup
  }

  /// A copy of what the plugin registered, as nbdkit keeps one.
  package let table: nbdkit_plugin

  /// Registers and loads a plugin.
  public init<P: Plugin>(_ plugin: P.Type, version: Version = .current) {
    var table = nbdkit_plugin()
    let known =
      switch version {
      case .current: MemoryLayout<nbdkit_plugin>.size
      case .withoutBlockSize: MemoryLayout<nbdkit_plugin>.offset(of: \.block_size) ?? 0
      case .withoutCleanup: MemoryLayout<nbdkit_plugin>.offset(of: \.cleanup) ?? 0
      }
    let registered = UnsafeRawBufferPointer(start: plugin.register(), count: known)
    withUnsafeMutableBytes(of: &table) { $0.copyMemory(from: registered) }
    self.table = table
    table.load?()
  }

  /// Registers and loads a plugin, and takes it as far as serving.
  public static func serving<P: Plugin>(
    _ plugin: P.Type, _ parameters: KeyValuePairs<String, String> = [:],
    version: Version = .current
  ) throws(Refusal) -> FakeServer {
    let server = FakeServer(plugin, version: version)
    for (key, value) in parameters { try server.configure(key, value) }
    try server.configurationComplete()
    try server.getReady()
    try server.afterFork()
    return server
  }

  // MARK: Life cycle

  /// One parameter of the command line. C callback: `.config`.
  public func configure(_ key: String, _ value: String) throws(Refusal) {
    try configure(key, bytes: Array(value.utf8))
  }

  /// Takes a value in bytes, as a command line need not be UTF-8. C callback: `.config`.
  public func configure(_ key: String, bytes value: [UInt8]) throws(Refusal) {
    let value = (value + [0]).map(CChar.init(bitPattern:))
    try succeed(table.config) { $0(key, value) }
  }

  /// C callback: `.config_complete`.
  public func configurationComplete() throws(Refusal) {
    try succeed(table.config_complete) { $0() }
  }

  /// The number of the model: 0 for one client at a time to 3 for parallel requests.
  /// C callback: `.thread_model`.
  public func threadModel() throws(Refusal) -> Int32 {
    try answer(table.thread_model) { $0() }
  }

  /// C callback: `.get_ready`.
  public func getReady() throws(Refusal) {
    try succeed(table.get_ready) { $0() }
  }

  /// C callback: `.after_fork`.
  public func afterFork() throws(Refusal) {
    try succeed(table.after_fork) { $0() }
  }

  /// Prints to standard output. C callback: `.dump_plugin`.
  public func dumpPlugin() {
    table.dump_plugin?()
  }

  /// Does nothing if the server is too old. C callback: `.cleanup`.
  public func cleanup() {
    table.cleanup?()
  }

  /// C callback: `.unload`.
  public func unload() {
    table.unload?()
  }

  // MARK: Clients

  /// A client comes. It is accepted if the plugin has no such callback. C callback: `.preconnect`.
  public func preconnect(readOnly: Bool = false) throws(Refusal) {
    guard let preconnect = table.preconnect else { return }
    try succeed(preconnect) { $0(readOnly ? 1 : 0) }
  }

  /// A client asks for the list of exports. It is the default export if the plugin has no list.
  /// C callback: `.list_exports`.
  public func exports(readOnly: Bool = false, isTLS: Bool = false) throws(Refusal) -> [Export] {
    let list = fake_exports_new(defaultExport(readOnly: readOnly, isTLS: isTLS))
    defer { fake_exports_free(list) }
    if let listExports = table.list_exports {
      try succeed(listExports) { $0(readOnly ? 1 : 0, isTLS ? 1 : 0, list) }
    } else {
      _ = nbdkit_use_default_export(list)
    }
    return (0..<fake_exports_count(list)).map {
      let export = fake_exports_get(list, $0)
      return Export(
        String(cString: export.name), export.description.map { String(cString: $0) })
    }
  }

  /// The export that a client gets if it names none: `""` if the plugin does not decide this, `nil`
  /// if there is no such export. C callback: `.default_export`.
  public func defaultExport(readOnly: Bool = false, isTLS: Bool = false) -> String? {
    guard let defaultExport = table.default_export else { return "" }
    return defaultExport(readOnly ? 1 : 0, isTLS ? 1 : 0).map { String(cString: $0) }
  }

  /// A client's handshake ends. C callback: `.open`.
  ///
  /// - Parameters:
  ///   - readOnly: Whether the server was started with `-r`.
  ///   - export: What `Server.exportName()` answers the connection, in all its calls.
  ///   - isTLS: The same for `Server.isTLS`.
  public func open(
    readOnly: Bool = false, export: String = "", isTLS: Bool = false
  ) throws(Refusal) -> FakeClient {
    try open(readOnly: readOnly, exportBytes: Array(export.utf8), isTLS: isTLS)
  }

  /// The same with a name that need not be UTF-8: a client may send any bytes.
  public func open(
    readOnly: Bool = false, exportBytes: [UInt8], isTLS: Bool = false
  ) throws(Refusal) -> FakeClient {
    let context = FakeClient.Context(
      exportName: (exportBytes + [0]).map(CChar.init(bitPattern:)), isTLS: isTLS)
    var handle: UnsafeMutableRawPointer?
    ClientAtHand.meet()
    try succeed(table.open, as: context) {
      handle = $0(readOnly ? 1 : 0)
      return handle == nil ? -1 : 0
    }
    return FakeClient(table: table, handle: handle, context: context)
  }
}

/// An export that a plugin names.
public struct Export: Equatable, Sendable {
  /// What a client asks for.
  public let name: String
  /// For people.
  public let description: String?

  /// What a test expects.
  public init(_ name: String, _ description: String? = nil) {
    self.name = name
    self.description = description
  }
}
