import Testing

@testable import StreamCore

@Suite("A map of ranges")
struct RangeMapTests {
  private static let size = 60

  private enum Colour: Equatable, CaseIterable {
    case red
    case green
  }

  /// A value for each byte.
  private struct Naive {
    var colours = [Colour?](repeating: nil, count: size)

    /// The ranges of one colour, ascending.
    var pieces: [RangeMap<Colour>.Piece] {
      var pieces: [RangeMap<Colour>.Piece] = []
      for (offset, colour) in colours.enumerated() {
        guard let colour else { continue }
        let start = UInt64(offset)
        if let last = pieces.last, last.value == colour, last.range.upperBound == start {
          pieces[pieces.count - 1].range = last.range.lowerBound..<start + 1
        } else {
          pieces.append(.init(range: start..<start + 1, value: colour))
        }
      }
      return pieces
    }
  }

  /// Leaves so small are split and joined all the time.
  @Test("is a value for each byte, whatever comes and goes", arguments: [2, 3, 4, 256])
  func random(leafCapacity: Int) throws {
    var generator = SeededGenerator(seed: Environment.seed)
    var map = RangeMap<Colour>(leafCapacity: leafCapacity)
    var naive = Naive()
    for step in 0..<3000 {
      let start = Int.random(in: 0..<Self.size, using: &generator)
      let longest = Self.size - start
      // Long and short by turns, so that the map grows and shrinks.
      let length = step % 100 < 80 ? min(longest, 2) : longest
      let range = start..<start + Int.random(in: 0...length, using: &generator)
      map.remove(range.wide)
      for offset in range { naive.colours[offset] = nil }
      if step % 3 > 0, let colour = Colour.allCases.randomElement(using: &generator) {
        map.insert(range.wide, colour)
        for offset in range { naive.colours[offset] = colour }
      }
      try expect(map, is: naive, "SEED=\(Environment.seed), step \(step)")
    }
  }

  private func expect(_ map: RangeMap<Colour>, is naive: Naive, _ comment: Comment) throws {
    let pieces = naive.pieces
    try #require(map.count == pieces.count, comment)
    try #require(map.isEmpty == pieces.isEmpty, comment)
    try #require(map.first == pieces.first, comment)
    try #require(map.last == pieces.last, comment)
    var index = 0
    for offset in 0..<UInt64(Self.size) {
      if index < pieces.count, pieces[index].range.upperBound <= offset { index += 1 }
      let expected = index < pieces.count ? pieces[index] : nil
      guard map.first(reaching: offset) != expected else { continue }
      try #require(map.first(reaching: offset) == expected, comment)
    }
    let middle = 7..<41
    let parts = pieces.filter { $0.range.overlaps(middle.wide) }.map {
      RangeMap.Piece(range: $0.range.clamped(to: middle.wide), value: $0.value)
    }
    try #require(Array(map.pieces(in: middle.wide)) == parts, comment)
  }

  @Test("neighbours of one value are merged")
  func merged() {
    var map = RangeMap<Colour>()
    map.insert(0..<2, .red)
    map.insert(4..<6, .red)
    map.insert(6..<8, .green)
    map.insert(2..<4, .red)
    #expect(map.count == 2)
    #expect(map.first?.range == 0..<6)
  }

  @Test("a removal cuts pieces at its ends")
  func cut() {
    var map = RangeMap<Colour>()
    map.insert(0..<10, .red)
    map.remove(4..<6)
    #expect(map.first?.range == 0..<4)
    #expect(map.last?.range == 6..<10)
  }

  @Test("a hundred thousand pieces come and go in any order")
  func many() {
    var generator = SeededGenerator(seed: Environment.seed)
    var map = RangeMap<Colour>()
    let offsets = (0..<UInt64(100_000)).shuffled(using: &generator)
    for offset in offsets { map.insert(2 * offset..<2 * offset + 1, .red) }
    #expect(map.count == offsets.count)
    #expect(map.pieces(in: 0..<200_000).count { $0.range.length == 1 } == 100_000)
    for offset in offsets.dropFirst() { map.remove(2 * offset..<2 * offset + 1) }
    #expect(map.count == 1)
    #expect(map.first?.range == 2 * offsets[0]..<2 * offsets[0] + 1)
  }
}
