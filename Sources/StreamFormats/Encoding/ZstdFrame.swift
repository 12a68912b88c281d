/// The header that all our frames have: content size in 4 bytes, a checksum at the end, a window.
///
/// libzstd's own header leaves the window out if a frame is no larger ("single segment"), and then
/// a decoder must find memory for all of the content at once. One form for all frames is simpler to
/// read, too.
enum ZstdFrame {
  static let headerSize = 10
  static let checksumSize = 4
  /// The longest that libzstd writes.
  static let longestHeader = 18

  static func writeHeader(
    to frame: UnsafeMutableRawBufferPointer, contentSize: UInt32, windowLog: Int
  ) {
    writeHeader(to: frame, contentSize: contentSize, window: UInt8((windowLog - 10) << 3))
  }

  private static func writeHeader(
    to frame: UnsafeMutableRawBufferPointer, contentSize: UInt32, window: UInt8
  ) {
    frame.storeLittleEndian(0xFD2F_B528 as UInt32, at: 0)
    // Content size in 4 bytes, a checksum, not a single segment, no dictionary.
    frame[4] = 2 << 6 | 1 << 2
    frame[5] = window
    frame.storeLittleEndian(contentSize, at: 6)
  }

  /// Replaces the header of a frame by libzstd with ours.
  ///
  /// - Parameters:
  ///   - buffer: Holds the frame from `start` on, with room for a longer header before it.
  /// - Returns: Where the frame begins now, or `nil` if it has a header that was not asked for.
  static func replaceHeader(
    in buffer: UnsafeMutableRawBufferPointer, at start: Int, contentSize: Int
  ) -> Int? {
    let descriptor = buffer[start + 4]
    let isSingleSegment = descriptor & 1 << 5 != 0
    guard descriptor & 1 << 2 != 0, descriptor & 0b1011 == 0 else { return nil }
    let sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][Int(descriptor >> 6)]
    let blocks = start + 5 + (isSingleSegment ? 0 : 1) + sizeBytes
    let begin = blocks - headerSize
    let window =
      isSingleSegment ? UInt8((windowLog(of: contentSize) - 10) << 3) : buffer[start + 5]
    writeHeader(
      to: UnsafeMutableRawBufferPointer(rebasing: buffer[begin...]),
      contentSize: UInt32(contentSize), window: window)
    return begin
  }

  /// The smallest window, as a power of two, that holds this many bytes; none is smaller than 1
  /// KiB.
  private static func windowLog(of size: Int) -> Int {
    max(10, Int.bitWidth - max(size - 1, 0).leadingZeroBitCount)
  }
}
