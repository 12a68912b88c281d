import CZstd
import StreamCore

/// zstd: a frame for each block, frames of repeated zeroes for runs, and a seek table at the end.
final class ZstdFormat: BlockFormat, @unchecked Sendable {
  let blockSize: Int
  let tailSize = ZstdFrame.checksumSize
  let shortestRun: UInt64
  let runGranularity: UInt64 = 1
  let longestRunPiece = ZstdZeroes.longest

  /// One per worker.
  private var contexts: [OpaquePointer] = []
  private var zeroes: ZstdZeroes
  private var table: SeekTable

  /// Takes memory for everything except what compressing at that level needs.
  init(
    level: Int, workers: Int, blockSize: Int = Compression.zstd.blockSize,
    shortestRun: UInt64 = 256 << 10
  ) throws(TransferError) {
    self.blockSize = blockSize
    self.shortestRun = shortestRun
    guard let zeroes = ZstdZeroes(headroom: 8), let table = SeekTable(headroom: 8) else {
      throw noMemory(for: "frames of zeroes")
    }
    self.zeroes = zeroes
    self.table = table
    for _ in 0..<workers {
      guard let context = ZSTD_createCCtx() else { throw noMemory(for: "a zstd compressor") }
      contexts.append(context)
      for (parameter, value) in [
        (ZSTD_c_compressionLevel, Int32(level)), (ZSTD_c_checksumFlag, 1),
        (ZSTD_c_contentSizeFlag, 1),
      ] {
        let result = ZSTD_CCtx_setParameter(context, parameter, value)
        if ZSTD_isError(result) != 0 { throw Self.failure(result) }
      }
    }
  }

  deinit {
    for context in contexts { ZSTD_freeCCtx(context) }
  }

  /// There is room for a longer header than ours, as the library's header may be longer.
  var mostOutput: Int { ZSTD_compressBound(blockSize) + ZstdFrame.headerSize }

  func prepare() throws(TransferError) {
    // A block of the full size makes a compressor take all it will ever need.
    guard let block = Memory(count: blockSize), let output = Memory(count: mostOutput) else {
      throw noMemory(for: "a block")
    }
    block.bytes.initializeMemory(as: UInt8.self, repeating: 0)
    for worker in contexts.indices {
      if case .failed(let error) = compress(
        UnsafeRawBufferPointer(block.bytes), worker: worker, into: output.bytes)
      {
        throw error
      }
    }
  }

  func compress(
    _ block: UnsafeRawBufferPointer, worker: Int, into output: UnsafeMutableRawBufferPointer
  ) -> BlockResult {
    let start = ZstdFrame.headerSize
    guard let base = output.baseAddress else { return .failed(noMemory(for: "a block")) }
    let count = ZSTD_compress2(
      contexts[worker], base + start, output.count - start, block.baseAddress, block.count)
    guard ZSTD_isError(count) == 0 else { return .failed(Self.failure(count)) }
    guard
      let begin = ZstdFrame.replaceHeader(in: output, at: start, contentSize: block.count)
    else {
      return .failed(
        .broken(
          Failure(errno: SystemError.inputOutput, reason: "libzstd made a frame that is not known"))
      )
    }
    return .piece(start: begin, count: start + count - begin)
  }

  func zeroes(_ count: UInt64) -> UnsafeMutableRawBufferPointer { zeroes.frame(count) }

  func note(disk: UInt64, output: Int) throws(TransferError) {
    try table.append(compressed: output, content: disk)
  }

  func trailer() -> UnsafeMutableRawBufferPointer { table.finished() }

  private static func failure(_ code: Int) -> TransferError {
    let name = String(cString: ZSTD_getErrorName(code))
    return ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation
      ? noMemory(for: "compressing with zstd")
      : .broken(Failure(errno: SystemError.inputOutput, reason: "zstd: \(name)"))
  }
}
