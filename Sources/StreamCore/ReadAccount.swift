/// How many bytes of a stream that is read were given to a client at least once.
struct ReadAccount: Sendable {
  /// Bytes of the stream given to a client, each counted once.
  private(set) var given: UInt64 = 0
  /// Reads refused because their bytes had gone.
  private(set) var refused: UInt64 = 0
  /// Bytes that were taken, not given, and may still be read: they lie within the rewind window.
  private var leftOut = ByteRangeSet()

  private let rewind: UInt64
  private let mostRanges: Int

  /// - Parameters:
  ///   - rewind: How many of the newest bytes can be read again.
  ///   - mostRanges: How many ranges are remembered as left out, the newest ones. Bytes of an older
  ///     range are not counted as given if they are read after all.
  init(rewind: UInt64, remembering mostRanges: Int = 65_536) {
    self.rewind = rewind
    self.mostRanges = mostRanges
  }

  /// Bytes were taken from the source that no read asked for. Zeroes that are known as such need
  /// not be given to anybody.
  mutating func notePassed(_ range: Range<UInt64>, areZeroes: Bool) {
    if areZeroes { given += range.length }
    leaveOut(areZeroes ? nil : range, range.upperBound)
  }

  /// A read of `range` was answered with its bytes.
  ///
  /// - Parameter new: The part of it that was taken from the source.
  mutating func noteRead(_ range: Range<UInt64>, taking new: Range<UInt64>) {
    if !leftOut.isEmpty { given += leftOut.removeCounting(range) }
    given += new.length
    if !new.isEmpty { leaveOut(nil, new.upperBound) }
  }

  /// A read was answered by `error`.
  ///
  /// - Parameter new: The part of it that was taken from the source nevertheless.
  mutating func noteRefusal(_ error: ReadError, taking new: Range<UInt64>) {
    switch error {
    case .gone, .lost: refused += 1
    case .ended, .interrupted, .broken: break
    }
    if !new.isEmpty { leaveOut(new, new.upperBound) }
  }

  /// Notes bytes, if there are any, as left out, and forgets those that can't be read any more.
  private mutating func leaveOut(_ range: Range<UInt64>?, _ position: UInt64) {
    guard rewind > 0, range != nil || !leftOut.isEmpty else { return }
    if let range { leftOut.insert(range) }
    leftOut.remove(0..<position - min(position, rewind))
    if leftOut.count > mostRanges, let oldest = leftOut.first { leftOut.remove(oldest) }
    assert(given + leftOut.length <= position, "more was given and left out than was taken")
  }
}
