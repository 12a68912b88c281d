extension StreamedDisk {
  /// Where the disk's zeroes are, as far as that is known. The answer may end before the range does.
  ///
  /// The source reads ahead for it, and what it reads then is not lost. What a raw source will give may
  /// be anything; so may be what went by.
  ///
  /// - Parameters:
  ///   - range: Not empty.
  ///   - onlyFirst: Whether no more than the first extent is wanted.
  /// - Returns: Extents in ascending order, from the beginning of the range on and without a gap;
  ///   neighbours are of different kinds.
  /// - Throws: ``ReadError/interrupted`` alone.
  public mutating func extents(
    in range: Range<UInt64>, onlyFirst: Bool
  ) throws(ReadError) -> [(range: Range<UInt64>, kind: StreamExtent)] {
    // A client asks again for what is behind them.
    let most = 1024
    // Longer than a client reads at a time: to look on for the end of such an extent is of no use.
    let enough: UInt64 = 4 << 20
    var extents: [(range: Range<UInt64>, kind: StreamExtent)] = []
    var next = range.lowerBound
    while next < range.upperBound {
      let (end, kind) = try extent(in: next..<range.upperBound)
      if let last = extents.last, last.kind == kind {
        extents[extents.count - 1].range = last.range.lowerBound..<end
      } else {
        if extents.count == (onlyFirst ? 1 : most) { break }
        extents.append((next..<end, kind))
      }
      next = end
      if onlyFirst, kind == .data, next - range.lowerBound >= enough { break }
    }
    return extents
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
