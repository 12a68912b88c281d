/// Shows a stream as a disk that can be read: in ascending order, and the newest bytes again.
///
/// It does no I/O of its own: the bytes come from a ``StreamSource``, and a ``HeldStore`` keeps those
/// that can be read again.
///
///     0                         position
///     |  gone     |  kept       |  still to come    |  zeroes, if it pads
///     |===========|#############|                   |
///
/// What a jump forward passes by is dropped, but for the newest bytes.
///
/// Not safe for use by two threads at once.
public struct StreamedDisk<Source: StreamSource, Store: HeldStore> {
  /// Bytes taken from the source: the offset of the next one.
  public private(set) var position: UInt64 = 0
  /// Whether the source was seen to end, at the position.
  public private(set) var hasEnded = false
  /// What made reading on impossible, if anything did.
  public private(set) var failure: TransferError?

  /// Where the bytes come from.
  public var source: Source
  var store: Store
  private let rewind: UInt64
  private let pads: Bool

  /// The newest bytes: where in the store they are, at offset &+ value.
  private var kept = RangeMap<UInt64>()
  /// Why bytes could not be kept, the last time.
  private var loss: StoreError?
  private var account: ReadAccount

  /// Makes a disk at position 0.
  ///
  /// - Parameters:
  ///   - rewind: How many of the newest bytes can be read again.
  ///   - pads: Whether there are zeroes behind the end of the stream, and not an error.
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
  /// passed by, and what came for reads that were then refused. Bytes that are still kept count until
  /// somebody reads them.
  ///
  /// The number is exact, unless clients leave more than 65,536 ranges out that are still kept: those of
  /// them that are read much later stay counted.
  public var droppedBytes: UInt64 { position - account.given }

  /// How many reads were refused because bytes of them had gone by, or could not be kept.
  public var refusedReads: UInt64 { account.refused }

  /// Fills `buffer` from `offset` on: with what is kept, and then straight from the source.
  ///
  /// - Parameter offset: In bytes; together with the free capacity it must not overflow.
  /// - Throws: Why not. Bytes that came nevertheless are kept as others are.
  public mutating func read(
    into buffer: inout OutputRawSpan, at offset: UInt64
  ) throws(ReadError) {
    let range = offset..<offset + UInt64(buffer.freeCapacity)
    let start = position
    do {
      try fill(&buffer, range)
    } catch {
      account.noteRefusal(error, taking: start..<position)
      throw error
    }
    account.noteRead(range, taking: start..<position)
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

  private func readKept(
    _ range: Range<UInt64>, into buffer: inout OutputRawSpan
  ) throws(ReadError) {
    var next = range.lowerBound
    for piece in kept.pieces(in: range) where piece.range.lowerBound == next {
      do {
        try store.read(piece.range.shifted(by: piece.value), into: &buffer)
      } catch {
        throw .lost(error)
      }
      next = piece.range.upperBound
    }
    guard next < range.upperBound else { return }
    let distance = position - range.lowerBound
    guard distance <= rewind else { throw .gone(position: position, neededRewind: distance) }
    // Within the window, but it could not be kept, or a jump over it was interrupted.
    if let loss { throw .lost(loss) }
    throw .gone(position: position, neededRewind: nil)
  }

  /// Passes by what lies before `offset`, keeping the newest of it.
  private mutating func drop(upTo offset: UInt64) throws(ReadError) {
    guard position < offset, failure == nil else { return }
    let window = offset - min(offset, rewind)
    if position < window {
      defer { forgetOld() }
      do {
        try source.drop(window - position, advancing: &position)
        hasEnded = position < window
      } catch {
        throw refuse(error)
      }
    }
    while position < offset, !hasEnded { try receive(upTo: offset) }
  }

  /// Keeps some of the bytes before `offset` without giving them to anybody.
  private mutating func receive(upTo offset: UInt64) throws(ReadError) {
    let count = Int(min(offset - position, 64 << 10))
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
    defer { memory.deallocate() }
    var passing = OutputRawSpan(buffer: memory, initializedCount: 0)
    try receive(into: &passing)
  }

  /// Fills what is free in `buffer` with the next bytes, and keeps the newest.
  private mutating func receive(into buffer: inout OutputRawSpan) throws(ReadError) {
    guard !hasEnded, buffer.freeCapacity > 0 else { return }
    if let failure { throw ReadError(failure) }
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
      kept.insert(range, try store.store(bytes) &- range.lowerBound)
    } catch {
      // The read itself has its bytes. Whoever comes back for them is told.
      loss = error
    }
  }

  private mutating func forgetOld() {
    let old = 0..<position - min(position, rewind)
    for piece in kept.pieces(in: old) { store.discard(piece.range.shifted(by: piece.value)) }
    kept.remove(old)
  }

  private mutating func refuse(_ error: TransferError) -> ReadError {
    if case .broken = error { failure = error }
    return ReadError(error)
  }
}

extension StreamedDisk: Sendable where Source: Sendable, Store: Sendable {}

/// Why a read was refused.
public enum ReadError: Error, Equatable, Sendable {
  /// Bytes of it went by already. Harms nothing. A larger rewind window, of `neededRewind` bytes,
  /// would have kept them.
  case gone(position: UInt64, neededRewind: UInt64?)
  /// Bytes of it should have been kept and could not be, or could not be read back.
  case lost(StoreError)
  /// The stream has ended before.
  case ended(at: UInt64)
  /// The server stops or the client has gone.
  case interrupted
  /// The source gives nothing any more; every later read of what has not come yet is refused.
  case broken(errno: Int32, reason: String)

  init(_ error: TransferError) {
    switch error {
    case .interrupted: self = .interrupted
    case .broken(let errno, let reason): self = .broken(errno: errno, reason: reason)
    }
  }
}
