import CZlib
import StreamCore

/// zlib's side of decoding, a member at a time. Only its holder uses it.
final class GzipContext: @unchecked Sendable {
  /// zlib keeps a pointer to it.
  private let stream: UnsafeMutablePointer<z_stream>

  /// What zlib says of bytes it can't decode.
  enum Refusal: Error {
    case noMemory
    case damaged(reason: String)
  }

  /// The result of a call.
  struct Progress {
    let consumed: Int
    let produced: Int
    /// Whether the member has ended, with the right checksum and length.
    let isEnd: Bool
  }

  /// For a header and a trailer of gzip, and of no other format.
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

  /// Decodes what can be decoded. No progress at all means that more input is needed.
  func decode(
    _ bytes: UnsafeRawBufferPointer, into space: UnsafeMutableRawBufferPointer
  ) throws(Refusal) -> Progress {
    // zlib promises not to write to the input.
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
