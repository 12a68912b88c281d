/// zstd frames put together byte by byte.
struct HandmadeFrame {
  /// A block: its type, its size field and the bytes behind its header.
  struct Block {
    let type: UInt32
    let size: Int
    var bytes: [UInt8]

    static func raw(_ bytes: [UInt8]) -> Block { Block(type: 0, size: bytes.count, bytes: bytes) }
    static func repeated(_ byte: UInt8, _ count: Int) -> Block {
      Block(type: 1, size: count, bytes: [byte])
    }
  }

  var content: UInt64?
  /// The low half of XXH64 of the content.
  var checksum: UInt32?
  /// The byte of the header that says how large the window is.
  var window: UInt8 = 0x38
  var blocks: [Block] = []

  var bytes: [UInt8] {
    var bytes: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]
    bytes.append((content == nil ? 0 : 0xC0) | (checksum == nil ? 0 : 4))
    bytes.append(window)
    if let content { bytes += Self.littleEndian(content, 8) }
    for (index, block) in blocks.enumerated() {
      let last: UInt32 = index == blocks.count - 1 ? 1 : 0
      bytes += Self.littleEndian(UInt64(UInt32(block.size) << 3 | block.type << 1 | last), 3)
      bytes += block.bytes
    }
    if let checksum { bytes += Self.littleEndian(UInt64(checksum), 4) }
    return bytes
  }

  /// A frame that decoders pass by.
  static func skippable(_ bytes: [UInt8], kind: UInt8 = 0xE) -> [UInt8] {
    [0x50 | kind, 0x2A, 0x4D, 0x18] + littleEndian(UInt64(bytes.count), 4) + bytes
  }

  /// Zeroes as our encoder writes them.
  static func zeroes(_ count: Int, checksum: UInt32? = nil) -> [UInt8] {
    var blocks = Array(
      repeating: Block.repeated(0, 128 << 10), count: count / (128 << 10))
    if count % (128 << 10) > 0 { blocks.append(.repeated(0, count % (128 << 10))) }
    return HandmadeFrame(content: UInt64(count), checksum: checksum, blocks: blocks).bytes
  }

  static func littleEndian(_ number: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: number >> (8 * UInt64($0))) }
  }
}
