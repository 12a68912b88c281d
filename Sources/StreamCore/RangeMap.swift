/// A value for each of many ranges of the disk: ranges that don't overlap, in ascending order,
/// neighbours of one value merged.
///
/// The pieces lie in leaves. An insert among a million pieces moves at most a leaf, 6 KiB, and once
/// in a hundred inserts or more the list of the leaves too. It does not move all that follows, 24
/// MB.
struct RangeMap<Value: Equatable & Sendable>: Sendable {
  struct Piece: Equatable, Sendable {
    var range: Range<UInt64>
    let value: Value
  }

  /// How many pieces there are.
  private(set) var count = 0
  /// In ascending order; a leaf is empty only if it is the only one.
  private var leaves: [[Piece]] = [[]]
  private let leafCapacity: Int

  init(leafCapacity: Int = 256) {
    self.leafCapacity = leafCapacity
  }

  var isEmpty: Bool { count == 0 }
  var first: Piece? { leaves[0].first }
  var last: Piece? { leaves[leaves.count - 1].last }

  /// The lowest piece with bytes at or above `offset`.
  func first(reaching offset: UInt64) -> Piece? {
    piece(at: index(reaching: offset))
  }

  /// The pieces with bytes in `range`, in ascending order and cut to it.
  func pieces(in range: Range<UInt64>) -> Pieces {
    Pieces(map: self, rest: range)
  }

  struct Pieces: Sequence, IteratorProtocol {
    fileprivate let map: RangeMap
    fileprivate var rest: Range<UInt64>

    mutating func next() -> Piece? {
      guard !rest.isEmpty, let next = map.first(reaching: rest.lowerBound) else { return nil }
      let part = next.range.clamped(to: rest)
      rest = rest.part(from: part.upperBound)
      return part.isEmpty ? nil : Piece(range: part, value: next.value)
    }
  }

  /// Adds a range of which no byte has a value.
  mutating func insert(_ range: Range<UInt64>, _ value: Value) {
    guard !range.isEmpty else { return }
    let next = index(reaching: range.lowerBound)
    var end: UInt64?
    if let above = piece(at: next), above.value == value,
      above.range.lowerBound == range.upperBound
    {
      end = above.range.upperBound
    }
    if let previous = index(before: next), self[previous].value == value,
      self[previous].range.upperBound == range.lowerBound
    {
      self[previous].range = self[previous].range.lowerBound..<(end ?? range.upperBound)
      if end != nil { remove(next, Index(leaf: next.leaf, slot: next.slot + 1)) }
    } else if let end {
      self[next].range = range.lowerBound..<end
    } else {
      add(Piece(range: range, value: value), at: next)
    }
  }

  /// Takes away what is known of `range`, cutting pieces at its ends.
  mutating func remove(_ range: Range<UInt64>) {
    guard !range.isEmpty, let piece = first(reaching: range.lowerBound),
      piece.range.lowerBound < range.upperBound
    else { return }
    cut(at: range.lowerBound)
    cut(at: range.upperBound)
    remove(index(reaching: range.lowerBound), index(reaching: range.upperBound))
  }

  /// Makes two pieces of one that has bytes on both sides of `offset`.
  private mutating func cut(at offset: UInt64) {
    let index = index(reaching: offset)
    guard let old = piece(at: index), old.range.lowerBound < offset else { return }
    self[index].range = old.range.lowerBound..<offset
    add(
      Piece(range: offset..<old.range.upperBound, value: old.value),
      at: Index(leaf: index.leaf, slot: index.slot + 1))
  }
}

// MARK: Leaves

extension RangeMap {
  /// Where a piece is. The end is one past the last piece of the last leaf.
  private struct Index {
    let leaf: Int
    let slot: Int
  }

  private subscript(index: Index) -> Piece {
    get { leaves[index.leaf][index.slot] }
    set { leaves[index.leaf][index.slot] = newValue }
  }

  private func piece(at index: Index) -> Piece? {
    index.slot < leaves[index.leaf].count ? self[index] : nil
  }

  /// The lowest piece with bytes at or above `offset`, or the end.
  private func index(reaching offset: UInt64) -> Index {
    guard !isEmpty else { return Index(leaf: 0, slot: 0) }
    let passed = leaves.prefixCount { $0[$0.count - 1].range.upperBound <= offset }
    let leaf = min(passed, leaves.count - 1)
    let slot = leaves[leaf].prefixCount { $0.range.upperBound <= offset }
    return Index(leaf: leaf, slot: slot)
  }

  private func index(before index: Index) -> Index? {
    if index.slot > 0 { return Index(leaf: index.leaf, slot: index.slot - 1) }
    guard index.leaf > 0 else { return nil }
    return Index(leaf: index.leaf - 1, slot: leaves[index.leaf - 1].count - 1)
  }

  private mutating func add(_ piece: Piece, at index: Index) {
    count += 1
    leaves[index.leaf].insert(piece, at: index.slot)
    guard leaves[index.leaf].count > leafCapacity else { return }
    // Pieces that come in ascending order leave full leaves behind, other pieces leave half full
    // ones.
    let isAtEnd = index.leaf == leaves.count - 1 && index.slot == leafCapacity
    let upper = leaves[index.leaf][(isAtEnd ? leafCapacity : leafCapacity / 2)...]
    leaves.insert(Array(upper), at: index.leaf + 1)
    leaves[index.leaf].removeLast(upper.count)
  }

  /// Removes the pieces from `start` up to `end`.
  private mutating func remove(_ start: Index, _ end: Index) {
    if start.leaf == end.leaf {
      count -= end.slot - start.slot
      leaves[start.leaf].removeSubrange(start.slot..<end.slot)
    } else {
      count -= leaves[start.leaf..<end.leaf].reduce(end.slot - start.slot) { $0 + $1.count }
      leaves[end.leaf].removeSubrange(..<end.slot)
      leaves[start.leaf].removeSubrange(start.slot...)
      leaves.removeSubrange(start.leaf + 1..<end.leaf)
    }
    join(start.leaf)
    join(start.leaf - 1)
  }

  /// Merges `leaf` and the next one, if they have become small.
  private mutating func join(_ leaf: Int) {
    guard leaf >= 0, leaf + 1 < leaves.count else { return }
    let counts = (leaves[leaf].count, leaves[leaf + 1].count)
    guard counts.0 == 0 || counts.1 == 0 || counts.0 + counts.1 <= leafCapacity / 2 else { return }
    leaves[leaf] += leaves.remove(at: leaf + 1)
  }
}

extension Array {
  /// How many elements come before the first one for which `isBefore` is false; it must be false
  /// for all that follow. This takes logarithmic time.
  fileprivate func prefixCount(where isBefore: (Element) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = low + (high - low) / 2
      if isBefore(self[middle]) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
