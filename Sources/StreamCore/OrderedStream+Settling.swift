extension OrderedStream {
  /// The client says it has settled: gaps become holes, and all that need not stay changeable is
  /// sent. The head stays: whoever initialises the disk flushes too.
  ///
  /// - Throws: `owed` if a failed request was not repeated below the highest byte; whatever made
  ///   an earlier write fail for good; `broken` if the reader died with bytes unread.
  public mutating func flush() throws(StreamError) {
    try checkForFailure()
    guard !isHoldingHead else { return }
    if let missing = owed.first(overlapping: position..<high) { throw .owed(missing) }
    settled = high
    while firstMissing < high { try makeHole() }
    do {
      try release(upTo: due)
      try checkDelivery()
    } catch {
      if error.isFinal { failure = error }
      throw error
    }
  }

  private func checkDelivery() throws(StreamError) {
    do { try sink.checkDelivery() } catch { throw StreamError(error) }
  }

  /// What a forced unit access adds to its write: reports an earlier failure, settles nothing.
  public func checkForFailure() throws(StreamError) {
    guard failure == nil else { throw .failedBefore }
  }

  /// Ends the stream: gaps become holes and everything goes out, the head and what could still have
  /// been changed included. Nothing is sent if anything failed and was not repeated.
  public mutating func finish() throws(StreamError) {
    if let failure { throw failure }
    if let missing = owed.first {
      failure = .owed(missing)
      throw .owed(missing)
    }
    while firstMissing < high { try makeHole() }
    do {
      try release(upTo: high)
    } catch {
      failure = error
      throw error
    }
  }

  /// Sends zeroes from the end of a finished stream up to `end`.
  public mutating func pad(to end: UInt64) throws(StreamError) {
    guard position < end else { return }
    let start = position
    defer { zeroesSent += position - start }
    do {
      try sink.sendZeroes(end - position, advancing: &position)
    } catch {
      failure = StreamError(error)
      throw StreamError(error)
    }
  }
}
