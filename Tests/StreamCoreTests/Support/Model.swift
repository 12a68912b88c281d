@testable import StreamCore

/// The write direction of the design, section 3, as plainly as it can be said: a state for each
/// byte of the disk. Slow, and written from the text, not from the stream it judges.
///
/// What the text leaves open is settled so:
/// - The head is held while nothing was sent: once a byte is out, nobody can begin again.
/// - While the head is held, no gap of it is filled, by overflow or by flush.
/// - A zero that begins in filled holes already sent, and ends ahead, is one from the position on.
/// - A flush with an owed range below high is refused and changes nothing; so is, but for the holes
///   already made, a write whose overflow meets one.
/// - With W = 0 a zero ahead of the position is held: it does not count. Data there fills the gap.
/// - Of a refused write only what was not sent is owed. What was held there before is lost: nobody
///   knows how much of it the request replaced.
/// - A request that was refused because the stream had failed before changes nothing.
/// - Holes made by a request that is then refused stay: they can be written until they are sent.
/// - At the end, with any range owed, nothing more is sent.
/// - A refused write or zero leaves nothing that a late zero may meet: not even zeroes it had sent.
/// - Of what was sent and not written only the newest pieces are remembered. A late zero that
///   reaches below them is late.
/// - A read of an owed or missing range gives zeroes. A filled hole that waits is held zeroes.
struct Model {
  enum Byte: Equatable {
    /// Not written.
    case missing
    /// Of a request that was answered with an error.
    case owed
    case data(UInt8)
    /// The client asked for it.
    case zero
    /// A gap that is not waited for.
    case hole
    /// One that was sent, and zeroed later.
    case zeroedHole
    /// Sent of a request that was then answered with an error.
    case refused

    var isMissing: Bool { self == .missing || self == .owed }

    var isData: Bool {
      if case .data = self { true } else { false }
    }

    /// Whether it was sent and no client wrote it, or not before it was sent.
    var isRemembered: Bool { self == .hole || self == .zeroedHole || self == .refused }

    var value: UInt8 {
      if case .data(let value) = self { value } else { 0 }
    }
  }

  let setup: Setup
  /// Below the position: what was sent. From there on: what is held, and what is missing.
  private(set) var disk: [Byte]
  private(set) var position = 0
  private(set) var sent: [UInt8] = []
  private(set) var zeroesSent = 0
  private(set) var failure: StreamError?
  /// Below it nothing is known of what was sent.
  private var rememberedFrom = 0

  init(_ setup: Setup) {
    self.setup = setup
    disk = [Byte](repeating: .missing, count: setup.disk)
  }

  // MARK: Terms

  /// One past the highest byte written.
  var high: Int {
    var end = disk.count
    while end > position, disk[end - 1].isMissing { end -= 1 }
    return end
  }

  var firstMissing: Int {
    var offset = position
    while offset < disk.count, !disk[offset].isMissing { offset += 1 }
    return offset
  }

  /// Bytes of data above the first missing one.
  var waiting: Int { dataBytes(from: firstMissing) }

  /// Bytes of data held.
  var heldData: Int { dataBytes(from: position) }

  private func dataBytes(from start: Int) -> Int {
    var count = 0
    var offset = start
    while offset < disk.count {
      if disk[offset].isData { count += 1 }
      offset += 1
    }
    return count
  }

  var isHoldingHead: Bool { position == 0 && high <= setup.head }

  /// Up to where the stream may be sent.
  private var due: Int {
    isHoldingHead ? 0 : max(position, min(firstMissing, high - setup.rewind))
  }

  /// The ranges of requests that failed and were not repeated.
  var owed: [Range<Int>] {
    var ranges: [Range<Int>] = []
    var next = position
    while let first = firstOwed(in: next..<disk.count) {
      ranges.append(first)
      next = first.upperBound
    }
    return ranges
  }

  func firstOwed(in range: Range<Int>) -> Range<Int>? {
    var start = range.lowerBound
    while start < range.upperBound, disk[start] != .owed { start += 1 }
    var end = start
    while end < range.upperBound, disk[end] == .owed { end += 1 }
    return start < end ? start..<end : nil
  }

  // MARK: Requests

