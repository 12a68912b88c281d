import NBDKit
import Synchronization
import SystemPackage

/// What nbdkit looks up.
@c(plugin_init)
public func pluginInit() -> UnsafeMutableRawPointer { ProbePlugin.register() }

/// A RAM disk that can do all that NBDKit offers, says in debug lines how its connections end, and
/// fails on request: each request that begins at ``badOffset`` + N fails with errno N, at
/// ``foreignOffset`` with an error of a foreign type. Others before that ask something of the
/// server.
final class ProbePlugin: Plugin, ClientScreening, Sendable {
  static let badOffset = UInt64(ProbeDisk.capacity) - 4096
  static let foreignOffset = badOffset - 1
  static let shutdownOffset = badOffset - 2
  static let disconnectOffset = badOffset - 3
  static let sleepOffset = badOffset - 4

  static let name = "probe"
  static let longName: String? = "nbdkit probe plugin"
  static let version: String? = "1.2.3"
  static let parameterHelp: String? = """
    size=<SIZE>          The disk's size, at most 1M, the default.
    password=<PASSWORD>  Is told in a debug line.
    delay=<TIME>         The same.
    probability=<NUMBER> The same.
    """
  static let magicParameter: String? = "size"
  static let threadModel = ThreadModel<ProbePlugin>.serializeRequests

  private let disk = ProbeDisk()
  private let size = Mutex(UInt64(ProbeDisk.capacity))

  func configure(_ key: String, _ value: String) throws {
    switch key {
    case "size":
      let size = try Server.parseSize(value)
      self.size.withLock { $0 = size }
    case "password":
      Server.debug("probe was given '\(try Server.readPassword(value))'")
    case "delay":
      Server.debug("probe was given \(try Server.parseDelay(value, name: key))")
    case "probability":
      Server.debug("probe was given \(try Server.parseProbability(value, name: key))")
    default:
      throw PluginError(.invalidArgument, "\(key)=\(value): unknown: size= and password= are not")
    }
  }

  func configurationComplete() throws {
    let size = size.withLock { $0 }
    guard size <= ProbeDisk.capacity else {
      throw PluginError(.invalidArgument, "size=\(size): more than 1M")
    }
  }

  func dumpFields() -> [(key: String, value: String)] {
    [("probe_size", "\(size.withLock { $0 })")]
  }

  func preconnect(readOnly: Bool) {
    let user = "\(Server.peerUser ?? .max):\(Server.peerGroup ?? .max)"
    let address = Server.peerAddress ?? .other(family: 0)
    Server.debug("probe met \(user), process \(Server.peerProcess ?? 0), at \(address)")
  }

  func open(readOnly: Bool) throws -> ProbeConnection {
    let isTLS = Server.isTLS == true
    Server.debug("probe opens '\(try Server.exportName())' \(isTLS ? "with" : "without") TLS")
    tellNewer()
    return ProbeConnection(disk, size: size.withLock { $0 })
  }

  /// What only newer servers can tell, or why this one can't.
  private func tellNewer() {
    tell("label") { () throws(PluginError) in try Server.peerSecurityContext() }
    tell("subject") { () throws(PluginError) in try Server.peerTLSName() }
    tell("issuer") { () throws(PluginError) in try Server.peerTLSIssuer() }
    let one: [UInt8] = Array("as it was".utf8)
    let other: [UInt8] = Array("as it is.".utf8)
    tell("dump") { () throws(PluginError) in
      try Server.debugDump(one.span.bytes, at: 0x1000, prefix: "dump: ")
      return "above"
    }
    tell("difference") { () throws(PluginError) in
      try Server.debugDifference(
        one.span.bytes, other.span.bytes, at: 0x2000, prefix: "difference: ")
      return "above"
    }
    Server.debug("probe is served by '\(Server.serverName ?? "?")' at '\(Server.timestamp ?? "?")'")
  }

  private func tell(_ what: String, _ ask: () throws(PluginError) -> String) {
    do throws(PluginError) {
      Server.debug("probe has a \(what): '\(try ask())'")
    } catch {
      Server.debug("probe has no \(what): \(error.message)")
    }
  }

  func cleanup() { Server.debug("end: cleaned up") }

