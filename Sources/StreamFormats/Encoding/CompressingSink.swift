public import StreamCore

/// Compresses what it is given and hands it to the next sink.
///
/// A request is answered once its bytes are in the blocks that wait for a thread or for their turn.
/// The number of these blocks is bounded. What is compressed by then is handed on first, by the
/// thread of that request. So a failure after a request is the answer to a later one, and from then
/// on to every request.
///
/// If there is no compression, it only passes calls on.
public struct CompressingSink<Next: StreamSink>: StreamSink {
  /// Where the output goes.
  public var next: Next
  /// Asked every 100 ms whether to go on waiting for a thread, and every GiB of a hole.
  public var goOn: @Sendable () -> Bool = { true }
  /// Asked whether a processor is free, before one more thread compresses that nobody asked for.
  public var hasFreeProcessor: @Sendable () -> Bool = { true }
  private let encoder: BlockEncoder?
  /// Bytes of output handed over by this sink.
  private var position: UInt64 = 0

  /// Takes all memory that blocks need.
  ///
  /// - Throws: If there is not enough.
  public init(_ encoding: OutputEncoding, next: Next) throws(TransferError) {
    self.next = next
    encoder =
      switch (encoding.format, encoding.compression) {
      case (.vmdk, _):
        try BlockEncoder(
          format: VMDKFormat(
            level: encoding.level, workers: encoding.threads, size: encoding.size,
            identity: encoding.identity),
          threads: encoding.threads, grows: encoding.sharesProcessors)
      case (_, nil): nil
      case (_, .zstd):
        try BlockEncoder(
          format: ZstdFormat(level: encoding.level, workers: encoding.threads),
          threads: encoding.threads, grows: encoding.sharesProcessors)
      case (_, .gzip):
        try BlockEncoder(
          format: GzipFormat(level: encoding.level, workers: encoding.threads),
          threads: encoding.threads, grows: encoding.sharesProcessors)
      }
  }

  /// For tests of what can go wrong in a compression.
  init(encoder: BlockEncoder, next: Next) {
    self.encoder = encoder
    self.next = next
  }

  /// Starts the threads, in the process that serves. It is called once, before everything else.
  ///
  /// - Throws: If there can't be so many threads, or no memory for them; nothing can be sent then.
  public func start() throws(TransferError) {
    guard let encoder else { return }
    do {
      try encoder.start()
    } catch {
      encoder.failure = error
      throw error
    }
  }

  /// Ends the threads. Nothing can be sent any more.
  public func stop() { encoder?.stop() }

  /// Bytes that the next sink has handed on.
  public var outputOffset: UInt64 { next.outputOffset }

  /// Does what the next sink does.
  public mutating func waitForReader() throws(TransferError) { try next.waitForReader() }

  /// Fails if anything failed that was accepted, or if the next sink fails.
  public func checkDelivery() throws(TransferError) {
    if let failure = encoder?.failure { throw failure }
    try next.checkDelivery()
  }

  /// The bytes in blocks of which all output was read.
  public func delivered(unread: UInt64, of position: UInt64) -> UInt64 {
    guard let encoder else { return next.delivered(unread: unread, of: position) }
    return encoder.log.disk(in: next.delivered(unread: unread, of: self.position))
  }

  /// Accepts data. Long runs of zero pages in it become runs of zeroes.
  public mutating func send(
    _ bytes: RawSpan, advancing position: inout UInt64
  ) throws(TransferError) {
    guard let encoder else { return try next.send(bytes, advancing: &position) }
    try next.waitForReader()
    try handOn(encoder)
    try bytes.withUnsafeBytes { (bytes) throws(TransferError) in
      var rest = bytes
      while !rest.isEmpty {
        let (count, isZero) = ZeroScan.run(in: rest, at: position)
        if isZero {
          encoder.accept(zeroes: UInt64(count))
          position += UInt64(count)
        } else {
          try accept(
            UnsafeRawBufferPointer(rebasing: rest[..<count]), encoder, advancing: &position)
        }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      }
    }
  }

  private mutating func accept(
    _ data: UnsafeRawBufferPointer, _ encoder: BlockEncoder, advancing position: inout UInt64
  ) throws(TransferError) {
    try settle(encoder)
    var rest = data
    while !rest.isEmpty {
      try makeRoom(encoder)
      let count = encoder.accept(rest)
      position += UInt64(count)
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  /// Accepts zeroes, which costs next to nothing.
  public mutating func sendZeroes(
    _ count: UInt64, advancing position: inout UInt64
  ) throws(TransferError) {
    guard let encoder else { return try next.sendZeroes(count, advancing: &position) }
    try next.waitForReader()
    let (start, end) = (position, position + count)
    repeat {
      guard position == start || goOn() else { throw .interrupted }
      // Step by step, so that the position says about how far the output is.
      try handOn(encoder, waiting: encoder.run > 16 << 30)
      let part = min(end - position, 1 << 30)
      encoder.accept(zeroes: part)
      position += part
    } while position < end
    try handOn(encoder)
  }

  /// Hands on all blocks that have ended. The last one, if it is not full, waits for more data or
  /// the end.
  public mutating func flush() throws(TransferError) {
    if let encoder { try handOn(encoder, waiting: true) }
    try next.flush()
  }

  /// Ends the last block, and hands on everything and what marks the end. After
  /// ``TransferError/interrupted`` it may be called again.
  public mutating func finish() throws(TransferError) {
    if let encoder {
      if !encoder.isClosed {
        try settle(encoder)
        try makeRoom(encoder)
        encoder.close()
      }
      try handOn(encoder, waiting: true)
      try loadTrailer(encoder)
      try handOn(encoder, waiting: true)
    }
    try next.finish()
  }

  // MARK: Handing on

  /// Like a failure of handing on, a failure here counts from now on.
  private func loadTrailer(_ encoder: BlockEncoder) throws(TransferError) {
    do throws(TransferError) { try encoder.loadTrailer() } catch {
      encoder.failure = error
      throw error
    }
  }

  private mutating func settle(_ encoder: BlockEncoder) throws(TransferError) {
    encoder.settle()
    while encoder.zeroes > 0 {
      try makeRoom(encoder)
      encoder.writeZeroes()
    }
  }

  private mutating func makeRoom(_ encoder: BlockEncoder) throws(TransferError) {
    while !encoder.hasRoom {
      encoder.grow(if: hasFreeProcessor)
      // There may be room now.
      if !encoder.hasRoom { _ = try handOnOnce(encoder, waiting: true) }
    }
  }

  /// Hands on all there is now or, with `waiting`, everything that results from what was accepted.
  private mutating func handOn(
    _ encoder: BlockEncoder, waiting: Bool = false
  ) throws(TransferError) {
    while try handOnOnce(encoder, waiting: waiting) {}
  }

  /// Returns whether there was anything to hand on or to wait for.
  private mutating func handOnOnce(
    _ encoder: BlockEncoder, waiting: Bool
  ) throws(TransferError) -> Bool {
    if let failure = encoder.failure { throw failure }
    do throws(TransferError) {
      switch try encoder.next(waiting: waiting ? 100 : 0) {
      case .nothing: return false
      case .notYet:
        guard waiting else { return false }
        guard goOn() else { throw .interrupted }
      case .bytes(let bytes):
        let before = position
        defer { encoder.consume(Int(position - before)) }
        try next.send(bytes.bytes, advancing: &position)
      }
      return true
    } catch {
      if case .broken = error { encoder.failure = error }
      throw error
    }
  }
}

extension CompressingSink: Sendable where Next: Sendable {}
