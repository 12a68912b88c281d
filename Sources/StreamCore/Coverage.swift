/// Which bytes of those sent no client was told it has written, and whether the clients have settled.
///
/// A byte is *written* once a write or a zero of it was acknowledged. What was sent otherwise is
/// *missing*: a gap that became zeroes, padding, and what a request had sent of itself when it was
/// refused. A zero that comes late for a gap makes it written.
///
/// Between two calls this is true, and checked in debug builds:
///
/// - `missing` is the number of missing bytes, those that were forgotten included.
/// - What is remembered lies above what was forgotten, in at most `mostPieces` pieces.
/// - `forgotten` is the lowest missing range, or what of it was forgotten, once any was.
struct Coverage: Sendable {
  /// What is remembered of a range that was sent and is no client's data.
  private enum Kind: Sendable {
    /// Missing: zeroes were sent.
    case hole
    /// A hole that a client has zeroed since.
    case zeroed
    /// Missing: bytes of a request that was then refused. Nobody can know what they should be.
    case refused
  }

  /// Bytes sent that are missing.
  private(set) var missing: UInt64 = 0
  /// Whether a write or a zero was accepted.
  var hasChanges: Bool { lastRequest == .change || lastRequest == .flushAfterChange }
  /// Whether the client has flushed since the last one.
  var isFlushed: Bool { lastRequest == .flush || lastRequest == .flushAfterChange }

  /// One value, as the fast path sets it for each request.
  private enum Request: Sendable {
    case none, flush, change, flushAfterChange
  }

  private var lastRequest = Request.none
  private var sent = RangeMap<Kind>()
  private var forgotten: Range<UInt64>?
  private let mostPieces: Int

  /// - Parameter mostPieces: How many ranges are remembered, the newest. A zero that comes late for an
  ///   older one is refused, which is rarer than a disk with that many holes is common.
  init(remembering mostPieces: Int = 65_536) {
    self.mostPieces = mostPieces
  }

  // MARK: What happens

  /// A write or a zero was accepted.
  mutating func noteChange() {
    lastRequest = .change
  }

  /// The client has flushed.
  mutating func noteFlush() { lastRequest = hasChanges ? .flushAfterChange : .flush }

  /// `range`, above all that was sent before, was sent as zeroes that nobody asked for.
  mutating func noteHole(_ range: Range<UInt64>) {
    note(range, .hole)
  }

  /// `range` was sent, and the request it belongs to was answered by an error.
  mutating func noteRefused(_ range: Range<UInt64>) {
    note(range, .refused)
  }

  /// A client's zero for `range`, of which all was sent, was acknowledged.
  ///
  /// - Parameter count: How many bytes of it were missing when the zero came, some of which may have
  ///   been forgotten since.
  mutating func noteZeroed(_ range: Range<UInt64>, missing count: UInt64) {
    defer { check() }
    missing -= count
    let rest = range.part(from: sent.first?.range.lowerBound ?? range.upperBound)
    sent.remove(rest)
    sent.insert(rest, .zeroed)
    forgetOldest()
  }

  private mutating func note(_ range: Range<UInt64>, _ kind: Kind) {
    guard !range.isEmpty else { return }
    missing += range.length
    sent.insert(range, kind)
    forgetOldest()
    check()
  }

  /// The pieces that go are the lowest, and can't become written any more.
  private mutating func forgetOldest() {
    while sent.count > mostPieces, let oldest = sent.first {
      sent.remove(oldest.range)
      if oldest.value != .zeroed { forget(oldest.range) }
    }
  }

  private mutating func forget(_ range: Range<UInt64>) {
    guard let lowest = forgotten else {
      forgotten = range
      return
    }
    if range.upperBound == lowest.lowerBound {
      forgotten = range.lowerBound..<lowest.upperBound
    } else if range.lowerBound == lowest.upperBound {
      forgotten = lowest.lowerBound..<range.upperBound
    } else if range.upperBound < lowest.lowerBound {
      forgotten = range
    }
  }

  // MARK: What is known

  /// Whether zeroes for `range` are what was sent, though nobody had asked for them.
  func isHole(_ range: Range<UInt64>) -> Bool {
    var next = range.lowerBound
    for piece in sent.pieces(in: range) {
      guard piece.range.lowerBound == next, piece.value != .refused else { return false }
      next = piece.range.upperBound
    }
    return next == range.upperBound
  }

  /// Whether all of `range` was sent as zeroes and never written, before or since.
  func isUntouchedHole(_ range: Range<UInt64>) -> Bool {
    var pieces = sent.pieces(in: range)
    guard let piece = pieces.next() else { return false }
    return piece.range == range && piece.value == .hole
  }

  /// How many bytes of `range`, of which all is remembered, are missing.
  func missing(in range: Range<UInt64>) -> UInt64 {
    var count: UInt64 = 0
    for piece in sent.pieces(in: range) where piece.value != .zeroed { count += piece.range.length }
    return count
  }

  /// The lowest missing range.
  var firstMissing: Range<UInt64>? {
    var lowest = forgotten
    for piece in sent.pieces(in: 0..<UInt64.max) where piece.value != .zeroed {
      guard let known = lowest else {
        lowest = piece.range
        continue
      }
      guard piece.range.lowerBound == known.upperBound else { break }
      lowest = known.lowerBound..<piece.range.upperBound
    }
    return lowest
  }

  // MARK: Invariants

  /// Checks in debug builds what is always true.
  private func check() {
    // All of it takes as long as there are pieces: not where there are many.
    assert(sent.count > 100 || isSound, "the coverage does not add up: \(self)")
  }

  private var isSound: Bool {
    let remembered = missing(in: 0..<UInt64.max)
    guard let forgotten else { return remembered == missing && sent.count <= mostPieces }
    return missing >= remembered + forgotten.length && sent.count <= mostPieces
      && (sent.first.map { $0.range.lowerBound >= forgotten.upperBound } ?? true)
  }
}
