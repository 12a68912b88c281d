import NBDKit
import SystemPackage

/// A plugin that needs nothing it does not have to: it says its name and is read.
final class SmallestPlugin: Plugin {
  static let name = "smallest"
  static var threadModel: ThreadModel<SmallestPlugin> { .serializeConnections }

  func open(readOnly: Bool) -> Zeroes { Zeroes() }
}

final class Zeroes: Connection {
  func size() -> UInt64 { 512 }

  func read(into buffer: inout OutputRawSpan, at offset: UInt64) {
    buffer.append(repeating: 0, count: buffer.freeCapacity, as: UInt8.self)
  }
}

/// A plugin that answers as the ``Journal`` says and enters every call there; what it can do is up
/// to its connection's type.
final class JournalPlugin<ClientConnection: JournalConnection>: Plugin, ClientScreening,
  ExportListing,
  DefaultExportNaming
{
  static var name: String { "journal" }
  static var longName: String? { "A plugin that keeps a journal" }
  static var version: String? { "1.2.3" }
  static var summary: String? { "Summary: 100%s, naïve" }
  static var parameterHelp: String? { "file=<FILENAME>  What to serve." }
  static var magicParameter: String? { "file" }
  static var threadModel: ThreadModel<JournalPlugin> { .serializeRequests }

  func configure(_ key: String, _ value: String) throws {
    try Journal.enter(.configure, key, value)
  }
  func configurationComplete() throws { try Journal.enter(.configurationComplete) }
  func configuredThreadModel() throws -> ThreadModel<JournalPlugin> {
    try Journal.enter(.threadModel)
    return .serializeAllRequests
  }
  func getReady() throws { try Journal.enter(.getReady) }
  func afterFork() throws { try Journal.enter(.afterFork) }
  func preconnect(readOnly: Bool) throws { try Journal.enter(.preconnect, readOnly) }
  func listExports(readOnly: Bool, isTLS: Bool, into exports: inout Exports) throws {
    try Journal.enter(.listExports, readOnly, isTLS)
    try exports.add("one", description: "the first")
    try exports.add("größe")
    try exports.addDefault()
  }
  func defaultExport(readOnly: Bool, isTLS: Bool) throws -> String? {
    try Journal.text("default \(readOnly) \(isTLS)")
  }
  func open(readOnly: Bool) throws -> ClientConnection {
    try Journal.enter(.open, readOnly)
    return ClientConnection()
  }
  func cleanup() { Journal.note("cleanup") }
  func unload() { Journal.note("unload") }
}

/// A connection that can be read; the ones below can do one thing more each.
class JournalConnection: Connection {
  /// What it serves: every byte is its offset's lowest.
  static func bytes(_ range: Range<UInt64>) -> [UInt8] {
    range.map { UInt8(truncatingIfNeeded: $0) }
  }

  required init() {}
  deinit { Journal.note("released") }

  func size() throws -> UInt64 {
    try Journal.enter(.size)
    return 1 << 20
  }

  func isRotational() throws -> Bool {
    try Journal.enter(.isRotational)
    return true
  }

  func allowsMultipleConnections() throws -> Bool {
    try Journal.enter(.multipleConnections)
    return true
  }

  func read(into buffer: inout OutputRawSpan, at offset: UInt64) throws {
    try Journal.enter(.read, buffer.freeCapacity, offset)
    for byte in Self.bytes(offset..<offset + UInt64(buffer.freeCapacity)) { buffer.append(byte) }
  }

  func close() { Journal.note("close") }
}

class WritableConnection: JournalConnection, Writable {
  func canWrite() throws -> Bool {
    try Journal.enter(.canWrite)
    return true
  }

  func write(_ bytes: RawSpan, at offset: UInt64, flags: RequestFlags) throws {
    let content = bytes.withUnsafeBytes { Array($0) }
    try Journal.enter(.write, content, offset, flags.rawValue)
  }
}

final class FlushableConnection: JournalConnection, Flushable {
  func flush() throws { try Journal.enter(.flush) }
}

final class ForceUnitAccessConnection: WritableConnection, ForceUnitAccessible {}

final class ZeroableConnection: WritableConnection, Zeroable {
  func zero(count: UInt32, at offset: UInt64, flags: RequestFlags) throws {
    try Journal.enter(.zero, count, offset, flags.rawValue)
  }
}

final class TrimmableConnection: WritableConnection, Trimmable {
  func trim(count: UInt32, at offset: UInt64, flags: RequestFlags) throws {
    try Journal.enter(.trim, count, offset, flags.rawValue)
  }
}

