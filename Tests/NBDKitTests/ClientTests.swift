import NBDKit
import NBDKitTestKit
import Synchronization
import SystemPackage
import Testing

@Suite("What a client is told and may ask for", .exclusiveServer)
struct ClientTests {
  init() { Journal.clear() }

  @Test("exports are listed in the plugin's order, the default one by its name")
  func exports() throws {
    let server = try FakeServer.serving(JournalPlugin<FullConnection>.self)
    #expect(
      try server.exports(readOnly: true, isTLS: true) == [
        Export("one", "the first"), Export("größe"), Export("default true true"),
      ])
    #expect(server.defaultExport(isTLS: true) == "default false true")
    #expect(Journal.calls.last == "listExports true true")
  }

  @Test("an export that the server does not take is an error")
  func badExport() throws {
    let server = try FakeServer.serving(NamesPlugin.self)
    let long = String(repeating: "x", count: 4097)
    NamesPlugin.names.withLock { $0 = [long] }
    let message = "export '\(long)' was not accepted by the server"
    #expect(
      throws: Refusal(.invalidArgument, "export name or description too long", message)
    ) {
      try server.exports()
    }
    NamesPlugin.names.withLock { $0 = ["a\0b"] }
    #expect(throws: Refusal(.invalidArgument, "export 'a?b': has a zero byte in it")) {
      try server.exports()
    }
    #expect(server.defaultExport() == nil)
  }

  @Test("the export that a client asked for is known to its connection, and to no other")
  func exportName() throws {
    let server = try FakeServer.serving(NamesPlugin.self)
    let one = try server.open(export: "größe", isTLS: true)
    let two = try server.open(export: "")
    #expect(one.exportDescription() == "größe true")
    #expect(two.exportDescription() == " false")
    #expect(Server.isTLS == nil)
    #expect(throws: PluginError(.invalidArgument, "no client has named an export")) {
      try Server.exportName()
    }
  }

  @Test("an export that is not UTF-8 is refused, not repaired")
  func exportOfOtherBytes() throws {
    let server = try FakeServer.serving(NamesPlugin.self)
    #expect(throws: Refusal(.invalidArgument, "export 'a\u{FFFD}b': not UTF-8")) {
      try server.open(exportBytes: [0x61, 0xFF, 0x62])
    }
  }

  @Test("everything a connection can do is told")
  func everything() throws {
    let client = try FakeServer.serving(JournalPlugin<FullConnection>.self).open()
    for answer in [
      try client.isRotational(), try client.allowsMultipleConnections(), try client.canWrite(),
      try client.canFlush(), try client.canZero(), try client.canFastZero(), try client.canTrim(),
      try client.canReportExtents(),
    ] { #expect(answer) }
    #expect(try client.forceUnitAccess() == .native)
    #expect(try client.caching() == .native)
    #expect(
      try client.blockSizes()
        == BlockSizes(minimum: 512, preferred: 4096, maximum: 1 << 20))
    #expect(client.exportDescription() == "größe 🙂")
  }

  @Test("a connection may be able to do less than its type")
  func less() throws {
    let client = try FakeServer.serving(WithheldPlugin.self).open()
    #expect(try !client.canWrite())
    #expect(try !client.canFlush())
    #expect(try !client.canZero())
    #expect(try !client.canTrim())
    #expect(try !client.canReportExtents())
    #expect(try client.caching() == .emulated)
    #expect(try client.blockSizes() == nil)
    #expect(client.exportDescription() == nil)
    #expect(try client.forceUnitAccess() == .emulated)
  }

  @Test("force unit access by flushing is not offered where there is nothing to flush with")
  func flushless() throws {
    let client = try FakeServer.serving(FlushlessPlugin.self).open()
    #expect(try client.forceUnitAccess() == .unavailable)
  }

  @Test("a zero that must be fast and is not is refused with ENOTSUP and no line")
  func fastZero() throws {
    let client = try FakeServer.serving(JournalPlugin<FullConnection>.self).open()
    Journal.clear()
    try client.zero(7, at: 2, flags: [.mayTrim, .forceUnitAccess], fast: true)
    #expect(throws: Refusal(.notSupported)) { try client.zero(7, at: 3, fast: true) }
    #expect(Journal.calls == ["zeroIfFast 7 2 3", "zeroIfFast 7 3 0"])
    let slow = try FakeServer.serving(JournalPlugin<ZeroableConnection>.self).open()
    #expect(throws: Refusal(.notSupported)) { try slow.zero(7, at: 2, fast: true) }
  }

  @Test("every plugin that zeroes offers fast zeroes: nbdkit aborts on one that was not offered")
  func fastZeroIsOffered() throws {
    let slow = try FakeServer.serving(JournalPlugin<ZeroableConnection>.self).open()
    #expect(try slow.canFastZero())
    let withheld = try FakeServer.serving(WithheldPlugin.self).open()
    #expect(try withheld.canFastZero())
    #expect(throws: Refusal(.notSupported)) { try withheld.zero(8, at: 2, fast: true) }
    #expect(FakeServer.errors.isEmpty)
  }

  @Test("advice to cache arrives, and is refused with flags that are not known yet")
  func cache() throws {
    let client = try FakeServer.serving(JournalPlugin<FullConnection>.self).open()
    Journal.clear()
    try client.cache(.max, at: 9)
    #expect(Journal.calls == ["cache \(UInt32.max) 9"])
    #expect(throws: Refusal(.invalidArgument, "cache: flags 1 are not known")) {
      try client.cache(1, at: 0, flags: .mayTrim)
    }
  }

  @Test("requests of one client may run at the same time in a plugin that is made for it")
  func parallel() async throws {
    let client = try FakeServer.serving(ParallelPlugin.self).open()
    try await withThrowingTaskGroup { group in
      for _ in 0..<8 {
        group.addTask {
          for _ in 0..<100 {
            let bytes = try client.read(3, at: 0)
            #expect(bytes == [7, 7, 7])
          }
        }
      }
      try await group.waitForAll()
    }
  }

  @Test("a plugin that does not screen clients accepts them all")
  func noScreening() throws {
    try FakeServer.serving(ParallelPlugin.self).preconnect()
  }
}

