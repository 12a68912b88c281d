extension OrderedStream {
  /// Accepts `bytes` for the disk at `offset`, and sends all that is due.
  ///
  /// - Parameters:
  ///   - bytes: Lent until this returns; not empty.
  ///   - offset: In bytes; `offset + bytes.byteCount` must not overflow.
  /// - Throws: Why the request is refused. Its bytes are then owed, unless the whole stream failed.
  public mutating func write(_ bytes: RawSpan, at offset: UInt64) throws(StreamError) {
    let range = offset..<offset + UInt64(bytes.byteCount)
    guard isNext(range) else {
      return try accept(range, .passing, bytes)
    }
    // The fast path: the request's own buffer goes to the sink.
    do {
      try sink.send(bytes, advancing: &position)
      firstMissing = position
    } catch {
      throw refuse(range, StreamError(error))
    }
  }

  /// Accepts zeroes for `range`, which may be of any length: as a write, without bytes.
  ///
  /// - Throws: As ``write(_:at:)``; but zeroes for what was sent as a hole are accepted.
  public mutating func zero(_ range: Range<UInt64>) throws(StreamError) {
    let sent = range.clamped(to: 0..<position)
    guard !sent.isEmpty, failure == nil, sentHoles.contains(sent) else {
      return try accept(range, .zeroes, RawSpan())
    }
    zeroedHoles.remember(sent)
    let rest = range.part(from: position)
    if !rest.isEmpty { try accept(rest, .zeroes, RawSpan()) }
  }

  /// Whether `range` can go to the sink as it is: nothing is missing, nothing is held, nothing has
  /// to stay changeable.
  private func isNext(_ range: Range<UInt64>) -> Bool {
    range.lowerBound == position && held.isEmpty && owed.isEmpty && failure == nil
      && limits.rewind == 0 && range.upperBound > limits.head
  }

  /// The general way: hold `range`, then send what is due.
  private mutating func accept(
    _ range: Range<UInt64>, _ kind: Held, _ bytes: RawSpan
  ) throws(StreamError) {
    guard failure == nil else { throw .failedBefore }
    guard range.lowerBound >= position else {
      missedWindow = windowMissed(by: range)
      throw refuse(range, .late(range, position: position))
    }
    do {
      try waitForReader()
      try hold(range, kind)
      let due = due
      try keep(bytes, of: range, from: due)
      try release(upTo: due, passing: bytes, at: range.lowerBound)
    } catch {
      throw refuse(range, error)
    }
  }

  private mutating func waitForReader() throws(StreamError) {
    do { try sink.waitForReader() } catch { throw StreamError(error) }
  }

  /// Enters `range` as held; the newest wins. Then makes holes until what waits is within bounds.
  private mutating func hold(_ range: Range<UInt64>, _ kind: Held) throws(StreamError) {
    owed.remove(range)
    forget(range)
    held.insert(range, kind)
    if kind.isData { waiting += range.part(from: firstMissing).length }
    passHeld()
    largestDisorder = max(largestDisorder, waiting)
    if held.count > Self.mostPieces { settled = high }
    while isOverfull { try makeHole() }
  }

  /// Stores the part of a request that has to wait, the part at or above `due`. What is below goes
  /// to the sink from the request's own buffer.
  private mutating func keep(
    _ bytes: RawSpan, of range: Range<UInt64>, from due: UInt64
  ) throws(StreamError) {
    let kept = range.part(from: due)
    guard !bytes.isEmpty, !kept.isEmpty else { return }
    do {
      let location = try store.store(bytes.extracting(last: Int(kept.length)))
      held.remove(kept)
      held.insert(kept, .stored(shift: location &- kept.lowerBound))
    } catch {
      throw .noRoom(error)
    }
    if store.isSparse { compact() }
  }

  /// What would have kept the stream from going past `range`. As many bytes as lie between its start
  /// and the end of all are always enough.
  private func windowMissed(by range: Range<UInt64>) -> Window {
    let enough = max(high, range.upperBound) - range.lowerBound
    let sent = range.clamped(to: 0..<position)
    let isFirst = sentHoles.contains(sent) && zeroedHoles.first(overlapping: sent) == nil
    return isFirst && range.lowerBound >= settled
      ? .reorder(atLeast: enough) : .rewind(atLeast: enough)
  }

  /// Answers a request by an error: what of it was not sent is owed.
  private mutating func refuse(_ range: Range<UInt64>, _ error: StreamError) -> StreamError {
    if error.isFinal { failure = error }
    firstMissing = max(firstMissing, position)
    owe(range.part(from: position))
    return error
  }

  private mutating func owe(_ range: Range<UInt64>) {
    guard !range.isEmpty else { return }
    forget(range)
    owed.insert(range)
    guard range.lowerBound < firstMissing else { return }
    // What follows it without a gap has to wait again.
    let passed = range.lowerBound..<firstMissing
    for piece in held.pieces(in: passed) where piece.value.isData {
      waiting += piece.range.length
    }
    firstMissing = range.lowerBound
  }
}
