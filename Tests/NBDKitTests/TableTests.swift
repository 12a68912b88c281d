import CFakeNBDKit
import CNBDKit
import FakeServer
import NBDKit
import Testing

typealias TestPlugin = any (Plugin & SendableMetatype).Type

/// The table that `plugin_init` returns, looked at as nbdkit does: by its bytes.
@Suite("The table given to nbdkit", .exclusiveServer)
struct TableTests {
  /// In every plugin, whatever it can do.
  static let always: Set = [
    "name", "load", "unload", "dump_plugin", "config", "config_complete", "get_ready",
    "after_fork", "cleanup", "preconnect", "open", "close", "get_size", "pread",
  ]

  @Test("holds what every plugin needs and nothing else for the smallest plugin")
  func smallest() {
    #expect(filled(SmallestPlugin.self) == Self.always)
  }

  @Test(
    "holds exactly one callback more for each capability",
    arguments: [
      (JournalPlugin<JournalConnection>.self, []),
      (JournalPlugin<WritableConnection>.self, ["pwrite"]),
      (JournalPlugin<FlushableConnection>.self, ["flush"]),
      (JournalPlugin<ForceUnitAccessConnection>.self, ["pwrite", "can_fua"]),
      (JournalPlugin<ZeroableConnection>.self, ["pwrite", "zero"]),
      (JournalPlugin<TrimmableConnection>.self, ["pwrite", "trim"]),
      (JournalPlugin<ExtentConnection>.self, ["extents"]),
      (
        JournalPlugin<FullConnection>.self,
        ["pwrite", "flush", "can_fua", "zero", "trim", "extents"]
      ),
    ] as [(TestPlugin, [String])])
  func capabilities(_ plugin: TestPlugin, callbacks: [String]) {
    let texts: Set = ["longname", "version", "description", "config_help", "magic_config_key"]
    #expect(filled(plugin) == Self.always.union(texts).union(callbacks))
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
      (\.get_size, "get_size"), (\.dump_plugin, "dump_plugin"), (\.can_fua, "can_fua"),
      (\.pread, "pread"), (\.pwrite, "pwrite"), (\.flush, "flush"), (\.trim, "trim"),
      (\.zero, "zero"), (\.magic_config_key, "magic_config_key"), (\.extents, "extents"),
      (\.preconnect, "preconnect"), (\.get_ready, "get_ready"), (\.after_fork, "after_fork"),
      (\.cleanup, "cleanup"),
    ]
    return Dictionary(
      uniqueKeysWithValues: named.map { (MemoryLayout<nbdkit_plugin>.offset(of: $0) ?? 0, $1) })
  }()
}
