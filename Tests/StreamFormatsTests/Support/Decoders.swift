import CDeflate
import CZstd
import Glibc
import StreamFormats
import Testing

/// What the library that others use makes of a stream.
enum Decoders {
  /// The disk in it; `nil` if it is not a whole stream, from first byte to last.
  static func disk(in stream: [UInt8], _ compression: Compression) -> [UInt8]? {
    compression == .zstd ? zstd(stream) : gzip(stream)
  }

  private static func zstd(_ stream: [UInt8]) -> [UInt8]? {
    let context = ZSTD_createDCtx()
    defer { ZSTD_freeDCtx(context) }
    var disk: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 256 << 10)
    return stream.withUnsafeBytes { stream in
      var input = ZSTD_inBuffer(src: stream.baseAddress, size: stream.count, pos: 0)
      var left = 0
      while input.pos < input.size || left > 0 {
        let before = (input.pos, disk.count)
        let capacity = buffer.count
        let produced: Int? = buffer.withUnsafeMutableBytes { buffer in
          var output = ZSTD_outBuffer(dst: buffer.baseAddress, size: capacity, pos: 0)
          left = ZSTD_decompressStream(context, &output, &input)
          return ZSTD_isError(left) == 0 ? output.pos : nil
        }
        guard let produced else { return nil }
        disk += buffer[..<produced]
        if (input.pos, disk.count) == before { return nil }
      }
      return disk
    }
  }

  private static func gzip(_ stream: [UInt8]) -> [UInt8]? {
    guard !stream.isEmpty else { return nil }
    let decompressor = libdeflate_alloc_decompressor()
    defer { libdeflate_free_decompressor(decompressor) }
    var disk: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: Compression.gzip.blockSize)
    return stream.withUnsafeBytes { stream in
      guard let base = stream.baseAddress else { return nil }
      var offset = 0
      while offset < stream.count {
        var (taken, made) = (0, 0)
        let result = libdeflate_gzip_decompress_ex(
          decompressor, base + offset, stream.count - offset, &buffer, buffer.count,
          &taken, &made)
        guard result == LIBDEFLATE_SUCCESS else { return nil }
        disk += buffer[..<made]
        offset += taken
      }
      return disk
    }
  }

  /// Where each frame or member of a whole stream ends, the one that is skipped among them.
  static func borders(of stream: [UInt8], _ compression: Compression) -> [Int] {
    var borders: [Int] = []
    var offset = 0
    stream.withUnsafeBytes { stream in
      while offset < stream.count, let start = stream.baseAddress {
        let base = start + offset
        switch compression {
        case .zstd: offset += ZSTD_findFrameCompressedSize(base, stream.count - offset)
        case .gzip:
          let decompressor = libdeflate_alloc_decompressor()
          defer { libdeflate_free_decompressor(decompressor) }
          var buffer = [UInt8](repeating: 0, count: Compression.gzip.blockSize)
          var (taken, made) = (0, 0)
          _ = libdeflate_gzip_decompress_ex(
            decompressor, base, stream.count - offset, &buffer, buffer.count, &taken, &made)
          offset += taken
        }
        borders.append(offset)
      }
    }
    return borders
  }
}

/// Whether the bytes are so many zeroes, without a loop over them.
func expectZeroes(
  _ bytes: [UInt8]?, _ count: Int, sourceLocation: SourceLocation = #_sourceLocation
) {
  let bytes = bytes ?? []
  let same = bytes.withUnsafeBytes { bytes in
    guard let start = bytes.baseAddress, count > 0 else { return bytes.count == count }
    return bytes.count == count && bytes[0] == 0 && memcmp(start, start + 1, count - 1) == 0
  }
  #expect(same, "\(bytes.count) bytes for \(count) zeroes", sourceLocation: sourceLocation)
}
