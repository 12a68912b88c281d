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
  ///   - bytes: Those of the request at hand, of which some may be passing. Empty for zeroes.
  ///   - offset: Where the request begins.
  mutating func release(
    upTo limit: UInt64, passing bytes: RawSpan = RawSpan(), at offset: UInt64 = 0
  ) throws(StreamError) {
    while position < limit, let piece = held.first {
      let start = position
      var end = min(piece.range.upperBound, limit)
      // In parts, as each gives its room back: one piece may be all that waited.
      if case .stored = piece.value { end = min(end, start + 1 << 20) }
      let result = send(piece.value, upTo: end, passing: bytes, at: offset)
      let sent = start..<position
      held.remove(sent)
      switch piece.value {
      case .passing: break
      case .stored(let shift): store.discard(sent.shifted(by: shift))
      case .zeroes: zeroesSent += sent.length
      case .hole:
        zeroesSent += sent.length
        sentHoles.remember(sent)
      }
      try result.get()
    }
  }

  /// Sends what is held from the position up to `end`, all of one kind.
  private mutating func send(
    _ kind: Held, upTo end: UInt64, passing bytes: RawSpan, at offset: UInt64
  ) -> Result<Void, StreamError> {
    do {
      switch kind {
      case .zeroes, .hole:
        try sink.sendZeroes(end - position, advancing: &position)
      case .passing:
        let part = Int(position - offset)..<Int(end - offset)
        try sink.send(bytes.extracting(part), advancing: &position)
      case .stored(let shift):
        try store.send((position..<end).shifted(by: shift), to: &sink, advancing: &position)
      }
      return .success(())
    } catch {
      return .failure(StreamError(error))
    }
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
      if piece.value.isData { waiting -= piece.range.upperBound - firstMissing }
      firstMissing = piece.range.upperBound
    }
  }

  /// Drops what is held of `range`, for something else to take its place.
  mutating func forget(_ range: Range<UInt64>) {
    for piece in held.pieces(in: range) where piece.value.isData {
      waiting -= piece.range.part(from: firstMissing).length
      if case .stored(let shift) = piece.value { store.discard(piece.range.shifted(by: shift)) }
    }
    held.remove(range)
  }
}

extension ByteRangeSet {
  /// Inserts a hole. Only the newest 65,536 are kept: a late zero for an older one is refused as late,
  /// which is rarer than a disk with that many holes is common.
  mutating func remember(_ range: Range<UInt64>) {
    insert(range)
    if count > 65_536, let oldest = first { remove(oldest) }
  }
}
