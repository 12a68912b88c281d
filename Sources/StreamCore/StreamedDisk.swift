/// Shows a stream as a disk that can be read: in ascending order, and the newest bytes again.
///
/// It does no I/O of its own: the bytes come from a ``StreamSource``, and a ``HeldStore`` keeps
/// those that can be read again.
///
///     0                         position
///     |  gone     |  kept       |  still to come    |  zeroes, if it pads
///     |===========|#############|                   |
///
/// What a jump forward passes by is dropped, except the newest bytes. If the source knows its
/// zeroes, they are neither received nor dropped, and nothing but their place is kept.
///
/// Not safe for use by two threads at once.
public struct StreamedDisk<Source: StreamSource, Store: HeldStore> {
  /// Bytes taken from the source: the offset of the next one.
  public private(set) var position: UInt64 = 0
  /// Whether the source was seen to end, at the position.
  public private(set) var hasEnded = false
  /// What made reading on impossible, if anything did.
  public private(set) var failure: TransferError?
  /// Bytes taken that were known to be zeroes.
  public private(set) var zeroBytes: UInt64 = 0

  /// Where the bytes come from.
  public var source: Source
  var store: Store
  private let rewind: UInt64
  let pads: Bool

  enum Kept: Equatable, Sendable {
    /// In the store at offset &+ shift.
    case stored(shift: UInt64)
    case zeroes
  }

  /// The newest bytes.
  private(set) var kept = RangeMap<Kept>()
  /// Why bytes could not be kept, the last time that happened.
  private var loss: Failure?
  private var account: ReadAccount

  /// Makes a disk at position 0.
  ///
  /// - Parameters:
  ///   - rewind: How many of the newest bytes can be read again.
  ///   - pads: Whether there are zeroes, and not an error, after the end of the stream.
  public init(rewind: UInt64, pads: Bool, source: Source, store: Store) {
    self.rewind = rewind
    self.pads = pads
    self.source = source
    self.store = store
    account = ReadAccount(rewind: rewind)
  }

  /// Bytes of the stream taken from the source, padding not included.
  public var takenBytes: UInt64 { position }

  /// Bytes of the stream that were taken and that no read has given to a client so far: what jumps
  /// passed by, except known zeroes, and what came for reads that were then refused. Bytes that are
  /// still kept count until a client reads them.
  ///
  /// The number is exact, unless clients leave out more than 65,536 ranges that are still kept:
  /// those of them that are read much later stay counted.
  public var droppedBytes: UInt64 { position - account.given }

  /// How many reads were refused because bytes of them had gone by, or could not be kept.
  public var refusedReads: UInt64 { account.refused }

  /// Fills `buffer` from `offset` on: with what is kept, and then straight from the source.
  ///
  /// - Parameter offset: In bytes; together with the free capacity it must not overflow.
  /// - Throws: Why the read is refused. Bytes that came nevertheless are kept as others are.
  public mutating func read(
    into buffer: inout OutputRawSpan, at offset: UInt64
  ) throws(ReadError) {
    let range = offset..<offset + UInt64(buffer.freeCapacity)
    let start = max(position, offset)
    do {
      try fill(&buffer, range)
    } catch {
      account.noteRefusal(error, taking: start..<max(start, position))
      throw error
    }
    account.noteRead(range, taking: start..<max(start, position))
  }

  private mutating func fill(
    _ buffer: inout OutputRawSpan, _ range: Range<UInt64>
  ) throws(ReadError) {
    try readKept(range.part(upTo: position), into: &buffer)
    if !hasEnded, range.upperBound > position {
      try drop(upTo: range.lowerBound)
      try receive(into: &buffer)
    }
    guard buffer.freeCapacity > 0 else { return }
    guard pads else { throw .ended(at: position) }
    buffer.append(repeating: 0, count: buffer.freeCapacity, as: UInt8.self)
  }

  /// Takes the known zeroes that come next, up to `offset`, as it may be that no client reads them.
  /// If the end is known, it is noticed too.
  ///
  /// - Throws: ``ReadError/interrupted``, or why the source gives nothing any more.
  public mutating func takeZeroes(upTo offset: UInt64) throws(ReadError) {
    while position < offset, !hasEnded {
      let start = position
      if try takeZeroes(offset - position) == 0 {
        do {
          hasEnded = try source.run(at: 0, upTo: offset - position) == .end
        } catch {
          throw refuse(error)
        }
        return
      }
      account.notePassed(start..<position, areZeroes: true)
    }
  }

  private func readKept(
    _ range: Range<UInt64>, into buffer: inout OutputRawSpan
  ) throws(ReadError) {
    var next = range.lowerBound
    for piece in kept.pieces(in: range) where piece.range.lowerBound == next {
      switch piece.value {
      case .zeroes:
        buffer.append(repeating: 0, count: Int(piece.range.length), as: UInt8.self)
      case .stored(let shift):
        do {
          try store.read(piece.range.shifted(by: shift), into: &buffer)
        } catch {
          throw .lost(error)
        }
      }
      next = piece.range.upperBound
    }
    guard next < range.upperBound else { return }
    let distance = position - range.lowerBound
    guard distance <= rewind else { throw .gone(position: position, neededRewind: distance) }
    // The bytes are within the window, but could not be kept, or a jump over them was interrupted.
    if let loss { throw .lost(loss) }
    throw .gone(position: position, neededRewind: nil)
  }

