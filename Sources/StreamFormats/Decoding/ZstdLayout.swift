// The layout of a zstd stream, as far as it is needed to find frames, blocks and their zeroes: RFC
// 8878, section 3.1.1. The contents of a compressed block are left to libzstd.

/// The beginning of a frame, of whatever kind.
enum ZstdFrameStart: Equatable {
  /// A frame of content.
  case content(ZstdFrameHeader)
  /// A frame to be skipped, with this many bytes after its header of 8 bytes.
  case skippable(UInt32)

  /// The size of a skippable frame's header.
  static let skippableHeaderSize = 8
}

/// What a frame's header says.
struct ZstdFrameHeader: Equatable, Sendable {
  /// The header's own size in bytes, magic number included: 6 to 18.
  let size: Int
  /// How far back a decoder must be able to look, in bytes.
  let window: UInt64
  /// How many bytes the frame decodes to, if it says so.
  let content: UInt64?
  /// Whether the low half of a hash follows the last block, in 4 bytes.
  let hasChecksum: Bool

  static let checksumSize = 4
  /// The most bytes that a block decodes to.
  var largestBlock: UInt64 { min(window, 128 << 10) }
}

/// What a block's header says, in 3 bytes.
struct ZstdBlockHeader: Equatable {
  enum Kind: Equatable {
    case raw
    /// One byte, repeated.
    case repeated
    case compressed
  }

  let kind: Kind
  let isLast: Bool
  /// How many bytes of the block are in the stream; for a repeated byte, how often it is repeated.
  let number: Int

  static let size = 3
  /// How many bytes follow the header in the stream.
  var length: Int { kind == .repeated ? 1 : number }
}

/// Why bytes are not a zstd stream that can be decoded here. In messages it follows the place.
enum ZstdLayoutError: Error, Equatable {
  case notAFrame
  case reservedBit
  case dictionary(UInt64)
  case window(UInt64)
  case reservedBlock
  case largeBlock(Int)
}

extension ZstdFrameStart {
  /// The largest window that is decoded: what `--long=27` asks for.
  static let largestWindow: UInt64 = 1 << largestWindowLog
  static let largestWindowLog: Int32 = 27

  /// How many bytes from the beginning of a frame on are needed to know the size of its header,
  /// given those that are there.
  static func headerSize(of bytes: UnsafeRawBufferPointer) throws(ZstdLayoutError) -> Int {
    guard bytes.count >= 4 else { return 4 }
    switch bytes.number(at: 0, bytes: 4) {
    case 0x184D_2A50...0x184D_2A5F: return skippableHeaderSize
    case 0xFD2F_B528: break
    default: throw .notAFrame
    }
    guard bytes.count >= 5 else { return 5 }
    let descriptor = bytes[4]
    let isSingleSegment = descriptor & 0x20 != 0
    let content = descriptor >> 6
    return 5 + (isSingleSegment ? 0 : 1) + [0, 1, 2, 4][Int(descriptor & 3)]
      + (content == 0 ? (isSingleSegment ? 1 : 0) : 1 << Int(content))
  }

  /// Reads a header that is there as a whole.
  ///
  /// - Parameter bytes: At least as many as ``headerSize(of:)`` says.
  init(_ bytes: UnsafeRawBufferPointer) throws(ZstdLayoutError) {
    let size = try Self.headerSize(of: bytes)
    precondition(bytes.count >= size, "the header is not there as a whole")
    guard bytes.number(at: 0, bytes: 4) == 0xFD2F_B528 else {
      self = .skippable(UInt32(bytes.number(at: 4, bytes: 4)))
      return
    }
    let descriptor = bytes[4]
    guard descriptor & 0x08 == 0 else { throw .reservedBit }
    var next = 5
    func number(_ count: Int) -> UInt64 {
      defer { next += count }
      return bytes.number(at: next, bytes: count)
    }

    let isSingleSegment = descriptor & 0x20 != 0
    var window: UInt64 = 0
    if !isSingleSegment {
      let byte = number(1)
      window = 1 << (10 + (byte >> 3))
      window += window / 8 * (byte & 7)
    }
    let dictionary = number([0, 1, 2, 4][Int(descriptor & 3)])
    var content: UInt64?
    switch descriptor >> 6 {
    case 0: content = isSingleSegment ? number(1) : nil
    case 1: content = number(2) + 256
    case 2: content = number(4)
    default: content = number(8)
    }
    if isSingleSegment { window = content ?? 0 }
    guard dictionary == 0 else { throw .dictionary(dictionary) }
    guard window <= Self.largestWindow else { throw .window(window) }
    self = .content(
      ZstdFrameHeader(
        size: size, window: window, content: content, hasChecksum: descriptor & 0x04 != 0))
  }
}

extension ZstdBlockHeader {
  /// Reads the header of a block of a frame.
  ///
  /// - Parameters:
  ///   - bytes: At least 3.
  ///   - largest: The frame's largest block.
  init(_ bytes: UnsafeRawBufferPointer, largest: UInt64) throws(ZstdLayoutError) {
    let header = bytes.number(at: 0, bytes: 3)
    isLast = header & 1 != 0
    number = Int(header >> 3)
    switch header >> 1 & 3 {
    case 0: kind = .raw
    case 1: kind = .repeated
    case 2: kind = .compressed
    default: throw .reservedBlock
    }
    guard number <= largest else { throw .largeBlock(number) }
  }
}

extension ZstdLayoutError {
  /// What is wrong. In messages it follows the place.
  var reason: String {
    switch self {
    case .notAFrame: "no zstd frame begins here"
    case .reservedBit: "a reserved bit of the frame header is set"
    case .dictionary(let number):
      "the frame needs dictionary \(number), and none can be given"
    case .window(let size):
      "the frame needs a window of \(size) bytes, above the \(ZstdFrameStart.largestWindow) that "
        + "zstd --long=27 makes"
    case .reservedBlock: "a block is of the reserved type"
    case .largeBlock(let size): "a block of \(size) bytes is larger than the frame allows"
    }
  }
}
