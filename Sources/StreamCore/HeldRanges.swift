/// A range of the disk that was accepted and not sent yet.
struct HeldRange: Equatable, Sendable {
  enum Kind: Sendable {
    /// Bytes the client wrote; the store has them.
    case data
    /// Zeroes the client asked for.
    case zeroes
    /// Zeroes the client did not ask for: a gap that is not waited for any longer.
    case hole
  }

  var range: Range<UInt64>
  let kind: Kind
}

/// What is held, in the order of the disk: ranges that don't overlap, neighbours of one kind merged.
struct HeldRanges: Sendable {
  private(set) var pieces: [HeldRange] = []

  var isEmpty: Bool { pieces.isEmpty }
  var first: HeldRange? { pieces.first }
  var last: HeldRange? { pieces.last }

  /// The index of the first piece with bytes at or above `offset`. Logarithmic.
  func firstIndex(reaching offset: UInt64) -> Int {
    var low = 0
    var high = pieces.count
    while low < high {
      let middle = low + (high - low) / 2
      if pieces[middle].range.upperBound <= offset { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The lowest piece with bytes at or above `offset`.
  func first(reaching offset: UInt64) -> HeldRange? {
    let index = firstIndex(reaching: offset)
    return index < pieces.count ? pieces[index] : nil
  }

  /// Adds a range of which nothing is held.
  mutating func insert(_ range: Range<UInt64>, _ kind: HeldRange.Kind) {
    guard !range.isEmpty else { return }
    var merged = range
    let index = firstIndex(reaching: range.lowerBound)
    var replaced = index..<index
    if index < pieces.count, pieces[index].kind == kind,
      pieces[index].range.lowerBound == range.upperBound
    {
      merged = merged.lowerBound..<pieces[index].range.upperBound
      replaced = index..<index + 1
    }
    if index > 0, pieces[index - 1].kind == kind,
      pieces[index - 1].range.upperBound == range.lowerBound
    {
      merged = pieces[index - 1].range.lowerBound..<merged.upperBound
      replaced = index - 1..<replaced.upperBound
    }
    pieces.replaceSubrange(
      replaced, with: CollectionOfOne(HeldRange(range: merged, kind: kind)))
  }

  /// Removes what is held of `range`, cutting pieces at its ends.
  ///
  /// - Returns: How many bytes of data that were.
  @discardableResult
  mutating func remove(_ range: Range<UInt64>) -> UInt64 {
    guard !range.isEmpty else { return 0 }
    let first = firstIndex(reaching: range.lowerBound)
    var last = first
    var kept: [HeldRange] = []
    var data: UInt64 = 0
    while last < pieces.count, pieces[last].range.lowerBound < range.upperBound {
      let old = pieces[last]
      let cut = old.range.clamped(to: range)
      if old.kind == .data { data += cut.upperBound - cut.lowerBound }
      if old.range.lowerBound < cut.lowerBound {
        kept.append(HeldRange(range: old.range.lowerBound..<cut.lowerBound, kind: old.kind))
      }
      if cut.upperBound < old.range.upperBound {
        kept.append(HeldRange(range: cut.upperBound..<old.range.upperBound, kind: old.kind))
      }
      last += 1
    }
    if first < last { pieces.replaceSubrange(first..<last, with: kept) }
    return data
  }
}
