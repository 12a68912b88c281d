import CZlib
import StreamCore

/// zlib's side of decoding, a member at a time. Whoever holds it is its only user.
final class GzipContext: @unchecked Sendable {
  /// zlib keeps a pointer to it.
  private let stream: UnsafeMutablePointer<z_stream>

  /// What zlib says of bytes it can't decode.
  enum Refusal: Error {
    case noMemory
    case damaged(reason: String)
  }

  /// What came of a call.
  struct Progress {
    let consumed: Int
    let produced: Int
    /// Whether the member has ended, its checksum and its length being right.
    let isEnd: Bool
  }

  /// With a header and a trailer of gzip, and no other.
  private static let windowBits: Int32 = 15 + 16

  init() throws(TransferError) {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let result = inflateInit2_(
      stream, Self.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard result == Z_OK else {
      stream.deallocate()
      throw noMemory(for: "decoding")
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// Begins a member.
  func reset() {
    inflateReset(stream)
  }

  /// Decodes what can be decoded. No progress at all means that more is needed.
  func decode(
    _ bytes: UnsafeRawBufferPointer, into space: UnsafeMutableRawBufferPointer
  ) throws(Refusal) -> Progress {
    // zlib promises not to write there.
    stream.pointee.next_in = UnsafeMutablePointer(
      mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
    stream.pointee.avail_in = UInt32(bytes.count)
    stream.pointee.next_out = space.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = UInt32(space.count)
    let result = inflate(stream, Z_NO_FLUSH)
    switch result {
    case Z_OK, Z_STREAM_END, Z_BUF_ERROR: break
    case Z_MEM_ERROR: throw .noMemory
    default:
      let reason = stream.pointee.msg.map { String(cString: $0) }
      throw .damaged(reason: "zlib says: \(reason ?? "error \(result)")")
    }
    return Progress(
      consumed: bytes.count - Int(stream.pointee.avail_in),
      produced: space.count - Int(stream.pointee.avail_out), isEnd: result == Z_STREAM_END)
  }
}
