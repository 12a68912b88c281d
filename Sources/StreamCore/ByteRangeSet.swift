/// A set of bytes of the disk.
struct ByteRangeSet: Sendable {
  private enum Member: Sendable {
    case it
  }

  private var map = RangeMap<Member>()

  var isEmpty: Bool { map.isEmpty }
  /// How many ranges the set is made of; they neither overlap nor touch.
  var count: Int { map.count }
  var first: Range<UInt64>? { map.first?.range }

  /// All its ranges, lowest first.
  var ranges: [Range<UInt64>] { map.pieces(in: 0..<UInt64.max).map(\.range) }

  /// How many bytes are in the set.
  var length: UInt64 { ranges.reduce(0) { $0 + $1.length } }

  /// The lowest of the set's ranges that has bytes in `range`, cut to it.
  func first(overlapping range: Range<UInt64>) -> Range<UInt64>? {
    var pieces = map.pieces(in: range)
    return pieces.next()?.range
  }

  /// Whether all bytes of `range` are in the set.
  func contains(_ range: Range<UInt64>) -> Bool {
    first(overlapping: range) == range
  }

  mutating func insert(_ range: Range<UInt64>) {
    map.remove(range)
    map.insert(range, .it)
  }

  mutating func remove(_ range: Range<UInt64>) {
    map.remove(range)
  }

  /// - Returns: How many bytes were in the set.
  mutating func removeCounting(_ range: Range<UInt64>) -> UInt64 {
    var count: UInt64 = 0
    for piece in map.pieces(in: range) { count += piece.range.length }
    map.remove(range)
    return count
  }
}
