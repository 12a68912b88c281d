/// A set of bytes of the disk, as sorted ranges that neither overlap nor touch.
struct ByteRangeSet: Sendable {
  private(set) var ranges: [Range<UInt64>] = []

  var isEmpty: Bool { ranges.isEmpty }

  /// The index of the first range that ends at or after `offset`. Logarithmic.
  private func firstIndex(endingAtOrAfter offset: UInt64) -> Int {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = low + (high - low) / 2
      if ranges[middle].upperBound < offset { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The lowest of the set's ranges that has bytes in `range`, cut to it.
  func first(overlapping range: Range<UInt64>) -> Range<UInt64>? {
    var index = firstIndex(endingAtOrAfter: range.lowerBound)
    while index < ranges.count, ranges[index].lowerBound < range.upperBound {
      let common = ranges[index].clamped(to: range)
      if !common.isEmpty { return common }
      index += 1
    }
    return nil
  }

  /// Whether all bytes of `range` are in the set.
  func contains(_ range: Range<UInt64>) -> Bool {
    first(overlapping: range) == range
  }

  mutating func insert(_ range: Range<UInt64>) {
    guard !range.isEmpty else { return }
    let first = firstIndex(endingAtOrAfter: range.lowerBound)
    var last = first
    var merged = range
    while last < ranges.count, ranges[last].lowerBound <= range.upperBound {
      merged =
        min(
          merged.lowerBound, ranges[last].lowerBound)..<max(
          merged.upperBound, ranges[last].upperBound)
      last += 1
    }
    ranges.replaceSubrange(first..<last, with: CollectionOfOne(merged))
  }

  mutating func remove(_ range: Range<UInt64>) {
    guard !range.isEmpty, !ranges.isEmpty else { return }
    let first = firstIndex(endingAtOrAfter: range.lowerBound)
    var last = first
    var kept: [Range<UInt64>] = []
    while last < ranges.count, ranges[last].lowerBound < range.upperBound {
      let old = ranges[last]
      if old.lowerBound < range.lowerBound {
        kept.append(old.lowerBound..<min(old.upperBound, range.lowerBound))
      }
      if old.upperBound > range.upperBound { kept.append(range.upperBound..<old.upperBound) }
      last += 1
    }
    ranges.replaceSubrange(first..<last, with: kept)
  }

  /// Forgets the lowest ranges until `count` are left.
  mutating func keepHighest(_ count: Int) {
    ranges.removeFirst(max(0, ranges.count - count))
  }
}
