import StreamCore

/// What clients know of their disk: which bytes an acknowledged request covered. It sees requests
/// and their answers alone, and knows nothing of windows, holes or what was sent.
struct Acknowledged: Equatable {
  private var isCovered: [Bool]
  private(set) var hasChanges = false
  private(set) var isFlushed = false

  init(disk: Int) { isCovered = [Bool](repeating: false, count: disk) }

  /// A write or a zero of `range` was answered.
  ///
  /// - Parameter sent: How many bytes had been sent when it came.
  mutating func note(_ range: Range<Int>, _ answer: StreamError?, sent: Int) {
    switch answer {
    case nil:
      cover(range, true)
      hasChanges = true
      isFlushed = false
    case .failedBefore: break
    // Whatever it replaced, nobody knows how much of it. But nothing replaces what was sent.
    default: cover(range.clamped(to: sent..<Int.max), false)
    }
  }

  mutating func noteFlush(_ answer: StreamError?) {
    if answer == nil { isFlushed = true }
  }

  private mutating func cover(_ range: Range<Int>, _ value: Bool) {
    for offset in range { isCovered[offset] = value }
  }

  func missingBytes(of size: Int) -> Int {
    var count = 0
    for offset in 0..<size where !isCovered[offset] { count += 1 }
    return count
  }

  func areMissing(_ range: Range<UInt64>) -> Bool {
    !range.isEmpty && range.allSatisfy { !isCovered[Int($0)] }
  }

  func firstMissing(of size: Int) -> Range<Int>? {
    var start = 0
    while start < size, isCovered[start] { start += 1 }
    var end = start
    while end < size, !isCovered[end] { end += 1 }
    return start < end ? start..<end : nil
  }
}
