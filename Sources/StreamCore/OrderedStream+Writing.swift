extension OrderedStream {
  /// Accepts `bytes` for the disk at `offset`, and sends all that is due.
  ///
  /// - Parameters:
  ///   - bytes: Lent until this returns; not empty.
  ///   - offset: In bytes; `offset + bytes.byteCount` must not overflow.
  /// - Throws: Why the request is refused. Its bytes are then owed, unless the whole stream failed.
  public mutating func write(_ bytes: RawSpan, at offset: UInt64) throws(StreamError) {
    let range = offset..<offset + UInt64(bytes.byteCount)
    guard isNext(range) else { return try accept(range, bytes) }
    // The fast path: the request's own buffer goes to the sink.
    do {
      defer { backlog.skip(to: position) }
      try sink.send(bytes, advancing: &position)
    } catch {
      throw refuse(range, StreamError(error))
    }
    coverage.noteChange()
  }

  /// Accepts zeroes for `range`, of any length but 0. This is like a write, but without bytes.
  ///
  /// - Throws: As ``write(_:at:)``, except that zeroes for what was sent as a hole are accepted.
  public mutating func zero(_ range: Range<UInt64>) throws(StreamError) {
    if isNext(range) { return try sendZeroes(range) }
    let sent = range.part(upTo: position)
    guard !sent.isEmpty, failure == nil, coverage.isHole(sent) else {
      return try accept(range, nil)
    }
    let missing = coverage.missing(in: sent)
    let rest = range.part(from: position)
    if !rest.isEmpty { try accept(rest, nil) }
    coverage.noteZeroed(sent, missing: missing)
    coverage.noteChange()
  }

  /// The fast path of zeroes.
  private mutating func sendZeroes(_ range: Range<UInt64>) throws(StreamError) {
    do {
      defer {
        zeroesSent += position - range.lowerBound
        backlog.skip(to: position)
      }
      try sink.sendZeroes(range.length, advancing: &position)
    } catch {
      throw refuse(range, StreamError(error))
    }
    coverage.noteChange()
  }

  /// Whether `range` can go to the sink as it is: nothing is missing, nothing is held, nothing has
  /// to stay changeable.
  private func isNext(_ range: Range<UInt64>) -> Bool {
    range.lowerBound == position && backlog.isEmpty && failure == nil
      && limits.rewind == 0 && range.upperBound > limits.head
  }

  /// The general way: makes holes until what waits is within bounds, holds what of `range` is not
  /// due, and sends what is.
  ///
  /// - Parameter bytes: `nil` for zeroes.
  private mutating func accept(
    _ range: Range<UInt64>, _ bytes: RawSpan?
  ) throws(StreamError) {
    guard failure == nil else { throw .failedBefore }
    guard range.lowerBound >= position else {
      missedWindow = windowMissed(by: range)
      throw refuse(range, .late(range, position: position))
    }
    do {
      try waitForReader()
      let due = try makeRoom(for: range, data: UInt64(bytes?.byteCount ?? 0))
      if let bytes {
        try accept(bytes, range, due: due)
      } else {
        backlog.holdZeroes(range, &store)
      }
      try release(upTo: due)
    } catch {
      throw refuse(range, error)
    }
    coverage.noteChange()
  }

  /// Stores the part of a request that has to wait, which is the part at or above `due`. The part
  /// below goes to the sink from the request's own buffer, after what is held before it.
  private mutating func accept(
    _ bytes: RawSpan, _ range: Range<UInt64>, due: UInt64
  ) throws(StreamError) {
    let passing = range.part(upTo: due)
    let kept = range.part(from: due)
    if !passing.isEmpty { backlog.clear(passing, &store) }
    if !kept.isEmpty {
      do {
        let rest = bytes.extracting(last: Int(kept.length))
        try backlog.hold(rest, at: kept.lowerBound, &store)
      } catch {
        throw .noRoom(error)
      }
      if store.isSparse { compact() }
    }
    guard !passing.isEmpty else { return }
    try release(upTo: passing.lowerBound)
    defer { backlog.skip(to: position) }
    do {
      try sink.send(bytes.extracting(first: Int(passing.length)), advancing: &position)
    } catch {
      throw StreamError(error)
    }
  }

  private mutating func waitForReader() throws(StreamError) {
    do { try sink.waitForReader() } catch { throw StreamError(error) }
  }

  /// Makes holes until what waits is within bounds, `range` included.
  ///
  /// - Returns: How far the stream may be sent once `range` is held.
  private mutating func makeRoom(
    for range: Range<UInt64>, data: UInt64
  ) throws(StreamError) -> UInt64 {
    let high = max(high, range.upperBound)
    if backlog.isCrowded { settled = high }
    let isHeld = isHoldingHead(high)
    let reached = try backlog.makeRoom(
      for: range, data: data, mostWaiting: isHeld ? nil : limits.reorder)
    return due(reached, high)
  }

  /// The window that would have kept the stream from going past `range`. As many bytes as lie
  /// between the start of the range and the end of all that was written are always enough.
  private func windowMissed(by range: Range<UInt64>) -> Window {
    let enough = max(high, range.upperBound) - range.lowerBound
    let isFirst = coverage.isUntouchedHole(range.part(upTo: position))
    return isFirst && range.lowerBound >= settled
      ? .reorder(atLeast: enough) : .rewind(atLeast: enough)
  }

  /// Answers a request by an error: the part of it that was not sent is owed, and the part that was
  /// sent is missing.
  private mutating func refuse(_ range: Range<UInt64>, _ error: StreamError) -> StreamError {
    if error.isFinal { failure = error }
    if case .late = error {} else { coverage.noteRefused(range.part(upTo: position)) }
    backlog.owe(range.part(from: position), &store)
    return error
  }
}