  func unload() { Server.debug("end: unloaded") }
}

/// One client of the disk.
final class ProbeConnection: Connection, Flushable, ForceUnitAccessible, FastZeroable, Trimmable,
  ExtentReporting, Cacheable, BlockSizing, ExportDescribing
{
  private let disk: ProbeDisk
  private let bytes: UInt64

  init(_ disk: ProbeDisk, size: UInt64) {
    self.disk = disk
    bytes = size
  }

  deinit { Server.debug("end: released") }

  func close() { Server.debug("end: closed") }

  func size() -> UInt64 { bytes }

  func read(into buffer: inout OutputRawSpan, at offset: UInt64) throws {
    try check(offset)
    disk.read(into: &buffer, at: Int(offset))
  }

  func write(_ bytes: RawSpan, at offset: UInt64, flags: RequestFlags) throws {
    try check(offset)
    if flags.contains(.forceUnitAccess) { Server.debug("probe saw a forced write") }
    disk.write(bytes, at: Int(offset))
  }

  func flush() { Server.debug("probe flushed") }

  func zero(count: UInt32, at offset: UInt64, flags: RequestFlags) throws {
    try check(offset)
    disk.zero(Int(count), at: Int(offset))
  }

  /// Fast for whole pages.
  func zeroIfFast(count: UInt32, at offset: UInt64, flags: RequestFlags) throws -> Bool {
    guard offset % 4096 == 0, count % 4096 == 0 else { return false }
    try zero(count: count, at: offset, flags: flags)
    return true
  }

  func cache(count: UInt32, at offset: UInt64) {
    Server.debug("probe told to cache \(count) at \(offset)")
  }

  func blockSizes() -> BlockSizes? {
    BlockSizes(minimum: 1, preferred: 4096, maximum: 1 << 20)
  }

  func exportDescription() -> String? { "a probe" }

  func trim(count: UInt32, at offset: UInt64, flags: RequestFlags) throws {
    try check(offset)
    disk.zero(Int(count), at: Int(offset))
  }

  func extents(
    count: UInt32, at offset: UInt64, flags: RequestFlags, into extents: inout Extents
  ) throws {
    try check(offset)
    // From the page before and past the request's end: the server cuts it.
    var page = offset / 4096 * 4096
    var list = try ExtentList(of: page..<bytes)
    while page < offset + UInt64(count) {
      try list.add(page..<page + 4096, disk.isZero(Int(page)) ? [.hole, .zero] : .data)
      page += 4096
    }
    Server.debug("probe tells of \(list.count) extents, from \(list[0].range) on")
    try extents.add(list)
  }

  private func check(_ offset: UInt64) throws {
    struct Foreign: Error {}
    switch offset {
    case ProbePlugin.foreignOffset: throw Foreign()
    case ProbePlugin.shutdownOffset: Server.shutdown()
    case ProbePlugin.disconnectOffset: try Server.disconnect(force: true)
    case ProbePlugin.sleepOffset: try Server.sleep(for: .seconds(600))
    default: break
    }
    guard offset > ProbePlugin.badOffset else { return }
    let errno = Errno(rawValue: Int32(offset - ProbePlugin.badOffset))
    throw PluginError(errno, "probe: \(errno) at \(offset)\nas asked")
  }
}

/// The memory that all clients share.
final class ProbeDisk: Sendable {
  static let capacity = 1 << 20

  private let content = Mutex([UInt8](repeating: 0, count: capacity))

  func read(into buffer: inout OutputRawSpan, at offset: Int) {
    let count = buffer.freeCapacity
    for byte in content.withLock({ Array($0[offset..<offset + count]) }) { buffer.append(byte) }
  }

  func write(_ bytes: RawSpan, at offset: Int) {
    let bytes = bytes.withUnsafeBytes { Array($0) }
    content.withLock { $0.replaceSubrange(offset..<offset + bytes.count, with: bytes) }
  }

  func zero(_ count: Int, at offset: Int) {
    content.withLock {
      $0.replaceSubrange(offset..<offset + count, with: repeatElement(0, count: count))
    }
  }

  func isZero(_ page: Int) -> Bool {
    content.withLock { $0[page..<page + 4096].allSatisfy { $0 == 0 } }
  }
}
