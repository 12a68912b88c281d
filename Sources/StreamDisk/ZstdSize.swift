/// Finds out how many bytes a zstd file holds decompressed, without decompressing it: from the seek
/// table at its end, or from the headers of all its frames. `nil` if neither says it.
enum ZstdSize {
  /// Reads `count` bytes at an offset: fewer only if the file ends.
  typealias Read = (_ offset: UInt64, _ count: Int) throws(Failure) -> [UInt8]

  static func find(fileSize: UInt64, read: Read) throws(Failure) -> UInt64? {
    if let size = try seekTable(fileSize, read) { return size }
    return try frames(fileSize, read)
  }

  private static let skippable: ClosedRange<UInt32> = 0x184D_2A50...0x184D_2A5F
  private static let frameMagic: UInt32 = 0xFD2F_B528

  /// The seekable format: a skippable frame of (compressed size, size) for each frame, and a footer
  /// of 9 bytes. It counts only if its frames fill the file.
  private static func seekTable(_ fileSize: UInt64, _ read: Read) throws(Failure) -> UInt64? {
    guard fileSize >= 17 else { return nil }
    let footer = try read(fileSize - 9, 9)
    guard footer.count == 9, number(footer, 5, 4) == 0x8F92_EAB1 else { return nil }
    let hasChecksums = footer[4] & 0x80 != 0
    let entry: UInt64 = hasChecksums ? 12 : 8
    // At most 2^32 * 12.
    let length = number(footer, 0, 4) * entry + 9
    guard length + 8 <= fileSize, length <= 1 << 28 else { return nil }
    let start = fileSize - length - 8
    let table = try read(start, Int(length) + 8)
    guard table.count == Int(length) + 8, number(table, 0, 4) == 0x184D_2A5E,
      number(table, 4, 4) == length
    else { return nil }
    var compressed: UInt64 = 0
    var size: UInt64 = 0
    for at in stride(from: 8, to: table.count - 9, by: Int(entry)) {
      compressed += number(table, at, 4)
      size += number(table, at + 4, 4)
    }
    return compressed == start ? size : nil
  }

  /// The sum of all frames' content sizes. The end of a frame is found through the headers of its
  /// blocks.
  private static func frames(_ fileSize: UInt64, _ read: Read) throws(Failure) -> UInt64? {
    var at: UInt64 = 0
    var size: UInt64 = 0
    while at < fileSize {
      let header = try read(at, 18)
      guard header.count >= 8 else { return nil }
      let magic = UInt32(number(header, 0, 4))
      if skippable.contains(magic) {
        at += 8 + number(header, 4, 4)
        continue
      }
      guard magic == frameMagic, let frame = Frame(header) else { return nil }
      let (sum, overflow) = size.addingReportingOverflow(frame.contentSize)
      guard !overflow else { return nil }
      size = sum
      guard let end = try endOfBlocks(at + UInt64(frame.headerLength), fileSize, read) else {
        return nil
      }
      at = end + (frame.hasChecksum ? 4 : 0)
    }
    return at == fileSize && size <= UInt64(Int64.max) ? size : nil
  }

  private static func endOfBlocks(
    _ start: UInt64, _ fileSize: UInt64, _ read: Read
  ) throws(Failure) -> UInt64? {
    var at = start
    while at + 3 <= fileSize {
      let header = try read(at, 3)
      guard header.count == 3 else { return nil }
      let block = number(header, 0, 3)
      let isRepeatedByte = block >> 1 & 3 == 1
      at += 3 + (isRepeatedByte ? 1 : block >> 3)
      if block & 1 == 1 { return at }
    }
    return nil
  }

  /// A frame's header, RFC 8878, 3.1.1.1; `nil` if it does not state the content size.
  private struct Frame {
    let headerLength: Int
    let contentSize: UInt64
    let hasChecksum: Bool

    init?(_ bytes: [UInt8]) {
      let descriptor = bytes[4]
      let isSingleSegment = descriptor & 0x20 != 0
      let dictionaryLength = [0, 1, 2, 4][Int(descriptor & 3)]
      let sizeLength = [isSingleSegment ? 1 : 0, 2, 4, 8][Int(descriptor >> 6)]
      let sizeAt = 5 + (isSingleSegment ? 0 : 1) + dictionaryLength
      guard sizeLength > 0, bytes.count >= sizeAt + sizeLength else { return nil }
      headerLength = sizeAt + sizeLength
      contentSize = number(bytes, sizeAt, sizeLength) + (sizeLength == 2 ? 256 : 0)
      hasChecksum = descriptor & 4 != 0
      guard contentSize <= UInt64(Int64.max) else { return nil }
    }
  }
}

/// A little-endian number of at most 8 bytes.
private func number(_ bytes: [UInt8], _ at: Int, _ count: Int) -> UInt64 {
  bytes[at..<at + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
}
