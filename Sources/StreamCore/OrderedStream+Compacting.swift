extension OrderedStream {
  /// The most bytes that are moved at once.
  private static var most: UInt64 { 256 << 10 }

  /// Stores again what is kept, without room in between: what lay there was sent or was written
  /// anew. If there is no room for that, everything stays as it is.
  mutating func compact() {
    var pieces: [(range: Range<UInt64>, shift: UInt64)] = []
    for piece in backlog.pieces(in: position..<UInt64.max) {
      if case .stored(let shift) = piece.value { pieces.append((piece.range, shift)) }
    }
    // The pieces go in the order of their locations, so that the room before them becomes free on
    // the way.
    pieces.sort { $0.range.lowerBound &+ $0.shift < $1.range.lowerBound &+ $1.shift }
    for (range, shift) in pieces {
      var rest = range
      while !rest.isEmpty {
        let part = rest.lowerBound..<rest.lowerBound + min(rest.length, Self.most)
        let old = part.shifted(by: shift)
        guard let new = try? store.storeAgain(old) else { return }
        store.discard(old)
        backlog.move(part, to: new)
        rest = rest.part(from: part.upperBound)
      }
    }
  }
}
