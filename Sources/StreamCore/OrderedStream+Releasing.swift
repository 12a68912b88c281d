extension OrderedStream {
  /// How far the stream may be sent: to the first missing byte, but not into what has to stay
  /// changeable.
  func due(_ firstMissing: UInt64, _ high: UInt64) -> UInt64 {
    if isHoldingHead(high) { return 0 }
    let settled = high > limits.rewind ? high - limits.rewind : 0
    return max(position, min(firstMissing, settled))
  }

  /// Sends what is held below `limit`, without a gap.
  mutating func release(upTo limit: UInt64) throws(StreamError) {
    while position < limit {
      guard let piece = backlog.next else {
        preconditionFailure("nothing is held at \(position), below \(limit)")
      }
      let start = position
      var end = min(piece.range.upperBound, limit)
      // It is sent in parts, as each part gives its room back: one piece may be all that waited.
      if case .stored = piece.value { end = min(end, start + 1 << 20) }
      let result = send(piece.value, upTo: end)
      let sent = start..<position
      backlog.removeSent(upTo: position)
      switch piece.value {
      case .stored(let shift): store.discard(sent.shifted(by: shift))
      case .zeroes: zeroesSent += sent.length
      case .hole:
        zeroesSent += sent.length
        coverage.noteHole(sent)
      }
      try result.get()
    }
  }

  /// Sends what is held from the position up to `end`, all of one kind.
  private mutating func send(_ kind: Held, upTo end: UInt64) -> Result<Void, StreamError> {
    do {
      switch kind {
      case .zeroes, .hole:
        try sink.sendZeroes(end - position, advancing: &position)
      case .stored(let shift):
        try store.send((position..<end).shifted(by: shift), to: &sink, advancing: &position)
      }
      return .success(())
    } catch {
      return .failure(StreamError(error))
    }
  }
}
