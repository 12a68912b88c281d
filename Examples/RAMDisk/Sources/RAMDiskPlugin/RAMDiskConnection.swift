import NBDKit

/// One client of a disk. When a request returns, what it did is done for every other client too, so
/// there is nothing to flush, and a client may use several connections.
final class RAMDiskConnection: Connection, Flushable, ForceUnitAccessible, FastZeroable, Trimmable,
  ExtentReporting, ExportDescribing, Sendable
{
  private let disk: RAMDisk

  init(_ disk: RAMDisk) {
    self.disk = disk
  }

  func size() -> UInt64 { disk.size }
  func allowsMultipleConnections() -> Bool { true }
  func exportDescription() -> String? { "a RAM disk" }

  func read(into buffer: inout OutputRawSpan, at offset: UInt64) {
    disk.read(into: &buffer, at: offset)
  }

  func write(_ bytes: RawSpan, at offset: UInt64, flags: RequestFlags) {
    disk.write(bytes, at: offset)
  }

  func flush() {}

  func zero(count: UInt32, at offset: UInt64, flags: RequestFlags) {
    disk.zero(count: UInt64(count), at: offset)
  }

  func zeroIfFast(count: UInt32, at offset: UInt64, flags: RequestFlags) -> Bool {
    disk.zero(count: UInt64(count), at: offset)
    return true
  }

  func trim(count: UInt32, at offset: UInt64, flags: RequestFlags) {
    disk.zero(count: UInt64(count), at: offset)
  }

  func extents(
    count: UInt32, at offset: UInt64, flags: RequestFlags, into extents: inout Extents
  ) throws {
    for piece in disk.pieces(count: UInt64(count), at: offset) {
      try extents.add(piece.disk, disk.isHole(piece) ? [.hole, .zero] : .data)
      if flags.contains(.requestOne) { return }
    }
  }
}
