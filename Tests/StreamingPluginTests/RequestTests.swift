import NBDKit
import NBDKitTestKit
import SystemPackage
import TestSupport
import Testing

@Suite("What a client asks for becomes the stream", .exclusiveServer, .timeLimit(.minutes(10)))
struct RequestTests {
  private let served: Served
  private let reader: Reader
  private let client: FakeClient

  init() throws {
    served = try Served()
    reader = try served.reader()
    client = try served.server.open()
  }

  /// All that the reader got, once the client has left and the server has stopped.
  private func stream() throws -> [UInt8] {
    client.close()
    served.end()
    return try reader.bytes()
  }

  private func zeroes(_ count: Int) -> [UInt8] {
    [UInt8](repeating: 0, count: count)
  }

  @Test("Writes in order arrive as they are, of whatever sizes")
  func ascending() throws {
    let bytes = pattern(300_000)
    var offset = 0
    for size in [512, 3584, 1, 4095, 65_537, 200_000, 26_271] {
      try client.write(Array(bytes[offset..<offset + size]), at: UInt64(offset))
      offset += size
    }
    expectSame(try stream(), bytes)
    #expect(FakeServer.errors == [])
  }

  @Test("What is skipped or zeroed is zeroes, and counted as that")
  func zeroed() throws {
    try client.write(pattern(10_000), at: 0)
    try client.zero(5000, at: 10_000)
    try client.write(pattern(10_000), at: 20_000)
    expectSame(
      try stream(), pattern(10_000) + zeroes(10_000) + pattern(10_000))
    let report = try served.report()
    #expect(report.bytes == 30_000)
    #expect(report.zeroBytes == 10_000)
  }

  @Test("A client that initialises the disk may begin again")
  func head() throws {
    try client.zero(512, at: 0)
    try client.flush()
    client.close()
    let second = try served.server.open()
    try second.write(pattern(8192), at: 0)
    second.close()
    served.end()
    expectSame(try reader.bytes(), pattern(8192))
    #expect(FakeServer.errors == [])
  }

  @Test("A trim is advice: it sends nothing and settles nothing")
  func trim() throws {
    try client.trim(100_000, at: 0)
    try client.write(pattern(10_000), at: 0)
    try client.trim(10_000, at: 0)
    expectSame(try stream(), pattern(10_000))
  }

  @Test("A forced write is native, so it settles nothing")
  func forcedWrite() throws {
    #expect(try client.forceUnitAccess() == .native)
    try client.write(pattern(512), at: 0, flags: .forceUnitAccess)
    try client.write(pattern(8192), at: 0, flags: .forceUnitAccess)
    expectSame(try stream(), pattern(8192))
  }

  @Test("Reads give what is not sent yet, and zeroes where nothing was written")
  func reads() throws {
    try client.write(pattern(512), at: 512)
    #expect(try client.read(1024, at: 0) == zeroes(512) + pattern(512))
    try client.write(pattern(10_000), at: 0)
    #expect(try client.read(4096, at: 10_000) == zeroes(4096))
    #expect(try client.read(512, at: 1 << 62) == zeroes(512))
    expectSame(try stream(), pattern(10_000))
  }

  @Test("A read of what was sent is refused, and harms nothing")
  func readOfSent() throws {
    try client.write(pattern(10_000), at: 0)
    let refusal = Refusal(
      .ioError,
      "read of 512 bytes at offset 9999: below the stream's position 10000, "
        + "sent already and no longer kept: at least rewind=1k is needed for that")
    #expect(throws: refusal) { try client.read(512, at: 9999) }
    try client.write(pattern(10), at: 10_000)
    #expect(throws: Never.self) { try served.server.open().close() }
    expectSame(try stream(), pattern(10_000) + pattern(10))
  }

  @Test("Extents are data where it was sent, data or zeroes where it is held, and else a hole")
  func extents() throws {
    let hole: Extents.Kind = [.hole, .zero]
    try client.write(pattern(512), at: 512)
    try client.zero(1024, at: 2048)
    #expect(
      try client.extents(4096, at: 0) == [
        Extent(0..<512, hole), Extent(512..<1024, .data), Extent(1024..<2048, hole),
        Extent(2048..<3072, .zero), Extent(3072..<4096, hole),
      ])
    try client.write(pattern(10_000), at: 0)
    #expect(
      try client.extents(10_000, at: 5000) == [
        Extent(5000..<10_000, .data), Extent(10_000..<15_000, hole),
      ])
    #expect(
      try client.extents(10_000, at: 5000, flags: .requestOne) == [Extent(5000..<10_000, .data)])
    _ = try stream()
  }

  @Test("The disk is as large as qemu takes, if nothing else was asked for")
  func size() throws {
    #expect(try client.size() == Int64.max - (1 << 30) + 1)
    _ = try stream()
  }
}
