import CNBDKit
import Glibc

extension Plugin {
  /// Describes this plugin to nbdkit. A plugin's entry point is this call and nothing else:
  ///
  ///     @c(plugin_init)
  ///     public func pluginInit() -> UnsafeMutableRawPointer { HelloPlugin.register() }
  ///
  /// - Returns: nbdkit's `struct nbdkit_plugin`, in memory that is never freed. nbdkit copies it
  ///   but keeps its strings.
  public static func register() -> UnsafeMutableRawPointer {
    // The table is in zeroed heap memory, because a Swift global of this type lacks the C struct's
    // tail padding, which nbdkit reads as a callback.
    let size = MemoryLayout<nbdkit_plugin>.stride
    guard let memory = calloc(1, size) else { fatalError("plugin_init: out of memory") }
    let table = memory.bindMemory(to: nbdkit_plugin.self, capacity: 1)
    table.pointee._struct_size = UInt64(size)
    table.pointee._api_version = NBDKIT_API_VERSION
    table.pointee._thread_model = threadModel.rawValue
    describe(&table.pointee)
    fillLifeCycle(&table.pointee)
    fillConnection(&table.pointee)
    fillRequests(&table.pointee)
    makeInstance = { try Self() }
    return memory
  }

  private static func describe(_ table: inout nbdkit_plugin) {
    table.name = keptForever(name)
    table.longname = keptForever(longName)
    table.version = keptForever(version)
    table.description = keptForever(summary)
    table.config_help = keptForever(parameterHelp)
    table.magic_config_key = keptForever(magicParameter)
  }

  private static func fillLifeCycle(_ table: inout nbdkit_plugin) {
    table.load = { load() }
    table.unload = Callbacks.unload
    table.dump_plugin = Callbacks.dumpPlugin
    table.config = Callbacks.config
    table.config_complete = Callbacks.configComplete
    table.thread_model = Callbacks.threadModel
    table.get_ready = Callbacks.getReady
    table.after_fork = Callbacks.afterFork
    table.cleanup = Callbacks.cleanup
    table.preconnect = Callbacks.preconnect
    if Self.self is any ExportListing.Type { table.list_exports = Callbacks.listExports }
    if Self.self is any DefaultExportNaming.Type {
      table.default_export = Callbacks.defaultExport
    }
  }

  /// Fills in only what the connection's type conforms to: nbdkit offers its clients what is not
  /// `nil`.
  private static func fillConnection(_ table: inout nbdkit_plugin) {
    let type = ClientConnection.self
    table.open = Callbacks.open
    table.close = Callbacks.close
    table.get_size = Callbacks.getSize
    table.is_rotational = Callbacks.isRotational
    table.can_multi_conn = Callbacks.canMultiConn
    if type is any Writable.Type { table.can_write = Callbacks.canWrite }
    if type is any Flushable.Type { table.can_flush = Callbacks.canFlush }
    if type is any ForceUnitAccessible.Type { table.can_fua = Callbacks.canFUA }
    if type is any Zeroable.Type {
      table.can_zero = Callbacks.canZero
      table.can_fast_zero = Callbacks.canFastZero
    }
    if type is any Trimmable.Type { table.can_trim = Callbacks.canTrim }
    if type is any ExtentReporting.Type { table.can_extents = Callbacks.canExtents }
    if type is any Cacheable.Type { table.can_cache = Callbacks.canCache }
    if type is any BlockSizing.Type { table.block_size = Callbacks.blockSize }
    if type is any ExportDescribing.Type {
      table.export_description = Callbacks.exportDescription
    }
  }

  private static func fillRequests(_ table: inout nbdkit_plugin) {
    let type = ClientConnection.self
    table.pread = Callbacks.pread
    if type is any Writable.Type { table.pwrite = Callbacks.pwrite }
    if type is any Flushable.Type { table.flush = Callbacks.flush }
    if type is any Zeroable.Type { table.zero = Callbacks.zero }
    if type is any Trimmable.Type { table.trim = Callbacks.trim }
    if type is any ExtentReporting.Type { table.extents = Callbacks.extents }
    if type is any Cacheable.Type { table.cache = Callbacks.cache }
  }

  /// nbdkit keeps the strings of the table, so they are never freed.
  private static func keptForever(_ string: String?) -> UnsafePointer<CChar>? {
    string.flatMap { UnsafePointer(strdup($0)) }
  }
}

/// Makes the registered plugin's instance: a C callback can't be generic, so the type is kept here
/// between `plugin_init` and `.load`, both called before the server has a second thread.
nonisolated(unsafe) private var makeInstance: (() throws -> any Plugin)?

/// C callback: `.load`, which can't fail: an error shows when the first callback finds no plugin.
private func load() {
  do {
    LoadedPlugin.current = try makeInstance.map { LoadedPlugin(try $0()) }
  } catch {
    LoadedPlugin.current = nil
    Server.report(PluginError(any: error))
  }
}