  /// Passes by what lies before `offset`, keeping the newest of it.
  private mutating func drop(upTo offset: UInt64) throws(ReadError) {
    guard position < offset, failure == nil else { return }
    let window = offset - min(offset, rewind)
    if position < window {
      defer { forgetOld() }
      while position < window, !hasEnded { try drop(within: window - position) }
    }
    while position < offset, !hasEnded { try pass(within: offset - position) }
  }

  /// Drops bytes that are not to be kept: all `count`, or those up to where zeroes begin or end.
  private mutating func drop(within count: UInt64) throws(ReadError) {
    let start = position
    var isZero = false
    defer { account.notePassed(start..<position, areZeroes: isZero) }
    do {
      var part = count
      switch try source.run(at: 0, upTo: count) {
      case .zeroes(let length):
        isZero = true
        part = min(length, count)
      case .data(let length): part = min(length, count)
      case .unknown, .end: break
      }
      try source.drop(part, advancing: &position)
      hasEnded = position < start + part
      if isZero { zeroBytes += position - start }
    } catch {
      throw refuse(error)
    }
  }

  /// Keeps some of the next `count` bytes without giving them to anybody.
  private mutating func pass(within count: UInt64) throws(ReadError) {
    let start = position
    let zeroes = try takeZeroes(count)
    account.notePassed(start..<position, areZeroes: true)
    guard zeroes == 0 else { return }
    defer { account.notePassed(start..<position, areZeroes: false) }
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Int(min(count, 64 << 10)), alignment: 16)
    defer { memory.deallocate() }
    var passing = OutputRawSpan(buffer: memory, initializedCount: 0)
    try receiveBytes(into: &passing)
  }

  /// Fills what is free in `buffer` with the next bytes, and keeps the newest.
  private mutating func receive(into buffer: inout OutputRawSpan) throws(ReadError) {
    while !hasEnded, buffer.freeCapacity > 0 {
      let zeroes = try takeZeroes(UInt64(buffer.freeCapacity))
      buffer.append(repeating: 0, count: Int(zeroes), as: UInt8.self)
      if zeroes == 0 { try receiveBytes(into: &buffer) }
    }
  }

  /// Takes up to `most` of the zeroes that come next, as far as they are known, and keeps the
  /// newest.
  ///
  /// - Returns: How many.
  private mutating func takeZeroes(_ most: UInt64) throws(ReadError) -> UInt64 {
    if let failure { throw ReadError(failure) }
    let start = position
    do {
      guard case .zeroes(let length) = try source.run(at: 0, upTo: most) else { return 0 }
      try source.drop(min(length, most), advancing: &position)
      zeroBytes += position - start
    } catch {
      throw refuse(error)
    }
    forgetOld()
    kept.insert((start..<position).part(from: position - min(position, rewind)), .zeroes)
    return position - start
  }

  /// Fills what is free in `buffer` with the next bytes, zeroes or not, and keeps the newest.
  private mutating func receiveBytes(into buffer: inout OutputRawSpan) throws(ReadError) {
    let before = buffer.byteCount
    var error: TransferError?
    do { try source.receive(into: &buffer) } catch let caught { error = caught }
    let came = buffer.byteCount - before
    position += UInt64(came)
    forgetOld()
    keep(buffer.bytes.extracting(last: Int(min(UInt64(came), rewind))))
    if let error { throw refuse(error) }
    hasEnded = buffer.freeCapacity > 0
  }

  private mutating func keep(_ bytes: RawSpan) {
    guard !bytes.isEmpty else { return }
    let range = position - UInt64(bytes.byteCount)..<position
    do {
      kept.insert(range, .stored(shift: try store.store(bytes) &- range.lowerBound))
    } catch {
      // The read itself has its bytes. A client that comes back for them is told.
      loss = error
    }
  }

  private mutating func forgetOld() {
    let old = 0..<position - min(position, rewind)
    for piece in kept.pieces(in: old) {
      guard case .stored(let shift) = piece.value else { continue }
      store.discard(piece.range.shifted(by: shift))
    }
    kept.remove(old)
  }

  mutating func refuse(_ error: TransferError) -> ReadError {
    if case .broken = error { failure = error }
    return ReadError(error)
  }
}

extension StreamedDisk: Sendable where Source: Sendable, Store: Sendable {}

/// Why a read was refused.
public enum ReadError: Error, Equatable, Sendable {
  /// Bytes of the read went by already. This does no harm. A larger rewind window, of
  /// `neededRewind` bytes, would have kept them.
  case gone(position: UInt64, neededRewind: UInt64?)
  /// Bytes of the read should have been kept and could not be, or could not be read back.
  case lost(Failure)
  /// The stream ended before the end of the read.
  case ended(at: UInt64)
  /// The server stops or the client has gone.
  case interrupted
  /// The source gives nothing any more; every later read of what has not come yet is refused.
  case broken(Failure)

  init(_ error: TransferError) {
    switch error {
    case .interrupted: self = .interrupted
    case .broken(let failure): self = .broken(failure)
    }
  }
}
