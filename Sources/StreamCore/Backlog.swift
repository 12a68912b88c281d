/// What was accepted but is not sent yet, and what is missing in between: all that a stream knows
/// of the disk from its position on.
///
///     start         firstMissing         high
///     |   held      |   gap   |   held   |   nothing
///     |#############|         |##########|
///
/// Between two calls all of this is true, and it is checked in debug builds:
///
/// - What is held and what is owed lies at or above `start`.
/// - No byte is both held and owed.
/// - All bytes from `start` up to `firstMissing` are held; the one at `firstMissing` is not.
/// - `waiting` is the number of bytes of data that are held above `firstMissing`.
/// - `written` is the number of bytes that are held and not holes.
struct Backlog: Sendable {
  /// The stream's position: everything below it has been sent.
  private(set) var start: UInt64 = 0
  /// The lowest byte at or above `start` that is not held.
  private(set) var firstMissing: UInt64 = 0
  /// Bytes of data that wait for `firstMissing`.
  private(set) var waiting: UInt64 = 0
  /// Bytes held that a client wrote or zeroed.
  private(set) var written: UInt64 = 0
  /// The largest number of bytes of data that have waited at one time.
  private(set) var largestReorder: UInt64 = 0

  private var held = RangeMap<Held>()
  /// Ranges of requests that were answered with an error and have not been repeated since.
  private var owed = ByteRangeSet()

  /// How many pieces may wait for gaps, whatever their size. Each piece takes some 40 bytes of
  /// memory for itself, so a client that scatters single bytes could fill the memory long before
  /// `reorder` is reached. What `rewind` keeps is not bounded by this: it would be refused, and any
  /// order is what that window is for.
  private static var mostPieces: Int { 2 << 20 }

  // MARK: What there is

  /// Whether nothing is held or owed.
  var isEmpty: Bool { held.isEmpty && owed.isEmpty }

  /// Whether there are more pieces than there may be.
  var isCrowded: Bool { held.count > Self.mostPieces }

  /// One past the highest byte held, or sent.
  var high: UInt64 { max(start, held.last?.range.upperBound ?? 0) }

  /// The piece that is sent next; it begins at `start`.
  var next: RangeMap<Held>.Piece? {
    guard let first = held.first, first.range.lowerBound == start else { return nil }
    return first
  }

  /// What is held of `range`, in ascending order.
  func pieces(in range: Range<UInt64>) -> RangeMap<Held>.Pieces { held.pieces(in: range) }

  /// The lowest piece with bytes at or above `offset`.
  func first(reaching offset: UInt64) -> RangeMap<Held>.Piece? { held.first(reaching: offset) }

  /// Owed ranges, lowest first.
  var owedRanges: [Range<UInt64>] { owed.ranges }

  /// The lowest range that is owed.
  var firstOwed: Range<UInt64>? { owed.first }

  /// The lowest owed range below `high`.
  var firstOwedBelowHigh: Range<UInt64>? { owed.first(overlapping: start..<high) }

  /// The lowest range from `start` up to `end` that no client wrote or zeroed: gaps, owed ranges
  /// and holes.
  func firstUnwritten(upTo end: UInt64) -> Range<UInt64>? {
    var next = start
    for piece in held.pieces(in: start..<max(start, end)) where piece.value.isWritten {
      if next < piece.range.lowerBound { return next..<piece.range.lowerBound }
      next = piece.range.upperBound
    }
    return next < end ? next..<end : nil
  }

  // MARK: What is sent

  /// The stream has sent the part of ``next`` that lies below `position`.
  mutating func removeSent(upTo position: UInt64) {
    let sent = start..<position
    if let next, next.value.isWritten { written -= sent.length }
    held.remove(sent)
    start = position
    check()
  }

  /// The stream has sent what lies below `position`, and those bytes were not held.
  mutating func skip(to position: UInt64) {
    start = position
    firstMissing = position
    if !held.isEmpty { passHeld() }
    check()
  }

  // MARK: What is held

  /// Holds zeroes for `range` that a client asked for.
  mutating func holdZeroes<Store: HeldStore>(_ range: Range<UInt64>, _ store: inout Store) {
    takeOut(range, &store)
    insert(range, .zeroes)
    check()
  }

  /// Stores `bytes` and holds them from `offset` on.
  ///
  /// - Throws: Why there is no room for them. The bytes are owed then.
  mutating func hold<Store: HeldStore>(
    _ bytes: RawSpan, at offset: UInt64, _ store: inout Store
  ) throws(Failure) {
    defer { check() }
    let range = offset..<offset + UInt64(bytes.byteCount)
    // This comes first, so that the room they took is free.
    takeOut(range, &store)
    do {
      insert(range, .stored(shift: try store.store(bytes) &- offset))
    } catch {
      recede(to: offset)
      owed.insert(range)
      throw error
    }
  }

  /// Makes `range` missing but not owed: its bytes are about to be sent without being held.
  mutating func clear<Store: HeldStore>(_ range: Range<UInt64>, _ store: inout Store) {
    takeOut(range, &store)
    recede(to: range.lowerBound)
    check()
  }

  /// A request for `range` was answered with an error: the range is missing, and never becomes a
  /// hole.
  mutating func owe<Store: HeldStore>(_ range: Range<UInt64>, _ store: inout Store) {
    guard !range.isEmpty else { return }
    takeOut(range, &store)
    recede(to: range.lowerBound)
    owed.insert(range)
    check()
  }