/// Serves an export of any name; lists those that a test gives.
private final class NamesPlugin: Plugin, ExportListing, DefaultExportNaming {
  static let name = "names"
  static var threadModel: ThreadModel<NamesPlugin> { .serializeConnections }
  static let names = Mutex<[String]>([])

  func listExports(readOnly: Bool, isTLS: Bool, into exports: inout Exports) throws {
    for name in Self.names.withLock({ $0 }) { try exports.add(name) }
  }

  func defaultExport(readOnly: Bool, isTLS: Bool) -> String? {
    Self.names.withLock { $0.first }
  }

  func open(readOnly: Bool) throws -> NameConnection { NameConnection(try Server.exportName()) }
}

private final class NameConnection: Connection, ExportDescribing {
  private let name: String

  init(_ name: String) { self.name = name }

  func size() -> UInt64 { 0 }
  func read(into buffer: inout OutputRawSpan, at offset: UInt64) {}

  func exportDescription() throws -> String? {
    let now = try Server.exportName()
    #expect(now == name)
    return "\(now) \(Server.isTLS ?? false)"
  }
}

/// A plugin whose connections could do everything and are allowed nothing.
private final class WithheldPlugin: Plugin {
  static let name = "withheld"
  static var threadModel: ThreadModel<WithheldPlugin> { .serializeConnections }

  func open(readOnly: Bool) -> WithheldConnection { WithheldConnection() }
}

private final class WithheldConnection: Connection, Flushable, ForceUnitAccessible, Zeroable,
  Trimmable, ExtentReporting, Cacheable, BlockSizing, ExportDescribing
{
  func size() -> UInt64 { 0 }
  func canWrite() -> Bool { false }
  func canFlush() -> Bool { false }
  func canZero() -> Bool { false }
  func canTrim() -> Bool { false }
  func canReportExtents() -> Bool { false }
  func caching() -> Caching { .emulated }
  func forceUnitAccess() -> ForceUnitAccess { .emulated }
  func blockSizes() -> BlockSizes? { nil }
  func exportDescription() -> String? { nil }
  func read(into buffer: inout OutputRawSpan, at offset: UInt64) {}
  func write(_ bytes: RawSpan, at offset: UInt64, flags: RequestFlags) {}
  func flush() {}
  func zero(count: UInt32, at offset: UInt64, flags: RequestFlags) {}
  func trim(count: UInt32, at offset: UInt64, flags: RequestFlags) {}
  func extents(
    count: UInt32, at offset: UInt64, flags: RequestFlags, into extents: inout Extents
  ) {}
}

private final class FlushlessPlugin: Plugin {
  static let name = "flushless"
  static var threadModel: ThreadModel<FlushlessPlugin> { .serializeConnections }

  func open(readOnly: Bool) -> FlushlessConnection { FlushlessConnection() }
}

private final class FlushlessConnection: Connection, ForceUnitAccessible {
  func size() -> UInt64 { 0 }
  func forceUnitAccess() -> ForceUnitAccess { .emulated }
  func read(into buffer: inout OutputRawSpan, at offset: UInt64) {}
  func write(_ bytes: RawSpan, at offset: UInt64, flags: RequestFlags) {}
}
