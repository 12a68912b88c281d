import CNBDKit
import NBDKit
import NBDKitTestKit
import Synchronization
import SystemPackage
import Testing

@Suite("Requests of a client", .exclusiveServer)
struct RequestTests {
  init() { Journal.clear() }

  @Test("reads are filled with the plugin's bytes", arguments: [1, 511, 4096, 65537])
  func read(_ count: Int) throws {
    let client = try open()
    #expect(
      try client.read(count, at: 1000) == FullConnection.bytes(1000..<1000 + UInt64(count)))
    #expect(Journal.calls == ["read \(count) 1000"])
  }

  @Test("writes, zeroes and trims arrive with their bytes, offset and flags")
  func write() throws {
    let client = try open()
    try client.write([1, 2, 3], at: 1 << 62)
    try client.write([4], at: 0, flags: .forceUnitAccess)
    try client.zero(.max, at: 7, flags: [.mayTrim, .forceUnitAccess])
    try client.trim(.max, at: 8, flags: .forceUnitAccess)
    #expect(
      Journal.calls == [
        "write [1, 2, 3] \(1 << 62) 0", "write [4] 0 2", "zero \(UInt32.max) 7 3",
        "trim \(UInt32.max) 8 2",
      ])
  }

  @Test("requests of no bytes do no harm")
  func nothing() throws {
    let client = try open()
    #expect(try client.read(0, at: 5).isEmpty)
    try client.write([], at: 5)
    try client.zero(0, at: 5)
    #expect(Journal.calls == ["read 0 5", "write [] 5 0", "zero 0 5 0"])
  }

  @Test("flags that are not known yet do no harm")
  func unknownFlags() throws {
    let client = try open()
    // All but the one that asks for another call.
    let flags = UInt32.max - UInt32(NBDKIT_FLAG_FAST_ZERO)
    try client.zero(1, at: 0, flags: RequestFlags(rawValue: flags))
    #expect(Journal.calls == ["zero 1 0 \(flags)"])
  }

  @Test("flags have the values of the C header")
  func flags() {
    #expect(RequestFlags.mayTrim.rawValue == UInt32(NBDKIT_FLAG_MAY_TRIM))
    #expect(RequestFlags.forceUnitAccess.rawValue == UInt32(NBDKIT_FLAG_FUA))
    #expect(RequestFlags.requestOne.rawValue == UInt32(NBDKIT_FLAG_REQ_ONE))
    #expect(Extents.Kind.hole.rawValue == UInt32(NBDKIT_EXTENT_HOLE))
    #expect(Extents.Kind.zero.rawValue == UInt32(NBDKIT_EXTENT_ZERO))
    #expect(Extents.Kind.data.rawValue == 0)
  }

  @Test("a connection that honours force unit access is announced as native")
  func forceUnitAccess() throws {
    #expect(try open().forceUnitAccess() == .native)
  }

  @Test("extents arrive from the request's start on")
  func extents() throws {
    let client = try open()
    let data = Extents.Kind.data
    #expect(
      try client.extents(8192, at: 1024) == [
        Extent(1024..<4096, data), Extent(4096..<1 << 20, [.hole, .zero]),
      ])
    _ = try client.extents(512, at: 0, flags: .requestOne)
    #expect(Journal.calls == ["extents 8192 1024 0", "extents 512 0 4"])
  }

  @Test("an error after part of a read was given is that error")
  func failedRead() throws {
    let server = try FakeServer.serving(OddPlugin.self)
    OddConnection.behaviour.withLock { $0 = .init(failing: true) }
    let client = try server.open()
    #expect(throws: Refusal(.noSuchAddressOrDevice, "gone")) { try client.read(8, at: 0) }
  }

  @Test("a read that leaves part of the buffer empty is EIO", arguments: [0, 1, 511])
  func partialRead(_ given: Int) throws {
    OddConnection.behaviour.withLock { $0 = .init(given: given) }
    let client = try FakeServer.serving(OddPlugin.self).open()
    #expect(throws: Refusal(.ioError, "read: \(given) of 512 bytes at 3 were given")) {
      try client.read(512, at: 3)
    }
  }

  @Test(
    "a size that nbdkit can't take is an error",
    arguments: [UInt64(Int64.max) + 1, UInt64.max])
  func oversize(_ size: UInt64) throws {
    OddConnection.behaviour.withLock { $0 = .init(size: size) }
    let client = try FakeServer.serving(OddPlugin.self).open()
    let message = "size: \(size) is more than a disk can have: 2^63 - 1 bytes"
    #expect(throws: Refusal(.overflow, message)) { try client.size() }
  }

  @Test("sizes from 0 to the largest arrive", arguments: [0, 1, UInt64(Int64.max)])
  func size(_ size: UInt64) throws {
    OddConnection.behaviour.withLock { $0 = .init(size: size) }
    let client = try FakeServer.serving(OddPlugin.self).open()
    #expect(try client.size() == Int64(size))
  }

  @Test(
    "extents that make no sense are refused with the server's errno and harm nothing",
    arguments: [
      [512..<1024],
      [0..<512, 1024..<2048],
      [0..<512, 0..<512],
    ] as [[Range<UInt64>]])
  func senselessExtents(_ ranges: [Range<UInt64>]) throws {
    OddConnection.behaviour.withLock { $0 = .init(extents: ranges) }
    let client = try FakeServer.serving(OddPlugin.self).open()
    let last = ranges[ranges.count - 1]
    #expect(
      throws: Refusal(
        .outOfRange, "extents must be ascending and without gaps",
        "extents: \(last) was not accepted by the server")
    ) {
      try client.extents(4096, at: 0)
    }
  }

  @Test("an extent may be as long as numbers go, or empty")
  func extremeExtents() throws {
    OddConnection.behaviour.withLock { $0 = .init(extents: [0..<0, 0..<UInt64.max]) }
    let client = try FakeServer.serving(OddPlugin.self).open()
    #expect(try client.extents(4096, at: 0) == [Extent(0..<UInt64(UInt32.max), .data)])
  }

  private func open() throws -> FakeClient {
    let client = try FakeServer.serving(JournalPlugin<FullConnection>.self).open()
    Journal.clear()
    return client
  }
}

/// A plugin whose answers are not what nbdkit expects.
private final class OddPlugin: Plugin {
  static let name = "odd"
  static var threadModel: ThreadModel<OddPlugin> { .serializeConnections }

  func open(readOnly: Bool) -> OddConnection { OddConnection() }
}

private final class OddConnection: Connection, ExtentReporting {
  struct Behaviour {
    var size: UInt64 = 512
    var given = 1
    var failing = false
    var extents: [Range<UInt64>] = []
  }

  static let behaviour = Mutex(Behaviour())

  private let behaviour = OddConnection.behaviour.withLock { $0 }

  func size() -> UInt64 { behaviour.size }

  func read(into buffer: inout OutputRawSpan, at offset: UInt64) throws {
    buffer.append(repeating: 1, count: behaviour.given, as: UInt8.self)
    if behaviour.failing { throw PluginError(.noSuchAddressOrDevice, "gone") }
  }

  func extents(
    count: UInt32, at offset: UInt64, flags: RequestFlags, into extents: inout Extents
  ) throws {
    for range in behaviour.extents { try extents.add(range, .data) }
  }
}
