public import StreamCore

/// A source in front of another source. It decodes a compressed stream, and knows where the zeroes
/// of that are. A stream that is not compressed bypasses it, which costs one branch, and nothing is
/// known of its zeroes.
///
/// What it gives was found to be right, as far as it can be held back: a frame or member of up to
/// 64 MiB as a whole, a longer one except for its end. If something is wrong, the stream fails from
/// there on, and the message says at which byte of the compressed stream.
///
/// Its memory is bounded whatever the stream says: 64 MiB of the stream read ahead, 64 MiB decoded,
/// zstd's window of up to 128 MiB, and about 8 MiB for each thread that decodes ahead and 8 MiB
/// more. All of this is used only by streams that need it.
public struct DecodingSource<Upstream: StreamSource>: StreamSource {
  private var input: CompressedInput<Upstream>
  private var queue = DecodedQueue()
  // There is at most one of them. They are apart, so that each is changed in place.
  private var zstd: ZstdDecoder?
  private var gzip: GzipDecoder?
  /// What made decoding on impossible, if anything did. What was decoded before can be given.
  private var failure: TransferError?
  /// Whether all was decoded.
  private var hasEnded = false
  /// Bytes decoded since the patience was last asked whether to go on.
  private var unasked: UInt64 = 0

  /// How the stream is compressed, if it is.
  public let compression: Compression?

  /// Where the stream comes from.
  public var upstream: Upstream {
    get { input.upstream }
    _modify { yield &input.upstream }
  }

  /// Whether more of a compressed stream is taken when it is needed. If not, needing more is an
  /// interruption.
  public var takesMore: Bool {
    get { input.takesMore }
    set { input.takesMore = newValue }
  }

  /// Bytes of a compressed stream taken so far.
  public var bytesTaken: UInt64 { input.taken }

  /// Begins a stream.
  ///
  /// - Parameters:
  ///   - compression: How the stream is compressed, if it is.
  ///   - threads: How many threads decode ahead what can be decoded so, once ``start()`` was
  ///     called.
  /// - Throws: If there is no memory for the decoder.
  public init(
    _ compression: Compression?, threads: Int = 0, from upstream: Upstream
  ) throws(TransferError) {
    self.compression = compression
    input = CompressedInput(upstream, name: compression?.rawValue ?? "")
    switch compression {
    case .zstd: zstd = try ZstdDecoder(threads: threads)
    case .gzip: gzip = try GzipDecoder()
    case nil: break
    }
  }

  /// Starts the threads that decode ahead.
  ///
  /// - Throws: If there can't be so many threads.
  public func start() throws(TransferError) { try zstd?.start() }

  /// Ends the threads. Nothing can be received any more.
  public func stop() { zstd?.stop() }

  /// Fills `buffer`, or leaves room because the stream has ended.
  public mutating func receive(into buffer: inout OutputRawSpan) throws(TransferError) {
    guard compression != nil else { return try input.upstream.receive(into: &buffer) }
    try receive(atLeast: buffer.freeCapacity, into: &buffer)
  }

  /// Appends what is decoded already, and decodes until at least `count` bytes have come.
  public mutating func receive(
    atLeast count: Int, into buffer: inout OutputRawSpan
  ) throws(TransferError) {
    guard compression != nil else {
      return try input.upstream.receive(atLeast: count, into: &buffer)
    }
    let enough = buffer.freeCapacity - count
    queue.take(into: &buffer)
    while buffer.freeCapacity > enough {
      guard try decode() else { return }
      queue.take(into: &buffer)
    }
    // This is done while the client is busy with these bytes.
    zstd?.decodeAhead(&input)
  }

  /// Drops bytes. They are decoded nevertheless, so that what follows is found to be right.
  public mutating func drop(
    _ count: UInt64, advancing position: inout UInt64
  ) throws(TransferError) {
    guard compression != nil else {
      return try input.upstream.drop(count, advancing: &position)
    }
    var left = count
    while left > 0 {
      let dropped = queue.drop(left)
      position += dropped
      left -= dropped
      if left > 0, dropped == 0, try !decode() { return }
    }
  }

  /// Decodes some more, though perhaps nothing of it can be given yet.
  ///
  /// - Returns: False at the end, and if there is no room for more.
  private mutating func decode() throws(TransferError) -> Bool {
    if let failure { throw failure }
    guard !hasEnded else { return false }
    let before = queue.end
    do {
      switch try step() {
      case .done: break
      case .noRoom: return false
      case .end:
        hasEnded = true
        return false
      }
    } catch {
      if case .broken = error { failure = error }
      throw error
    }
    unasked += queue.end - before
    guard unasked >= 256 << 20 else { return true }
    try ask()
    return true
  }

  private mutating func step() throws(TransferError) -> DecodingStep {
    if let step = try zstd?.decode(&input, into: &queue) { return step }
    return try gzip?.decode(&input, into: &queue) ?? .end
  }

  /// Looks at what follows the last byte that was wanted: only what ends the stream may be left.
  ///
  /// - Returns: How many more bytes it decodes to, as far as was seen; 0 if the stream has ended
  ///   there.
  public mutating func finish() throws(TransferError) -> UInt64 {
    while queue.count == 0, try decode() {}
    return queue.count
  }

  /// Asks whether to go on.
  public mutating func ask() throws(TransferError) {
    unasked = 0
    try input.upstream.ask()
  }

  // MARK: Looking ahead

  /// What is known of the bytes from `distance` bytes ahead on. As much as fits is decoded to find
  /// this out, and beyond that whole frames are known by their headers.
  public mutating func run(
    at distance: UInt64, upTo end: UInt64
  ) throws(TransferError) -> SourceRun {
    guard compression != nil else { return .unknown }
    do {
      while true {
        if let run = queue.run(at: distance) { return run }
        if failure != nil { return .unknown }
        if hasEnded { return .end }
        let ahead = try look(at: distance)
        switch ahead {
        case .zeroes(let count): return .zeroes(count)
        case .data(let count, hasZeroes: false): return .data(count)
        case .end: return .end
        case .data, .unknown: break
        }
        guard try decode() else {
          if case .data(let count, _) = ahead { return .data(count) }
          return hasEnded ? .end : .unknown
        }
      }
    } catch {
      // A failure is reported when a client comes to it.
      guard case .interrupted = error else { return .unknown }
      throw error
    }
  }

  /// What is known without decoding.
  private mutating func look(at distance: UInt64) throws(TransferError) -> RunAhead {
    let behind = queue.end - queue.start
    guard distance >= behind else { return .unknown }
    return try zstd?.run(at: distance - behind, &input) ?? .unknown
  }
}

extension DecodingSource: Sendable where Upstream: Sendable {}
