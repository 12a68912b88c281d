extension StreamedDisk {
  /// Where the disk's zeroes are, as far as that is known. The answer may end before the range does.
  ///
  /// The source reads ahead for it, and what it reads then is not lost. What a raw source will give may
  /// be anything; so may be what went by.
  ///
  /// - Parameters:
  ///   - range: Not empty.
  ///   - onlyFirst: Whether no more than the first extent is wanted.
  ///   - alignment: What the borders of a hole within the range are multiples of. `qemu-img convert`
  ///     rounds the end of a hole up to the next sector, data or not.
  /// - Returns: Extents in ascending order, from the beginning of the range on and without a gap;
  ///   neighbours are of different kinds.
  /// - Throws: ``ReadError/interrupted`` alone.
  public mutating func extents(
    in range: Range<UInt64>, onlyFirst: Bool, alignment: UInt64 = 4096
  ) throws(ReadError) -> [(range: Range<UInt64>, kind: StreamExtent)] {
    // A client asks again for what is behind them.
    let most = onlyFirst ? 1 : 1024
    // Longer than a client reads at a time: to look on for the end of such an extent is of no use.
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

/// Extents as they are found, one behind the other.
private struct ExtentList {
  /// Those that nothing more is added to, but for the last one if that is data.
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

  /// All of them.
  consuming func finished() -> [(range: Range<UInt64>, kind: StreamExtent)] {
    settleHole()
    return settled
  }

  /// Moves the borders of the last hole inwards to multiples of the alignment; what is outside is data.
  private mutating func settleHole() {
    guard let start = holeStart else { return }
    holeStart = nil
    let beyond = start % alignment
    let first = min(beyond == 0 ? start : start + (alignment - beyond), end)
    // What follows the range is not told; a disk need not end at a multiple.
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
