extension OrderedStream {
  /// The client says that it has settled: gaps become holes, and everything that need not stay
  /// changeable is sent, and leaves the sink too. The head stays, because a client that initialises
  /// the disk flushes too.
  ///
  /// - Throws: `owed` if a failed request below the highest byte was not repeated; whatever made an
  ///   earlier write fail for good; `broken` if the reader died with bytes unread.
  public mutating func flush() throws(StreamError) {
    try checkForFailure()
    if !isHoldingHead(high) { try settle() }
    coverage.noteFlush()
  }

  private mutating func settle() throws(StreamError) {
    if let missing = backlog.firstOwedBelowHigh { throw .owed(missing) }
    let high = high
    settled = high
    while backlog.firstMissing < high { try backlog.fillGap() }
    do {
      try release(upTo: due(high, high))
      try flushSink()
    } catch {
      if error.isFinal { failure = error }
      throw error
    }
  }

  private mutating func flushSink() throws(StreamError) {
    do {
      try sink.flush()
      try sink.checkDelivery()
    } catch {
      throw StreamError(error)
    }
  }

  /// Reports an earlier failure, and settles nothing. A forced unit access adds this to its write.
  public func checkForFailure() throws(StreamError) {
    guard failure == nil else { throw .failedBefore }
  }

  /// Ends the order of bytes: gaps become holes and everything goes out, including the head and
  /// what could still have been changed. Nothing is sent if anything failed and was not repeated.
  ///
  /// - Throws: The failure, which is final whatever it is.
  public mutating func finish() throws(StreamError) {
    if let failure { throw failure }
    let high = high
    do throws(StreamError) {
      if let missing = backlog.firstOwed { throw .owed(missing) }
      while backlog.firstMissing < high { try backlog.fillGap() }
      try release(upTo: high)
    } catch {
      failure = error
      throw error
    }
  }

  /// Sends zeroes from the end of a finished stream up to `end`. They are missing, as nobody wrote
  /// them.
  public mutating func pad(to end: UInt64) throws(StreamError) {
    guard position < end else { return }
    let start = position
    defer {
      zeroesSent += position - start
      backlog.skip(to: position)
      coverage.noteHole(start..<position)
    }
    do {
      try sink.sendZeroes(end - position, advancing: &position)
    } catch {
      failure = StreamError(error)
      throw StreamError(error)
    }
  }

  /// Marks the end of the output of a stream that may end well, once everything is sent. It may be
  /// called any number of times: it asks the sink to finish until the sink has finished.
  ///
  /// - Throws: The failure. After `interrupted` the sink may be asked again; after any other
  ///   failure it is not.
  public mutating func seal() throws(StreamError) {
    if let failure { throw failure }
    guard !isSealed else { return }
    do {
      try sink.finish()
      isSealed = true
    } catch {
      let error = StreamError(error)
      if error.isFinal { failure = error }
      throw error
    }
  }
}