  /// The bytes at `range`, which are stored, now lie somewhere else in the store.
  mutating func move(_ range: Range<UInt64>, to location: UInt64) {
    held.remove(range)
    held.insert(range, .stored(shift: location &- range.lowerBound))
    check()
  }

  // MARK: Gaps

  /// Gives up waiting for the oldest gap below ``high``: the gap becomes zeroes.
  ///
  /// - Throws: `owed` if a request for bytes of the gap failed.
  mutating func fillGap() throws(StreamError) {
    try fillGap(from: firstMissing, upTo: high)
    passHeld()
    check()
  }

  /// Fills the oldest gaps until no more than `mostWaiting` bytes of data wait once `range` is
  /// held.
  ///
  /// - Parameter data: How many bytes of data `range` has: all or none.
  /// - Returns: The first missing byte once `range` is held.
  /// - Throws: `owed` if a request for bytes of a gap failed.
  mutating func makeRoom(
    for range: Range<UInt64>, data: UInt64, mostWaiting: UInt64?
  ) throws(StreamError) -> UInt64 {
    let end = max(high, range.upperBound)
    func isOverfull(_ waiting: UInt64, _ firstMissing: UInt64) -> Bool {
      guard let mostWaiting, firstMissing < end else { return false }
      return waiting > mostWaiting || isCrowded
    }
    defer { check() }
    if firstMissing < range.lowerBound {
      // The request waits too, and takes the place of what is held there.
      let added = data &- dataBytes(in: range)
      largestReorder = max(largestReorder, waiting &+ added)
      while firstMissing < range.lowerBound {
        guard isOverfull(waiting &+ added, firstMissing) else { return firstMissing }
        try fillGap(from: firstMissing, upTo: range.lowerBound)
        passHeld()
      }
    }
    // The request closes the oldest gap, or lies where there is none, and doesn't wait.
    var reached = firstMissing < range.upperBound ? heldEnd(from: range.upperBound) : firstMissing
    var rest = waiting - dataBytes(in: firstMissing..<reached)
    largestReorder = max(largestReorder, rest)
    while isOverfull(rest, reached) {
      try fillGap(from: reached, upTo: end)
      if firstMissing == reached { passHeld() }
      let next = heldEnd(from: reached)
      rest -= dataBytes(in: reached..<next)
      reached = next
    }
    return reached
  }

  /// Makes a hole from `offset`, which is not held, up to what is held next or to `end`.
  private mutating func fillGap(from offset: UInt64, upTo end: UInt64) throws(StreamError) {
    let gap = offset..<min(end, held.first(reaching: offset)?.range.lowerBound ?? end)
    if let missing = owed.first(overlapping: gap) { throw .owed(missing) }
    held.insert(gap, .hole)
  }
}

// MARK: Keeping count

extension Backlog {
  /// Takes out what is held or owed of `range`. The caller then puts something else in its place at
  /// once, or lets `firstMissing` recede to it.
  private mutating func takeOut<Store: HeldStore>(_ range: Range<UInt64>, _ store: inout Store) {
    owed.remove(range)
    for piece in held.pieces(in: range) {
      if piece.value.isWritten { written -= piece.range.length }
      if case .stored(let shift) = piece.value {
        waiting -= piece.range.part(from: firstMissing).length
        store.discard(piece.range.shifted(by: shift))
      }
    }
    held.remove(range)
  }

  /// Puts in a range of which nothing is held or owed.
  private mutating func insert(_ range: Range<UInt64>, _ kind: Held) {
    held.insert(range, kind)
    if kind.isWritten { written += range.length }
    if kind.isData { waiting += range.part(from: firstMissing).length }
    passHeld()
  }

  /// Moves `firstMissing` past what is held without a gap.
  private mutating func passHeld() {
    while let piece = held.first(reaching: firstMissing), piece.range.lowerBound <= firstMissing {
      if piece.value.isData { waiting -= piece.range.upperBound - firstMissing }
      firstMissing = piece.range.upperBound
    }
  }

  /// Moves `firstMissing` back to `offset`, which is missing now: what follows has to wait again.
  private mutating func recede(to offset: UInt64) {
    guard offset < firstMissing else { return }
    waiting += dataBytes(in: offset..<firstMissing)
    firstMissing = offset
  }

  /// How many bytes of data are held of `range`.
  private func dataBytes(in range: Range<UInt64>) -> UInt64 {
    var count: UInt64 = 0
    for piece in held.pieces(in: range) where piece.value.isData { count += piece.range.length }
    return count
  }

  /// Up to where bytes are held from `offset` on without a gap.
  private func heldEnd(from offset: UInt64) -> UInt64 {
    var end = offset
    while let piece = held.first(reaching: end), piece.range.lowerBound <= end {
      end = piece.range.upperBound
    }
    return end
  }
}

// MARK: Invariants

extension Backlog {
  /// Checks in debug builds what is always true.
  private func check() {
    assert(firstMissing >= start)
    // To check all of it takes longer the more pieces there are, so it is not done if there are
    // many.
    assert(held.count > 100 || isSound, "the backlog does not add up: \(self)")
  }

  private var isSound: Bool {
    let all = Array(held.pieces(in: 0..<UInt64.max))
    let data = all.filter(\.value.isData).map { $0.range.part(from: firstMissing).length }
    let lowest = min(all.first?.range.lowerBound ?? start, owed.first?.lowerBound ?? start)
    return lowest >= start
      && all.allSatisfy { owed.first(overlapping: $0.range) == nil }
      && heldEnd(from: start) == firstMissing
      && data.reduce(0, +) == waiting
      && all.filter(\.value.isWritten).reduce(0) { $0 + $1.range.length } == written
  }
}
