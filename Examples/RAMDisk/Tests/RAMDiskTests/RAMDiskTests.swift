import NBDKitTestKit
import SystemPackage
import Testing

@testable import RAMDiskPlugin

@Suite("A RAM disk", .exclusiveServer)
struct RAMDiskTests {
  private static let chunk = RAMDisk.chunkSize

  @Test(
    "gives back what was written, over the borders of chunks too",
    arguments: [(0, 1), (chunk - 1, 2), (3, 3 * Int(chunk)), (1 << 62, 4096)] as [(UInt64, Int)])
  func roundTrip(_ offset: UInt64, count: Int) throws {
    let client = try serve("6E")
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 167 + 1) }
    #expect(try client.read(count, at: offset).allSatisfy { $0 == 0 })
    try client.write(bytes, at: offset)
    #expect(try client.read(count, at: offset) == bytes)
  }

  @Test("forgets what is zeroed or trimmed, and nothing beside it")
  func zero() throws {
    let client = try serve("1M")
    try client.write([UInt8](repeating: 7, count: 1 << 20), at: 0)
    try client.zero(UInt32(2 * Self.chunk), at: 100)
    try client.trim(50, at: 3 * Self.chunk)
    try client.zero(50, at: 5 * Self.chunk, fast: true)
    let zeroed = [
      100..<2 * Self.chunk + 100, 3 * Self.chunk..<3 * Self.chunk + 50,
      5 * Self.chunk..<5 * Self.chunk + 50,
    ]
    for (index, byte) in try client.read(1 << 20, at: 0).enumerated() {
      let isZero = zeroed.contains { $0.contains(UInt64(index)) }
      if byte != (isZero ? 0 : 7) { Issue.record("\(byte) at \(index)") }
    }
  }

  @Test("tells data from holes")
  func extents() throws {
    let client = try serve("1M")
    try client.write([1], at: Self.chunk + 5)
    #expect(
      try client.extents(UInt32(3 * Self.chunk), at: 10) == [
        Extent(10..<Self.chunk, [.hole, .zero]), Extent(Self.chunk..<2 * Self.chunk, .data),
        Extent(2 * Self.chunk..<3 * Self.chunk, [.hole, .zero]),
        Extent(3 * Self.chunk..<3 * Self.chunk + 10, [.hole, .zero]),
      ])
    #expect(try client.extents(1 << 20, at: 0, flags: .requestOne).count == 1)
  }

  @Test("is one of several, and what is written to one is not on another")
  func exports() throws {
    let server = try FakeServer.serving(
      RAMDiskPlugin.self, ["size": "1M", "export": "one", "export": "two"])
    #expect(
      try server.exports() == [Export("one", "a RAM disk"), Export("two", "a RAM disk")])
    #expect(server.defaultExport() == "one")
    try server.open(export: "one").write([1], at: 0)
    #expect(try server.open(export: "one").read(1, at: 0) == [1])
    #expect(try server.open(export: "two").read(1, at: 0) == [0])
    #expect(
      throws: Refusal(.noSuchFileOrDirectory, "export 'three': there is none of that name")
    ) {
      try server.open(export: "three")
    }
  }

  @Test("refuses parameters that make no sense")
  func parameters() {
    #expect(throws: Refusal(.invalidArgument, "size= is missing: how large is a disk?")) {
      try FakeServer.serving(RAMDiskPlugin.self)
    }
    #expect(throws: Refusal(.invalidArgument, "export=a: given twice")) {
      try FakeServer.serving(RAMDiskPlugin.self, ["export": "a", "export": "a"])
    }
    #expect(throws: Refusal(.invalidArgument, "foo=1: neither size= nor export=")) {
      try FakeServer.serving(RAMDiskPlugin.self, ["foo": "1"])
    }
  }

  @Test("serves many requests of many clients at the same time, each as if it were alone")
  func parallel() async throws {
    let server = try FakeServer.serving(RAMDiskPlugin.self, ["size": "16M"])
    let shared = try server.open(export: "disk")
    try await withThrowingTaskGroup { group in
      for worker in 0..<8 as Range<UInt64> {
        group.addTask {
          // Every worker has some bytes of its own in the same chunks.
          let own = try server.open(export: "disk")
          for round in 0..<200 as Range<UInt64> {
            let client = round % 2 == 0 ? own : shared
            let offset = round % 20 * Self.chunk + worker * 1000
            let bytes = [UInt8](repeating: UInt8(1 + worker + round % 100), count: 1000)
            try client.write(bytes, at: offset)
            let back = try client.read(1000, at: offset)
            #expect(back == bytes)
            if round % 3 == 0 { try client.zero(1000, at: offset) }
            // Whole chunks that nobody else writes to.
            try client.write([1], at: (30 + worker) * Self.chunk)
            try client.trim(UInt32(Self.chunk), at: (30 + worker) * Self.chunk)
            _ = try client.extents(16 << 20, at: 0)
          }
          own.close()
        }
      }
      try await group.waitForAll()
    }
    server.cleanup()
  }

  private func serve(_ size: String) throws -> FakeClient {
    try FakeServer.serving(RAMDiskPlugin.self, ["size": size]).open(export: "disk")
  }
}
