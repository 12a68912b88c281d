import CZstd
import StreamCore

/// libzstd's side of decoding, a frame at a time. Only its holder uses it.
final class ZstdContext: @unchecked Sendable {
  private let context: OpaquePointer

  /// What libzstd says of bytes it can't decode.
  struct Refusal: Error {
    let code: ZSTD_ErrorCode
    let reason: String

    init(_ result: Int) {
      code = ZSTD_getErrorCode(result)
      reason =
        code == ZSTD_error_checksum_wrong
        ? "the checksum is wrong"
        : "libzstd says: \(String(cString: ZSTD_getErrorName(result)))"
    }

    init(reason: String) {
      code = ZSTD_error_GENERIC
      self.reason = reason
    }
  }

  init() throws(TransferError) {
    guard let context = ZSTD_createDCtx() else { throw noMemory(for: "decoding") }
    self.context = context
    ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, ZstdFrameStart.largestWindowLog)
  }

  deinit { ZSTD_freeDCtx(context) }

  /// Decodes a frame that is there as a whole.
  ///
  /// - Parameter space: Large enough for the size that the frame's header states.
  /// - Returns: How many bytes came.
  func decode(
    frame: UnsafeRawBufferPointer, into space: UnsafeMutableRawBufferPointer
  ) throws(Refusal) -> Int {
    let result = ZSTD_decompressDCtx(
      context, space.baseAddress, space.count, frame.baseAddress, frame.count)
    guard ZSTD_isError(result) == 0 else { throw Refusal(result) }
    return result
  }

  /// Forgets the frame at hand, if there is one.
  func reset() {
    ZSTD_DCtx_reset(context, ZSTD_reset_session_only)
  }

  /// Decodes the next part of a frame: its header, or a block with all that follows it.
  ///
  /// - Parameter space: Large enough for a block.
  /// - Returns: How many bytes came, and whether the frame has ended.
  func decode(
    part: UnsafeRawBufferPointer, into space: UnsafeMutableRawBufferPointer
  ) throws(Refusal) -> (count: Int, isEnd: Bool) {
    var input = ZSTD_inBuffer(src: part.baseAddress, size: part.count, pos: 0)
    var output = ZSTD_outBuffer(dst: space.baseAddress, size: space.count, pos: 0)
    var result = 1
    while true {
      let before = (input.pos, output.pos)
      result = ZSTD_decompressStream(context, &output, &input)
      guard ZSTD_isError(result) == 0 else { throw Refusal(result) }
      if result == 0 { break }
      // All input is taken, and one more call has nothing more to give.
      if input.pos == input.size, before == (input.pos, output.pos) { break }
      guard before != (input.pos, output.pos) else { break }
    }
    guard input.pos == input.size else {
      throw Refusal(reason: "the frame ends before its last block")
    }
    return (output.pos, result == 0)
  }
}
