extension StreamedDisk {
  /// Where the disk's zeroes are, as far as that is known. The answer may end before the range
  /// does.
  ///
  /// The source reads ahead to find this out, and what it reads then is not lost. The bytes that a
  /// raw source will give may be anything; so may the bytes that went by.
  ///
  /// - Parameters:
  ///   - range: Not empty.
  ///   - onlyFirst: Whether no more than the first extent is wanted.
  ///   - alignment: The borders of a hole within the range are multiples of this.
  ///     `qemu-img convert` rounds the end of a hole up to the next sector, even if that is data.
  /// - Returns: Extents in ascending order, from the beginning of the range on and without a gap;
  ///   neighbours are of different kinds.
  /// - Throws: ``ReadError/interrupted`` alone.
  public mutating func extents(
    in range: Range<UInt64>, onlyFirst: Bool, alignment: UInt64 = 4096
  ) throws(ReadError) -> [(range: Range<UInt64>, kind: StreamExtent)] {
    // A client asks again for what comes after them.
    let most = onlyFirst ? 1 : 1024
    // This is longer than a client reads at a time: it is of no use to look for the end of such an
    // extent.
    let enough: UInt64 = onlyFirst ? 4 << 20 : .max
    var extents = ExtentList(range, alignment: alignment)
    while extents.end < range.upperBound, extents.settled.count <= most {
      let (end, kind) = try extent(in: extents.end..<range.upperBound)
      extents.append(kind, upTo: end)
      if kind == .data, extents.end - range.lowerBound >= enough { break }
    }
    return Array(extents.finished().prefix(most))
  }

  /// What `range` begins with, and where that ends.
  private mutating func extent(
    in range: Range<UInt64>
  ) throws(ReadError) -> (end: UInt64, kind: StreamExtent) {
    let start = range.lowerBound
    if start < position { return keptExtent(in: range.part(upTo: position)) }
    let behindEnd: (UInt64, StreamExtent) = (range.upperBound, pads ? .hole : .data)
    if hasEnded { return behindEnd }
    let run: SourceRun
    do {
      run = try source.run(at: start - position, upTo: range.upperBound - position)
    } catch {
      throw refuse(error)
    }
    switch run {
    case .zeroes(let count): return (start + min(count, range.length), .hole)
    case .data(let count): return (start + min(count, range.length), .data)
    case .unknown: return (range.upperBound, .data)
    case .end: return behindEnd
    }
  }

  private func keptExtent(in range: Range<UInt64>) -> (end: UInt64, kind: StreamExtent) {
    for piece in kept.pieces(in: range) where piece.value == .zeroes {
      return piece.range.lowerBound == range.lowerBound
        ? (piece.range.upperBound, .hole) : (piece.range.lowerBound, .data)
    }
    return (range.upperBound, .data)
  }
}

/// Extents as they are found, one after the other.
private struct ExtentList {
  /// Extents to which nothing more is added, except to the last one if that is data.
  private(set) var settled: [(range: Range<UInt64>, kind: StreamExtent)] = []
  /// The end of all that was found.
  private(set) var end: UInt64

  /// Where the last hole begins, if it may still grow.
  private var holeStart: UInt64?
  private let range: Range<UInt64>
  private let alignment: UInt64

  init(_ range: Range<UInt64>, alignment: UInt64) {
    self.range = range
    self.alignment = alignment
    end = range.lowerBound
  }

  mutating func append(_ kind: StreamExtent, upTo end: UInt64) {
    if kind == .data {
      settleHole()
      settle(.data, self.end..<end)
    } else {
      holeStart = holeStart ?? self.end
    }
    self.end = end
  }

  /// All extents.
  consuming func finished() -> [(range: Range<UInt64>, kind: StreamExtent)] {
    settleHole()
    return settled
  }

  /// Moves the borders of the last hole inwards to multiples of the alignment; what is outside is
  /// data.
  private mutating func settleHole() {
    guard let start = holeStart else { return }
    holeStart = nil
    let beyond = start % alignment
    let first = min(beyond == 0 ? start : start + (alignment - beyond), end)
    // Nothing is said of what follows the range; a disk need not end at a multiple.
    let last = end == range.upperBound ? end : max(end - end % alignment, first)
    settle(.data, start..<first)
    settle(.hole, first..<last)
    settle(.data, last..<end)
  }

  private mutating func settle(_ kind: StreamExtent, _ part: Range<UInt64>) {
    guard !part.isEmpty else { return }
    if let last = settled.last, last.kind == kind {
      settled[settled.count - 1].range = last.range.lowerBound..<part.upperBound
    } else {
      settled.append((part, kind))
    }
  }
}
