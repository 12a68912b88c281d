import Glibc
import StreamCore

/// What was decoded and is not given out yet: bytes, and runs of zeroes that take no room.
///
/// The newest part can be held back until it is known to be right.
///
///     0          start              released           end
///     |  given   |  to be given     |  held back       |
///
/// These are offsets in the decoded stream. Bytes of data are in the memory in the order of the
/// stream.
struct DecodedQueue: Sendable {
  private struct Piece {
    let isZero: Bool
    /// Where the piece ends in the decoded stream; it begins where the one before ends.
    var end: UInt64
  }

  /// The most bytes of data that are kept: a frame of this size can be held back as a whole.
  static let capacity = 64 << 20
  /// Room after that for what a decoder gives at a time.
  static let slack = 256 << 10
  /// A shorter run of zeroes is treated as data, as each run has to be noted.
  private static let shortestRun = 4096
  /// The most runs that are noted; there may be a few more.
  private static let mostPieces = 64 << 10

  /// The place of the first byte that was not given.
  private(set) var start: UInt64 = 0
  /// Up to where bytes can be given.
  private(set) var released: UInt64 = 0
  /// The end of what was decoded.
  private(set) var end: UInt64 = 0

  private var pieces: [Piece] = []
  /// The first piece that was not given as a whole.
  private var first = 0
  private var memory: Memory?
  /// Where in the memory the data lies.
  private var filled = 0..<0

  /// How many bytes can be given.
  var count: UInt64 { released - start }

  /// Whether `count` more bytes of data can be put in.
  func hasRoom(for count: Int) -> Bool {
    filled.count <= Self.capacity - count && pieces.count - first < Self.mostPieces
  }

  // MARK: Putting in

  /// Where a decoder can put up to `count` bytes, for which there must be room, and the slack.
  mutating func space(for count: Int) throws(TransferError) -> UnsafeMutableRawBufferPointer {
    guard let memory = self.memory ?? Memory(count: Self.capacity + Self.slack) else {
      throw noMemory(for: "decoding")
    }
    self.memory = memory
    if memory.bytes.count - filled.upperBound < count, let start = memory.bytes.baseAddress {
      memmove(start, start + filled.lowerBound, filled.count)
      filled = 0..<filled.count
    }
    return UnsafeMutableRawBufferPointer(rebasing: memory.bytes[filled.upperBound...])
  }

  /// Takes the first `count` bytes of the space, held back.
  mutating func append(_ count: Int) {
    guard count > 0, let memory else { return }
    let bytes = UnsafeRawBufferPointer(memory.bytes)
      .part(filled.upperBound..<filled.upperBound + count)
    guard count < Self.shortestRun || !bytes.isZero else { return append(zeroes: UInt64(count)) }
    filled = filled.lowerBound..<filled.upperBound + count
    append(isZero: false, UInt64(count))
  }

  /// Takes `count` zeroes, held back; not fewer than a page.
  mutating func append(zeroes count: UInt64) {
    append(isZero: true, count)
  }

  private mutating func append(isZero: Bool, _ count: UInt64) {
    end += count
    if first < pieces.count, pieces[pieces.count - 1].isZero == isZero {
      pieces[pieces.count - 1].end = end
    } else {
      pieces.append(Piece(isZero: isZero, end: end))
    }
  }

  /// Lets all that was decoded be given.
  mutating func release() { released = end }

  // MARK: Giving

  /// What is at `distance` bytes ahead and after, if it can be given.
  func run(at distance: UInt64) -> SourceRun? {
    guard distance < count else { return nil }
    let offset = start + distance
    // Looks for the first piece that ends above the offset.
    var low = first
    var high = pieces.count
    while low < high {
      let middle = low + (high - low) / 2
      if pieces[middle].end <= offset { low = middle + 1 } else { high = middle }
    }
    let length = min(pieces[low].end, released) - offset
    return pieces[low].isZero ? .zeroes(length) : .data(length)
  }

  /// Gives as many bytes as `buffer` has room for.
  mutating func take(into buffer: inout OutputRawSpan) {
    while count > 0, buffer.freeCapacity > 0 {
      let piece = pieces[first]
      let part = Int(min(UInt64(buffer.freeCapacity), min(piece.end, released) - start))
      if piece.isZero {
        buffer.append(repeating: 0, count: part, as: UInt8.self)
      } else if let memory {
        let bytes = UnsafeRawBufferPointer(memory.bytes)
          .part(filled.lowerBound..<filled.lowerBound + part)
        buffer.withUnsafeMutableBytes { (space, initialized) in
          UnsafeMutableRawBufferPointer(rebasing: space[initialized...]).copyMemory(from: bytes)
          initialized += part
        }
      }
      forget(UInt64(part))
    }
  }

  /// Drops up to `count` bytes.
  ///
  /// - Returns: How many.
  mutating func drop(_ count: UInt64) -> UInt64 {
    let end = start + min(count, self.count)
    let dropped = end - start
    while start < end { forget(min(pieces[first].end, end) - start) }
    return dropped
  }

  /// Forgets `count` bytes of the first piece.
  private mutating func forget(_ count: UInt64) {
    start += count
    if !pieces[first].isZero {
      filled = filled.lowerBound + Int(count)..<filled.upperBound
    }
    if filled.isEmpty { filled = 0..<0 }
    guard pieces[first].end == start else { return }
    first += 1
    guard first == pieces.count || first > 1024 else { return }
    pieces.removeFirst(first)
    first = 0
  }
}
