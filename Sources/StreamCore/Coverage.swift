/// Which of the bytes sent no acknowledged request has written, and whether the clients have
/// settled.
///
/// A byte is *written* once a write or a zero of it was acknowledged. Everything else that was sent
/// is *missing*: a gap that became zeroes, padding, and what had been sent of a request when it was
/// refused. A zero that comes late for a gap makes it written.
///
/// Between two calls all of this is true, and it is checked in debug builds:
///
/// - `missing` is the number of missing bytes, including those that were forgotten.
/// - What is remembered lies above what was forgotten, in at most `mostPieces` pieces.
/// - `forgotten` is missing: the lowest range that was forgotten, or the beginning of it.
struct Coverage: Sendable {
  /// What is remembered of a range that was sent and is not a client's data.
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

  /// This is one value because the fast path sets it for each request.
  private enum Request: Sendable {
    case none, flush, change, flushAfterChange
  }

  private var lastRequest = Request.none
  private var sent = RangeMap<Kind>()
  private var forgotten: Range<UInt64>?
  private var hasForgotten = false
  private let mostPieces: Int

  /// - Parameter mostPieces: How many ranges are remembered, the newest. A zero that comes late for
  ///   an older one is refused. That is rare even on a disk with that many holes.
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

  /// `range`, which lies above all that was sent before, was sent as zeroes that nobody asked for.
  mutating func noteHole(_ range: Range<UInt64>) {
    note(range, .hole)
  }

  /// `range` was sent, and the request it belongs to was answered with an error.
  mutating func noteRefused(_ range: Range<UInt64>) {
    note(range, .refused)
  }

  /// A client's zero for `range`, all of which had been sent, was acknowledged.
  ///
  /// - Parameter count: How many bytes of it were missing when the zero came, some of which may
  ///   have been forgotten since.
  mutating func noteZeroed(_ range: Range<UInt64>, missing count: UInt64) {
    defer { check() }
    missing -= count
    // What was forgotten while the rest of the zero was accepted.
    if let lowest = forgotten, lowest.overlaps(range) {
      let left =
        lowest.lowerBound < range.lowerBound
        ? lowest.lowerBound..<range.lowerBound
        : min(range.upperBound, lowest.upperBound)..<lowest.upperBound
      forgotten = left.isEmpty ? nil : left
    }
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

  /// Forgets the lowest pieces, which can't become written any more.
  private mutating func forgetOldest() {
    while sent.count > mostPieces, let oldest = sent.first {
      sent.remove(oldest.range)
      if oldest.value != .zeroed { forget(oldest.range) }
    }
  }

  private mutating func forget(_ range: Range<UInt64>) {
    hasForgotten = true
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

  /// Whether `range` was sent as zeroes though nobody had asked for them.
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

  /// How many bytes of `range`, all of which is remembered, are missing.
  func missing(in range: Range<UInt64>) -> UInt64 {
    var count: UInt64 = 0
    for piece in sent.pieces(in: range) where piece.value != .zeroed { count += piece.range.length }
    return count
  }

  /// The lowest missing range. Where more ranges were to be remembered than fit, one that is
  /// missing, if any is known, and mostly the lowest.
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
    // To check all of it takes longer the more pieces there are, so it is not done if there are
    // many.
    assert(sent.count > 100 || isSound, "the coverage does not add up: \(self)")
  }

  private var isSound: Bool {
    let remembered = missing(in: 0..<UInt64.max)
    guard hasForgotten else { return missing == remembered && sent.count <= mostPieces }
    guard let forgotten else { return missing >= remembered && sent.count <= mostPieces }
    return missing >= remembered + forgotten.length && sent.count <= mostPieces
      && (sent.first.map { $0.range.lowerBound >= forgotten.upperBound } ?? true)
  }
}
