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
  func zeroes(_ count: UInt64) throws(TransferError) -> UnsafeMutableRawBufferPointer

  /// Zeroes behind data fill a block up to a multiple of this, so that what follows begins at one.
  var grain: UInt64 { get }
  /// Whether a block ends where a multiple of ``blockSize`` on the disk does, though it may be shorter
  /// then.
  var isAligned: Bool { get }

  /// What stands before the first piece, with headroom too; may be empty. Called once.
  func header() -> UnsafeMutableRawBufferPointer

  /// Puts into a block's piece, which is about to be sent, what only its place tells.
  ///
  /// - Parameters:
  ///   - piece: Its bytes. Behind them lies what ``mostOutput`` has left over.
  ///   - disk: How many bytes of the disk it is made of.
  /// - Returns: How many bytes the piece has now.
  func complete(_ piece: UnsafeMutableRawBufferPointer, disk: UInt64) throws(TransferError) -> Int

  /// A piece is about to be sent.
  func note(disk: UInt64, output: Int) throws(TransferError)

  /// What stands behind the last piece, with headroom too; may be empty. The last call.
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

/// What became of a block.
enum BlockResult: Sendable {
  /// The piece is the buffer's bytes from `start` on, `count` of them.
  case piece(start: Int, count: Int)
  case failed(TransferError)
}

/// The answer to memory that is not there.
func noMemory(for what: String) -> TransferError {
  .broken(Failure(errno: SystemError.noMemory, reason: "no memory for \(what)"))
}
