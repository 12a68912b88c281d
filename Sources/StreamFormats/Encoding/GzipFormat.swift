import CDeflate
import StreamCore

/// gzip: a member for each block, and for each mebibyte of zeroes a member that was compressed
/// beforehand.
final class GzipFormat: BlockFormat, @unchecked Sendable {
  let blockSize: Int
  /// The CRC-32 and the size.
  let tailSize = 8
  var shortestRun: UInt64 { UInt64(blockSize) }
  var runGranularity: UInt64 { UInt64(blockSize) }
  /// As many members as about fill the smallest pipe at once.
  var longestRunPiece: UInt64 { UInt64(63 * blockSize) }
  let mostOutput: Int

  /// One per worker.
  private let deflaters: [Deflater]
  /// The member of a mebibyte of zeroes, repeated.
  private let zeroMembers: Memory
  private let zeroMemberSize: Int

  /// Takes memory for everything except the blocks.
  init(
    level: Int, workers: Int, blockSize: Int = Compression.gzip.blockSize
  ) throws(TransferError) {
    self.blockSize = blockSize
    deflaters = try Deflater.make(workers, level: level)
    mostOutput = libdeflate_gzip_compress_bound(nil, blockSize)
    (zeroMembers, zeroMemberSize) = try Self.makeZeroMembers(
      63, blockSize: blockSize, headroom: 8)
  }

  /// They are the same at every level, even 0, so that a hole never costs more than a thousandth.
  static func makeZeroMembers(
    _ count: Int, blockSize: Int, headroom: Int
  ) throws(TransferError) -> (Memory, Int) {
    let room = 64 + blockSize / 512
    guard let compressor = libdeflate_alloc_compressor(9), let zeroes = Memory(count: blockSize),
      let members = Memory(count: headroom + count * room), let base = members.bytes.baseAddress
    else { throw noMemory(for: "members of zeroes") }
    defer { libdeflate_free_compressor(compressor) }
    zeroes.bytes.initializeMemory(as: UInt8.self, repeating: 0)
    let size = libdeflate_gzip_compress(
      compressor, zeroes.bytes.baseAddress, blockSize, base + headroom, room)
    guard size > 0 else {
      throw .broken(
        Failure(errno: SystemError.inputOutput, reason: "libdeflate can't compress zeroes"))
    }
    for member in 1..<count {
      (base + headroom + member * size).copyMemory(from: base + headroom, byteCount: size)
    }
    return (members, size)
  }

  /// A compressor has all it needs once it is made.
  func prepare() {}

  func compress(
    _ block: UnsafeRawBufferPointer, worker: Int, into output: UnsafeMutableRawBufferPointer
  ) -> BlockResult {
    let count = libdeflate_gzip_compress(
      deflaters[worker].compressor(for: block), block.baseAddress, block.count,
      output.baseAddress, output.count)
    guard count > 0 else {
      return .failed(
        .broken(
          Failure(errno: SystemError.inputOutput, reason: "libdeflate can't compress a block")))
    }
    return .piece(start: 0, count: count)
  }

  func zeroes(_ count: UInt64) -> UnsafeMutableRawBufferPointer {
    let size = Int(count / runGranularity) * zeroMemberSize
    return UnsafeMutableRawBufferPointer(rebasing: zeroMembers.bytes[headroom..<(headroom + size)])
  }

  func note(disk: UInt64, output: Int) {}

  func trailer() -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(rebasing: zeroMembers.bytes[headroom..<headroom])
  }
}
