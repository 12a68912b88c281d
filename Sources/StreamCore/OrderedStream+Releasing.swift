extension OrderedStream {
  /// How far the stream may be sent now: to the first missing byte, but not into what has to stay
  /// changeable.
  var due: UInt64 {
    if isHoldingHead { return 0 }
    let settled = high > limits.rewind ? high - limits.rewind : 0
    return max(position, min(firstMissing, settled))
  }

  /// Sends what is held below `limit`.
  ///
  /// - Parameters:
  ///   - requested: The request at hand; its bytes below `limit` are in `bytes`, not in the store.
  ///   - bytes: Empty for zeroes.
  mutating func release(
    upTo limit: UInt64, requested: Range<UInt64> = 0..<0, _ bytes: RawSpan = RawSpan()
  ) throws(StreamError) {
    while position < limit, let piece = held.first {
      let start = position
      let result = send(piece, upTo: limit, requested, bytes)
      let sent = start..<position
      held.remove(sent)
      switch piece.value {
      case .data: store.discard(sent)
      case .zeroes: zeroesSent += position - start
      case .hole:
        zeroesSent += position - start
        rememberHole(sent)
      }
      try result.get()
    }
  }

  /// Sends the lowest held piece or a part of it: up to `limit` and not across an end of the request
  /// at hand, whose bytes lie elsewhere.
  private mutating func send(
    _ piece: RangeMap<Held>.Piece, upTo limit: UInt64, _ requested: Range<UInt64>, _ bytes: RawSpan
  ) -> Result<Void, StreamError> {
    var end = min(piece.range.upperBound, limit)
    do {
      switch piece.value {
      case .zeroes, .hole:
        try sink.sendZeroes(end - position, advancing: &position)
      case .data where requested.contains(position):
        end = min(end, requested.upperBound)
        let first = Int(position - requested.lowerBound)
        let last = Int(end - requested.lowerBound)
        try sink.send(bytes.extracting(first..<last), advancing: &position)
      case .data:
        if position < requested.lowerBound { end = min(end, requested.lowerBound) }
        try store.send(position..<end, to: &sink, advancing: &position)
      }
      return .success(())
    } catch {
      return .failure(StreamError(error))
    }
  }

  /// Remembers a sent hole. Only the newest 65,536: a late zero for an older one is refused as late,
  /// which is rarer than a disk with that many holes is common.
  private mutating func rememberHole(_ range: Range<UInt64>) {
    sentHoles.insert(range)
    if sentHoles.count > 65_536, let oldest = sentHoles.first { sentHoles.remove(oldest) }
  }

  /// Gives up waiting for the oldest gap: it becomes zeroes.
  ///
  /// - Throws: `owed` if a request for bytes of it failed.
  mutating func makeHole() throws(StreamError) {
    guard let next = held.first(reaching: firstMissing) else { return }
    let gap = firstMissing..<next.range.lowerBound
    if let missing = owed.first(overlapping: gap) { throw .owed(missing) }
    held.insert(gap, .hole)
    passHeld()
  }

  /// Moves firstMissing past what is held without a gap.
  mutating func passHeld() {
    while let piece = held.first(reaching: firstMissing), piece.range.lowerBound <= firstMissing {
      if piece.value == .data { waiting -= piece.range.upperBound - firstMissing }
      firstMissing = piece.range.upperBound
    }
  }

  /// Drops what is held of `range`, for something else to take its place.
  mutating func forget(_ range: Range<UInt64>) {
    waiting -= held.bytes(of: .data, in: range.part(from: firstMissing))
    held.remove(range)
    store.discard(range)
  }
}
