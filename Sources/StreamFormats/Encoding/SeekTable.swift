import StreamCore

/// What comes at the end of a zstd stream, so that a reader finds any place in it: the sizes of all
/// frames, in a frame that every decoder skips (zstd's contrib/seekable_format).
struct SeekTable {
  private static let headerSize = 8
  private static let entrySize = 8
  private static let footerSize = 9
  /// The format's limit. A stream of more frames has no table, and is read from its start.
  private static let mostFrames = 0x800_0000

  private let headroom: Int
  private var memory: Memory
  private var frames = 0
  private var isTooLong = false

  /// `nil` if there is no memory.
  init?(headroom: Int) {
    guard let memory = Memory(count: 64 << 10) else { return nil }
    self.headroom = headroom
    self.memory = memory
  }

  private var end: Int { headroom + Self.headerSize + frames * Self.entrySize }

  /// Adds another frame, of `compressed` bytes that decode to `content` bytes.
  mutating func append(compressed: Int, content: UInt64) throws(TransferError) {
    guard frames < Self.mostFrames else {
      isTooLong = true
      return
    }
    if end + Self.entrySize + Self.footerSize > memory.bytes.count {
      guard let larger = Memory(count: memory.bytes.count * 2) else {
        throw noMemory(for: "the seek table")
      }
      larger.bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory.bytes[..<end]))
      memory = larger
    }
    memory.bytes.storeLittleEndian(UInt32(compressed), at: end)
    memory.bytes.storeLittleEndian(UInt32(content), at: end + 4)
    frames += 1
  }

  /// The table, valid as long as this is; empty if there are too many frames.
  func finished() -> UnsafeMutableRawBufferPointer {
    let table = UnsafeMutableRawBufferPointer(rebasing: memory.bytes[headroom...])
    guard !isTooLong else { return UnsafeMutableRawBufferPointer(rebasing: table[..<0]) }
    let size = frames * Self.entrySize + Self.footerSize
    table.storeLittleEndian(0x184D_2A5E as UInt32, at: 0)
    table.storeLittleEndian(UInt32(size), at: 4)
    let footer = Self.headerSize + frames * Self.entrySize
    table.storeLittleEndian(UInt32(frames), at: footer)
    // The table has no checksums of the frames, as they have their own.
    table[footer + 4] = 0
    table.storeLittleEndian(0x8F92_EAB1 as UInt32, at: footer + 5)
    return UnsafeMutableRawBufferPointer(rebasing: table[..<(Self.headerSize + size)])
  }
}
