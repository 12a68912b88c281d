extension OrderedStream {
  /// Whether any write or zero was accepted.
  public var hasChanges: Bool { coverage.hasChanges }

  /// Whether a flush came after the last write or zero that was accepted.
  public var isFlushed: Bool { coverage.isFlushed }

  /// How many of the first `size` bytes of the disk no acknowledged write or zero has covered:
  /// bytes that were never written, were filled as a gap, were padded, or belong to a request that
  /// was answered with an error and not repeated.
  ///
  /// The number is exact. A large disk or a long history does not make it slower.
  ///
  /// - Parameter size: The disk's size in bytes: at least ``high``.
  public func missingBytes(of size: UInt64) -> UInt64 {
    assert(size >= high && size >= position)
    let ahead = size > position ? size - position : 0
    return coverage.missing + (ahead > backlog.written ? ahead - backlog.written : 0)
  }

  /// The lowest range of the first `size` bytes that ``missingBytes(of:)`` counts, or `nil` where
  /// none is missing.
  ///
  /// - Parameter size: The disk's size in bytes: at least ``high``.
  public func firstMissing(of size: UInt64) -> Range<UInt64>? {
    let ahead = backlog.firstUnwritten(upTo: size)
    guard let sent = coverage.firstMissing else { return ahead }
    guard let ahead, ahead.lowerBound == sent.upperBound else { return sent }
    return sent.lowerBound..<ahead.upperBound
  }
}
