import StreamCore

/// A compression that makes of each block of a disk a piece of output that stands for itself, and of a
/// run of zeroes a ready-made one.
///
/// The last bytes of a piece, its *tail*, are its checksum: without them no decoder takes it for whole.
/// Pieces lie in memory with ``headroom`` bytes before them, so that the tail of the one before can be
/// sent in one go with it.
///
/// ``compress(_:worker:into:)`` is called by several threads at a time, each with a number of its own;
/// all else by one thread at a time.
protocol BlockFormat: AnyObject, Sendable {
  /// The most bytes of the disk in a block.
  var blockSize: Int { get }
  /// The most bytes of output that such a block becomes.
  var mostOutput: Int { get }
  /// Bytes of a piece that are its checksum.
  var tailSize: Int { get }
  /// How many zeroes in a row end a block to become a run.
  var shortestRun: UInt64 { get }
  /// What a run's length is a multiple of; what is beyond begins the next block.
  var runGranularity: UInt64 { get }
  /// The most zeroes that one ready-made piece stands for.
  var longestRunPiece: UInt64 { get }

  /// Takes the memory now that compressing needs on each thread, so that it is there or known not to be.
  func prepare() throws(TransferError)

  /// Compresses a block of up to ``blockSize`` bytes, none included.
  func compress(
    _ block: UnsafeRawBufferPointer, worker: Int, into output: UnsafeMutableRawBufferPointer
  ) -> BlockResult

  /// The piece for so many zeroes, a multiple of ``runGranularity`` up to ``longestRunPiece``. Valid
  /// until the next call.
  func zeroes(_ count: UInt64) -> UnsafeMutableRawBufferPointer

  /// A piece is about to be sent.
  func note(disk: UInt64, output: Int) throws(TransferError)

  /// What stands behind the last piece, with headroom too; may be empty. The last call.
  func trailer() -> UnsafeMutableRawBufferPointer
}

extension BlockFormat {
  /// Room before each piece: the longest tail there is.
  var headroom: Int { 8 }
}

/// What became of a block.
enum BlockResult: Sendable {
  /// The piece is the buffer's bytes from `start` on, `count` of them.
  case piece(start: Int, count: Int)
  case failed(TransferError)
}

/// The answer to memory that is not there.
func noMemory(for what: String) -> TransferError {
  .broken(errno: SystemError.noMemory, reason: "no memory for \(what)")
}
