/// Ready-made zstd frames of zeroes: blocks that say "this byte, so many times", 4 bytes for each
/// 128 KiB.
///
/// The layout is that of RFC 8878, 3.1.1: the magic number; a header that tells of a content size
/// in 4 bytes, a checksum and a window of 128 KiB; blocks; the checksum.
struct ZstdZeroes {
  /// A frame is cut here. Its blocks then fill a page.
  static let longest: UInt64 = 128 << 20
  private static let blockSize = ZeroHash.step
  private static let mostBlocks = Int(longest / blockSize)

  private let headroom: Int
  private let memory: Memory
  private var hash: ZeroHash
  /// The block whose header is that of a last one, or what follows it, as it was made for a frame.
  private var spoilt = 0

  /// `nil` if there is no memory.
  init?(headroom: Int) {
    let size = headroom + ZstdFrame.headerSize + 4 * Self.mostBlocks + ZstdFrame.checksumSize
    guard let memory = Memory(count: size), let hash = ZeroHash(longest: Self.longest) else {
      return nil
    }
    self.headroom = headroom
    self.memory = memory
    self.hash = hash
    for block in 0..<Self.mostBlocks { write(block: block, size: Self.blockSize, isLast: false) }
  }

  /// The frame of `count` zeroes, 1 up to ``longest``. Valid until the next call.
  mutating func frame(_ count: UInt64) -> UnsafeMutableRawBufferPointer {
    for block in spoilt..<min(spoilt + 2, Self.mostBlocks) {
      write(block: block, size: Self.blockSize, isLast: false)
    }
    let last = Int((count - 1) / Self.blockSize)
    let frame = UnsafeMutableRawBufferPointer(rebasing: memory.bytes[headroom...])
    ZstdFrame.writeHeader(to: frame, contentSize: UInt32(count), windowLog: 17)
    write(block: last, size: count - UInt64(last) * Self.blockSize, isLast: true)
    spoilt = last
    let checksum = ZstdFrame.headerSize + 4 * (last + 1)
    frame.storeLittleEndian(hash.low32(count), at: checksum)
    return UnsafeMutableRawBufferPointer(rebasing: frame[..<(checksum + ZstdFrame.checksumSize)])
  }

  /// A block's header in 3 bytes, little-endian: whether it is the last, type 1 for a repeated
  /// byte, how often; then the byte.
  private func write(block: Int, size: UInt64, isLast: Bool) {
    memory.bytes.storeLittleEndian(
      UInt32(size) << 3 | 1 << 1 | (isLast ? 1 : 0),
      at: headroom + ZstdFrame.headerSize + 4 * block)
  }
}

extension UnsafeMutableRawBufferPointer {
  func storeLittleEndian(_ value: some FixedWidthInteger, at offset: Int) {
    storeBytes(of: value.littleEndian, toByteOffset: offset, as: type(of: value).self)
  }
}
