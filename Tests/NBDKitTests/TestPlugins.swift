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
final class JournalPlugin<Connection: JournalConnection>: Plugin, @unchecked Sendable {
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
  func getReady() throws { try Journal.enter(.getReady) }
  func afterFork() throws { try Journal.enter(.afterFork) }
  func preconnect(readOnly: Bool) throws { try Journal.enter(.preconnect, readOnly) }
  func open(readOnly: Bool) throws -> Connection {
    try Journal.enter(.open, readOnly)
    return Connection()
  }
  func cleanup() { Journal.note("cleanup") }
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

  func read(into buffer: inout OutputRawSpan, at offset: UInt64) throws {
    try Journal.enter(.read, buffer.freeCapacity, offset)
    for byte in Self.bytes(offset..<offset + UInt64(buffer.freeCapacity)) { buffer.append(byte) }
  }

  func close() { Journal.note("close") }
}

class WritableConnection: JournalConnection, Writable {
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

/// Everything at once.
final class FullConnection: WritableConnection, Flushable, ForceUnitAccessible, Zeroable,
  Trimmable, ExtentReporting
{
  func flush() throws { try Journal.enter(.flush) }

  func zero(count: UInt32, at offset: UInt64, flags: RequestFlags) throws {
    try Journal.enter(.zero, count, offset, flags.rawValue)
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
}

/// A plugin that can't be made.
final class BrokenPlugin: Plugin {
  static let name = "broken"
  static var threadModel: ThreadModel<BrokenPlugin> { .serializeAllRequests }

  init() throws { throw PluginError(.noMemory, "broken: there is no making this") }

  func open(readOnly: Bool) -> Zeroes { Zeroes() }
}
