import NBDKit
import Synchronization

/// A disk of any size that takes memory only for what was written.
///
/// The disk is made of chunks. The chunks are spread over shards in turn, and each shard has a lock
/// of its own: requests wait for each other only if they meet in a shard. Other requests may see a
/// request over several chunks half done, which NBD allows.
final class RAMDisk: Sendable {
  static let chunkSize: UInt64 = 64 << 10

  /// The part of a request that lies in one chunk.
  struct Piece {
    /// Which chunk.
    let chunk: UInt64
    /// Where in it.
    let bytes: Range<Int>

    /// Where on the disk.
    var disk: Range<UInt64> {
      let start = chunk * RAMDisk.chunkSize
      return start + UInt64(bytes.lowerBound)..<start + UInt64(bytes.upperBound)
    }
  }

  private final class Shard: Sendable {
    /// A chunk that is not here is zero.
    let chunks = Mutex<[UInt64: [UInt8]]>([:])
  }

  let size: UInt64
  private let shards = (0..<64).map { _ in Shard() }

  init(size: UInt64) {
    self.size = size
  }

  func read(into buffer: inout OutputRawSpan, at offset: UInt64) {
    for piece in pieces(count: UInt64(buffer.freeCapacity), at: offset) {
      shard(piece).chunks.withLock { chunks in
        if let chunk = chunks[piece.chunk] {
          buffer.append(copying: chunk.span.bytes.extracting(piece.bytes))
        } else {
          buffer.append(repeating: 0, count: piece.bytes.count, as: UInt8.self)
        }
      }
    }
  }

  func write(_ bytes: RawSpan, at offset: UInt64) {
    var next = 0
    for piece in pieces(count: UInt64(bytes.byteCount), at: offset) {
      let part = bytes.extracting(next..<next + piece.bytes.count)
      shard(piece).chunks.withLock { chunks in
        chunks[piece.chunk, default: Self.emptyChunk()].withUnsafeMutableBytes { chunk in
          part.withUnsafeBytes { chunk[piece.bytes].copyBytes(from: $0) }
        }
      }
      next += piece.bytes.count
    }
  }

  /// Zeroes a range. Whole chunks are forgotten.
  func zero(count: UInt64, at offset: UInt64) {
    for piece in pieces(count: count, at: offset) {
      shard(piece).chunks.withLock { chunks in
        if piece.bytes.count == Self.chunkSize {
          chunks[piece.chunk] = nil
        } else if chunks[piece.chunk] != nil {
          // This subscript takes no memory, unlike chunks[piece.chunk]?
          chunks[piece.chunk, default: []].withUnsafeMutableBytes { chunk in
            for index in piece.bytes { chunk[index] = 0 }
          }
        }
      }
    }
  }

  func isHole(_ piece: Piece) -> Bool {
    shard(piece).chunks.withLock { $0[piece.chunk] == nil }
  }

  /// A request, chunk by chunk.
  func pieces(count: UInt64, at offset: UInt64) -> Pieces {
    Pieces(offset: offset, end: offset + count)
  }

  private func shard(_ piece: Piece) -> Shard {
    shards[Int(piece.chunk % UInt64(shards.count))]
  }

  private static func emptyChunk() -> [UInt8] { [UInt8](repeating: 0, count: Int(chunkSize)) }
}

/// The pieces of a request. This is neither an array nor a closure, because both would take memory.
struct Pieces: Sequence, IteratorProtocol {
  fileprivate var offset: UInt64
  fileprivate let end: UInt64

  mutating func next() -> RAMDisk.Piece? {
    guard offset < end else { return nil }
    let chunk = offset / RAMDisk.chunkSize
    let start = chunk * RAMDisk.chunkSize
    let bytes = Int(offset - start)..<Int(Swift.min(end - start, RAMDisk.chunkSize))
    offset = start + UInt64(bytes.upperBound)
    return RAMDisk.Piece(chunk: chunk, bytes: bytes)
  }
}