final class ExtentConnection: JournalConnection, ExtentReporting {
  func extents(
    count: UInt32, at offset: UInt64, flags: RequestFlags, into extents: inout Extents
  ) throws {
    try Journal.enter(.extents, count, offset, flags.rawValue)
    try extents.add(0..<4096, .data)
    try extents.add(4096..<1 << 20, [.hole, .zero])
  }
}

class CachingConnection: JournalConnection, Cacheable {
  func caching() throws -> Caching {
    try Journal.enter(.caching)
    return .native
  }

  func cache(count: UInt32, at offset: UInt64) throws {
    try Journal.enter(.cache, count, offset)
  }
}

final class BlockSizeConnection: JournalConnection, BlockSizing {
  func blockSizes() -> BlockSizes? { nil }
}

final class DescribedConnection: JournalConnection, ExportDescribing {
  func exportDescription() -> String? { nil }
}

final class FastZeroConnection: WritableConnection, FastZeroable {
  func zero(count: UInt32, at offset: UInt64, flags: RequestFlags) {}
  func zeroIfFast(count: UInt32, at offset: UInt64, flags: RequestFlags) -> Bool { false }
}

/// Everything at once.
final class FullConnection: WritableConnection, Flushable, ForceUnitAccessible, FastZeroable,
  Trimmable, ExtentReporting, Cacheable, BlockSizing, ExportDescribing
{
  func canFlush() throws -> Bool { try yes(.canFlush) }
  func canZero() throws -> Bool { try yes(.canZero) }
  func canFastZero() throws -> Bool { try yes(.canFastZero) }
  func canTrim() throws -> Bool { try yes(.canTrim) }
  func canReportExtents() throws -> Bool { try yes(.canReportExtents) }

  private func yes(_ callback: Callback) throws -> Bool {
    try Journal.enter(callback)
    return true
  }

  func forceUnitAccess() throws -> ForceUnitAccess {
    try Journal.enter(.forceUnitAccess)
    return .native
  }

  func caching() throws -> Caching {
    try Journal.enter(.caching)
    return .native
  }

  func blockSizes() throws -> BlockSizes? {
    try Journal.enter(.blockSizes)
    return BlockSizes(minimum: 512, preferred: 4096, maximum: 1 << 20)
  }

  func exportDescription() throws -> String? { try Journal.text("größe 🙂") }

  func flush() throws { try Journal.enter(.flush) }

  func zero(count: UInt32, at offset: UInt64, flags: RequestFlags) throws {
    try Journal.enter(.zero, count, offset, flags.rawValue)
  }

  /// Fast at even offsets.
  func zeroIfFast(count: UInt32, at offset: UInt64, flags: RequestFlags) throws -> Bool {
    try Journal.enter(.zeroIfFast, count, offset, flags.rawValue)
    return offset % 2 == 0
  }

  func trim(count: UInt32, at offset: UInt64, flags: RequestFlags) throws {
    try Journal.enter(.trim, count, offset, flags.rawValue)
  }

  func extents(
    count: UInt32, at offset: UInt64, flags: RequestFlags, into extents: inout Extents
  ) throws {
    try Journal.enter(.extents, count, offset, flags.rawValue)
    try extents.add(0..<4096, .data)
    try extents.add(4096..<1 << 20, [.hole, .zero])
  }

  func cache(count: UInt32, at offset: UInt64) throws {
    try Journal.enter(.cache, count, offset)
  }
}

/// A plugin that can't be made.
final class BrokenPlugin: Plugin {
  static let name = "broken"
  static var threadModel: ThreadModel<BrokenPlugin> { .serializeAllRequests }

  init() throws { throw PluginError(.noMemory, "broken: there is no making this") }

  func open(readOnly: Bool) -> Zeroes { Zeroes() }
}

/// Requests of one client at the same time: the compiler lets only what is `Sendable` ask for it.
final class ParallelPlugin: Plugin, Sendable {
  static let name = "parallel"
  static let threadModel = ThreadModel<ParallelPlugin>.parallel

  func open(readOnly: Bool) -> ConstantConnection { ConstantConnection() }
}

final class ConstantConnection: Connection, Sendable {
  func size() -> UInt64 { 512 }

  func read(into buffer: inout OutputRawSpan, at offset: UInt64) {
    buffer.append(repeating: 7, count: buffer.freeCapacity, as: UInt8.self)
  }
}
