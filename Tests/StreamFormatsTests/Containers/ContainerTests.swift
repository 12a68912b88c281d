import StreamCore
import Testing

@testable import StreamFormats

@Suite("Containers") struct ContainerTests {
  private static let plain: [DiskFormat] = [.vhd, .tar]
  private static let records: [DiskFormat] = [.rbdDiff, .rbdImage]

  @Test(
    "a size that a format can't have names the next one",
    arguments: [
      (DiskFormat.raw, 1, 1), (.vhd, 1 << 20, 1 << 20), (.vhd, 1, 1 << 20),
      (.tar, (1 << 30) + 1, 2 << 30), (.vmdk, 65_537, 131_072), (.rbdDiff, 511, 511),
    ] as [(DiskFormat, UInt64, UInt64)])
  func nextSize(_ format: DiskFormat, _ size: UInt64, _ next: UInt64) {
    #expect(format.nextSize(from: size) == next)
  }

  @Test("a size that a format can never have has no next one", arguments: [DiskFormat.vhd, .vmdk])
  func noNextSize(_ format: DiskFormat) {
    #expect(format.nextSize(from: (64 << 40) + 1) == nil)
    #expect(format.nextSize(from: .max) == nil)
  }

  @Test("the largest disk of all fits a tar archive", arguments: [(1 << 63) - (1 << 30)])
  func largest(_ size: UInt64) {
    #expect(Tar.header(size: size).count == 512)
    #expect(Tar.trailer(size: size).count >= 1024)
  }

  @Test(
    "a tar archive is whole records of 10,240 bytes", arguments: [0, 1, 511, 512, 8704, 1 << 20])
  func tarRecords(_ size: UInt64) {
    #expect((512 + size + UInt64(Tar.trailer(size: size).count)) % 10_240 == 0)
  }

  @Test("a VHD's footer has the checksum and the geometry of the specification")
  func footer() {
    let footer = VHDFooter(
      size: 64 << 20, seconds: 946_684_801, identity: [UInt8](repeating: 7, count: 16)
    ).bytes
    #expect(footer.count == 512)
    #expect(footer[24..<28] == [0, 0, 0, 1])
    // 963 cylinders, 8 heads, 17 sectors.
    #expect(footer[56..<60] == [0x03, 0xC3, 8, 17])
    let sum = footer.enumerated().reduce(UInt32(0)) {
      64..<68 ~= $1.offset ? $0 : $0 + UInt32($1.element)
    }
    #expect(footer[64..<68].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } == ~sum)
  }

  @Test("plain containers have the disk's bytes between header and trailer", arguments: plain)
  func plainBytes(_ format: DiskFormat) throws {
    for seed in 0..<20 {
      let disk = RandomDisk(seed: seed)
      let output = try disk.through(format)
      let header = format == .tar ? 512 : 0
      #expect(Array(output[header..<header + disk.bytes.count]) == disk.bytes)
    }
  }

  @Test("records put each byte in its place, whatever interrupts them", arguments: records)
  func recordBytes(_ format: DiskFormat) throws {
    for seed in 0..<200 {
      let disk = RandomDisk(seed: seed)
      let output = try disk.through(format, interrupted: seed % 2 == 1)
      #expect(try RBDReader.read(output, format) == disk.bytes)
    }
  }

  @Test("no container has an end before it is finished", arguments: plain + records)
  func noEndBefore(_ format: DiskFormat) throws {
    let disk = RandomDisk(seed: 1)
    let whole = try disk.through(format)
    let cut = try disk.through(format, finishing: false)
    #expect(cut.count < whole.count)
    #expect(Array(whole.prefix(cut.count)) == cut)
    if Self.records.contains(format) {
      let borders = try RBDReader.borders(whole, format)
      #expect(borders.count > 3)
      let anywhere = (0..<40).map { _ in Int.random(in: 0..<whole.count) }
      for count in [cut.count, cut.count - 1, whole.count - 1, 20] + borders + anywhere {
        #expect(throws: RBDReader.Cut.self) {
          _ = try RBDReader.read(Array(whole.prefix(count)), format)
        }
      }
    }
  }

  @Test("no more of the disk counts as delivered than its reader has", arguments: plain + records)
  func delivered(_ format: DiskFormat) throws {
    let disk = RandomDisk(seed: 5)
    var sink = ContainerSink(try disk.container(format), before: OutputSink())
    var position: UInt64 = 0
    try disk.send(to: &sink, at: &position, interrupted: false)
    #expect(sink.delivered(unread: 0, of: position) == position)
    var last = position
    for unread in 0...sink.outputOffset {
      let now = sink.delivered(unread: unread, of: position)
      #expect(now <= last && last - now <= UInt64(disk.bytes.count))
      last = now
    }
    #expect(last == 0)
  }

  @Test("a record of data has at most 4 MiB")
  func recordSize() throws {
    let bytes = [UInt8](repeating: 1, count: 9 << 20)
    var sink = ContainerSink(
      Container(.rbdDiff, size: UInt64(bytes.count), seconds: 0, identity: []),
      before: OutputSink())
    var position: UInt64 = 0
    try sink.send(bytes.span.bytes, advancing: &position)
    try sink.finish()
    #expect(try RBDReader.lengths(sink.next.bytes) == [4 << 20, 4 << 20, 1 << 20])
  }
}