  /// - Parameter bytes: What is written; `nil` for zeroes.
  mutating func write(_ range: Range<Int>, _ bytes: [UInt8]?, _ fault: Fault) -> StreamError? {
    if failure != nil { return .failedBefore }
    if range.lowerBound < position {
      let sent = range.lowerBound..<min(range.upperBound, position)
      guard bytes == nil, sent.lowerBound >= rememberedFrom,
        disk[sent].allSatisfy({ $0 == .hole || $0 == .zeroedHole })
      else {
        return refuse(range, .late(range.wide, position: UInt64(position)))
      }
      if range.upperBound > position,
        let error = write(position..<range.upperBound, nil, fault)
      {
        return error
      }
      for offset in sent { disk[offset] = .zeroedHole }
      forget()
      return nil
    }
    if fault == .noReader { return refuse(range, .interrupted) }
    for offset in range {
      disk[offset] = bytes.map { .data($0[offset - range.lowerBound]) } ?? .zero
    }
    while !isHoldingHead, waiting > setup.reorder {
      if let error = fillOldestGap() { return refuse(range, error) }
    }
    let due = due
    let kept = bytes == nil ? 0 : max(0, range.upperBound - max(range.lowerBound, due))
    let passedOn = bytes == nil ? 0 : range.count - kept
    if kept > 0, heldData - passedOn > setup.room {
      return refuse(range, .noRoom(CheckedStore.full))
    }
    return send(upTo: due, fault).map { refuse(range, $0) }
  }

  mutating func flush(_ fault: Fault) -> StreamError? {
    if failure != nil { return .failedBefore }
    if isHoldingHead { return nil }
    if let missing = firstOwed(in: position..<high) { return .owed(missing.wide) }
    while firstMissing < high { _ = fillOldestGap() }
    let error = send(upTo: due, fault)
    if error?.isFinal == true { failure = error }
    return error
  }

  mutating func finish(_ fault: Fault) -> StreamError? {
    if let failure { return failure }
    if let missing = owed.first {
      failure = .owed(missing.wide)
    } else {
      while firstMissing < high { _ = fillOldestGap() }
      failure = send(upTo: high, fault)
    }
    return failure
  }

  func read(_ range: Range<Int>) -> Result<[UInt8], StreamError> {
    guard range.lowerBound >= position else {
      return .failure(.sent(range.wide, position: UInt64(position)))
    }
    var bytes: [UInt8] = []
    var offset = range.lowerBound
    while offset < range.upperBound {
      bytes.append(disk[offset].value)
      offset += 1
    }
    return .success(bytes)
  }

  func extent(at offset: Int) -> StreamExtent {
    if offset < position { return .data }
    return switch disk[offset] {
    case .data, .refused: .data
    case .zero, .hole, .zeroedHole: .zeroes
    case .missing, .owed: .hole
    }
  }

  // MARK: Steps

  /// The bytes from the first missing one to what is held next become zeroes.
  private mutating func fillOldestGap() -> StreamError? {
    let start = firstMissing
    var end = start
    while disk[end].isMissing { end += 1 }
    if let missing = firstOwed(in: start..<end) { return .owed(missing.wide) }
    for offset in start..<end { disk[offset] = .hole }
    return nil
  }

  private mutating func send(upTo limit: Int, _ fault: Fault) -> StreamError? {
    defer { forget() }
    var taken = 0
    while position < limit {
      if let stop = fault.stop, taken == stop.after { return StreamError(stop.error) }
      sent.append(disk[position].value)
      if !disk[position].isData { zeroesSent += 1 }
      position += 1
      taken += 1
    }
    if let stop = fault.stop, taken > 0, taken == stop.after { return StreamError(stop.error) }
    return nil
  }

  private mutating func refuse(_ range: Range<Int>, _ error: StreamError) -> StreamError {
    if error.isFinal { failure = error }
    var isLate = false
    if case .late = error { isLate = true }
    for offset in range {
      if offset >= position { disk[offset] = .owed } else if !isLate { disk[offset] = .refused }
    }
    forget()
    return error
  }

  /// Remembers no more pieces than may be, a piece being bytes of one kind.
  private mutating func forget() {
    var ends: [Int] = []
    for offset in rememberedFrom..<position where disk[offset].isRemembered {
      let isSame = offset + 1 < position && disk[offset + 1] == disk[offset]
      if !isSame { ends.append(offset + 1) }
    }
    if ends.count > setup.remembered {
      rememberedFrom = ends[ends.count - setup.remembered - 1]
    }
  }
}
