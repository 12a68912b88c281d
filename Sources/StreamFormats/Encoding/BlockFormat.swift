import StreamCore

/// A compression that makes each block of a disk into a piece of output that can be decoded by
/// itself, and has ready-made pieces for runs of zeroes.
///
/// The last bytes of a piece, its *tail*, are its checksum: without them no decoder takes the piece
/// for whole. Pieces are in memory with ``headroom`` bytes before them, so that the tail of the
/// piece before can be sent together with the piece.
///
/// ``compress(_:worker:into:)`` is called by several threads at a time, each with a number of its
/// own; everything else is called by one thread at a time.
protocol BlockFormat: AnyObject, Sendable {
  /// The most bytes of the disk in a block.
  var blockSize: Int { get }
  /// The most bytes of output that such a block becomes.
  var mostOutput: Int { get }
  /// How many bytes of a piece are its checksum.
  var tailSize: Int { get }
  /// How many zeroes in a row end a block to become a run.
  var shortestRun: UInt64 { get }
  /// A run's length is a multiple of this; what is beyond begins the next block.
  var runGranularity: UInt64 { get }
  /// The most zeroes that one ready-made piece stands for.
  var longestRunPiece: UInt64 { get }

  /// Takes the memory now that compressing needs on each thread, so that a lack of it is known.
  func prepare() throws(TransferError)

  /// Compresses a block of up to ``blockSize`` bytes, which may be empty.
  func compress(
    _ block: UnsafeRawBufferPointer, worker: Int, into output: UnsafeMutableRawBufferPointer
  ) -> BlockResult

  /// The piece for this many zeroes, a multiple of ``runGranularity`` up to ``longestRunPiece``.
  /// Valid until the next call.
  func zeroes(_ count: UInt64) throws(TransferError) -> UnsafeMutableRawBufferPointer

  /// Zeroes after data fill a block up to a multiple of this, so that what follows begins at a
  /// multiple.
  var grain: UInt64 { get }
  /// Whether a block ends at a multiple of ``blockSize`` on the disk, even if the block is then
  /// shorter.
  var isAligned: Bool { get }

  /// What comes before the first piece, with headroom too; may be empty. Called once.
  func header() -> UnsafeMutableRawBufferPointer

  /// Puts into a block's piece, which is about to be sent, what depends on its place.
  ///
  /// - Parameters:
  ///   - piece: Its bytes. After them is the room that is left of ``mostOutput``.
  ///   - disk: How many bytes of the disk it is made of.
  /// - Returns: How many bytes the piece has now.
  func complete(_ piece: UnsafeMutableRawBufferPointer, disk: UInt64) throws(TransferError) -> Int

  /// A piece is about to be sent.
  func note(disk: UInt64, output: Int) throws(TransferError)

  /// What comes after the last piece, with headroom too; may be empty. This is the last call.
  func trailer() throws(TransferError) -> UnsafeMutableRawBufferPointer
}

extension BlockFormat {
  /// Room before each piece: the longest tail there is.
  var headroom: Int { 8 }
  var grain: UInt64 { 1 }
  var isAligned: Bool { false }

  func header() -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: nil, count: 0)
  }

  func complete(_ piece: UnsafeMutableRawBufferPointer, disk: UInt64) -> Int { piece.count }
}

/// The result of a block.
enum BlockResult: Sendable {
  /// The piece is the buffer's bytes from `start` on, `count` of them.
  case piece(start: Int, count: Int)
  case failed(TransferError)
}

/// The error if there is no memory.
func noMemory(for what: String) -> TransferError {
  .broken(Failure(errno: SystemError.noMemory, reason: "no memory for \(what)"))
}
