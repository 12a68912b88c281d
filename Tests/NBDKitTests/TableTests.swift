import CFakeNBDKit
import CNBDKit
import NBDKit
import NBDKitTestKit
import Testing

typealias TestPlugin = any (Plugin & SendableMetatype).Type

/// The table that `plugin_init` returns, looked at as nbdkit does: by its bytes.
@Suite("The table given to nbdkit", .exclusiveServer)
struct TableTests {
  /// In every plugin, whatever it can do.
  static let always: Set = [
    "name", "load", "unload", "dump_plugin", "config", "config_complete", "thread_model",
    "get_ready", "after_fork", "cleanup", "open", "close", "get_size", "is_rotational",
    "can_multi_conn", "pread", "preconnect",
  ]

  @Test("holds what every plugin needs and nothing else for the smallest plugin")
  func smallest() {
    #expect(filled(SmallestPlugin.self) == Self.always)
  }

  @Test(
    "holds exactly the callbacks of each capability more",
    arguments: [
      (JournalPlugin<JournalConnection>.self, []),
      (JournalPlugin<WritableConnection>.self, ["can_write", "pwrite"]),
      (JournalPlugin<FlushableConnection>.self, ["can_flush", "flush"]),
      (JournalPlugin<ForceUnitAccessConnection>.self, ["can_write", "pwrite", "can_fua"]),
      (
        JournalPlugin<ZeroableConnection>.self,
        ["can_write", "pwrite", "can_zero", "zero", "can_fast_zero"]
      ),
      (
        JournalPlugin<FastZeroConnection>.self,
        ["can_write", "pwrite", "can_zero", "zero", "can_fast_zero"]
      ),
      (JournalPlugin<TrimmableConnection>.self, ["can_write", "pwrite", "can_trim", "trim"]),
      (JournalPlugin<ExtentConnection>.self, ["can_extents", "extents"]),
      (JournalPlugin<CachingConnection>.self, ["can_cache", "cache"]),
      (JournalPlugin<BlockSizeConnection>.self, ["block_size"]),
      (JournalPlugin<DescribedConnection>.self, ["export_description"]),
      (
        JournalPlugin<FullConnection>.self,
        [
          "can_write", "can_flush", "can_fua", "can_zero", "can_fast_zero", "can_trim",
          "can_extents", "can_cache", "block_size", "export_description", "pwrite", "flush",
          "zero", "trim", "extents", "cache",
        ]
      ),
    ] as [(TestPlugin, [String])])
  func capabilities(_ plugin: TestPlugin, callbacks: [String]) {
    let own: Set = [
      "longname", "version", "description", "config_help", "magic_config_key", "preconnect",
      "list_exports", "default_export",
    ]
    #expect(filled(plugin) == Self.always.union(own).union(callbacks))
  }

  @Test(
    "has no field that a plugin can't fill, but those of version 1 and what nbdkit fills itself")
  func complete() {
    let reserved: Set = [
      "_pread_v1", "_pwrite_v1", "_flush_v1", "_trim_v1", "_zero_v1", "errno_is_preserved",
    ]
    let all = Set(Self.fields.values).union(reserved)
    #expect(filled(JournalPlugin<FullConnection>.self) == Set(Self.fields.values))
    // One word a field; errno_is_preserved shares none, for the padding behind it.
    let header = MemoryLayout<nbdkit_plugin>.offset(of: \.name) ?? 0
    #expect(all.count == (fake_plugin_size() - header) / 8)
  }

  @Test("is as large as C says and asks for version 2 of the interface")
  func header() {
    let table = FakeServer(SmallestPlugin.self).table
    #expect(table._struct_size == UInt64(fake_plugin_size()))
    #expect(table._api_version == 2)
  }

  @Test("names the thread model that the plugin chose")
  func threadModel() {
    #expect(
      FakeServer(SmallestPlugin.self).table._thread_model
        == NBDKIT_THREAD_MODEL_SERIALIZE_CONNECTIONS)
    #expect(
      FakeServer(JournalPlugin<FullConnection>.self).table._thread_model
        == NBDKIT_THREAD_MODEL_SERIALIZE_REQUESTS)
    #expect(
      FakeServer(BrokenPlugin.self).table._thread_model
        == NBDKIT_THREAD_MODEL_SERIALIZE_ALL_REQUESTS)
    #expect(FakeServer(ParallelPlugin.self).table._thread_model == NBDKIT_THREAD_MODEL_PARALLEL)
  }

  @Test("keeps its texts after other plugins were registered")
  func texts() throws {
    let table = FakeServer(JournalPlugin<FullConnection>.self).table
    for _ in 0..<100 { _ = FakeServer(SmallestPlugin.self) }
    func text(_ field: UnsafePointer<CChar>?) -> String? { field.map(String.init(cString:)) }
    #expect(text(table.name) == "journal")
    #expect(text(table.longname) == "A plugin that keeps a journal")
    #expect(text(table.version) == "1.2.3")
    #expect(text(table.description) == "Summary: 100%s, naïve")
    #expect(text(table.config_help) == "file=<FILENAME>  What to serve.")
    #expect(text(table.magic_config_key) == "file")
  }

  /// The names of the fields that are not zero, up to the end that C gives the struct: a byte in
  /// between that belongs to no field is named by its offset.
  private func filled(_ plugin: TestPlugin) -> Set<String> {
    let memory = plugin.register()
    let header = MemoryLayout<nbdkit_plugin>.offset(of: \.name) ?? 0
    return Set(
      stride(from: header, to: fake_plugin_size(), by: 8)
        .filter { memory.load(fromByteOffset: $0, as: UInt64.self) != 0 }
        .map { Self.fields[$0] ?? "offset \($0)" })
  }

  private static let fields: [Int: String] = {
    let named: [(PartialKeyPath<nbdkit_plugin>, String)] = [
      (\.name, "name"), (\.longname, "longname"), (\.version, "version"),
      (\.description, "description"), (\.load, "load"), (\.unload, "unload"),
      (\.config, "config"), (\.config_complete, "config_complete"),
      (\.config_help, "config_help"), (\.open, "open"), (\.close, "close"),
      (\.get_size, "get_size"), (\.can_write, "can_write"), (\.can_flush, "can_flush"),
      (\.is_rotational, "is_rotational"), (\.can_trim, "can_trim"),
      (\.dump_plugin, "dump_plugin"), (\.can_zero, "can_zero"), (\.can_fua, "can_fua"),
      (\.pread, "pread"), (\.pwrite, "pwrite"), (\.flush, "flush"), (\.trim, "trim"),
      (\.zero, "zero"), (\.magic_config_key, "magic_config_key"),
      (\.can_multi_conn, "can_multi_conn"), (\.can_extents, "can_extents"),
      (\.extents, "extents"), (\.can_cache, "can_cache"), (\.cache, "cache"),
      (\.thread_model, "thread_model"), (\.can_fast_zero, "can_fast_zero"),
      (\.preconnect, "preconnect"), (\.get_ready, "get_ready"), (\.after_fork, "after_fork"),
      (\.list_exports, "list_exports"), (\.default_export, "default_export"),
      (\.export_description, "export_description"), (\.cleanup, "cleanup"),
      (\.block_size, "block_size"),
    ]
    return Dictionary(
      uniqueKeysWithValues: named.map { (MemoryLayout<nbdkit_plugin>.offset(of: $0) ?? 0, $1) })
  }()
}
