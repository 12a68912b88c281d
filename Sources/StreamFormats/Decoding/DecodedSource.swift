public import StreamCore

/// What a stream is, and what has to be found out about it on its way to the disk.
public struct InputDecoding: Sendable {
  /// How the stream is compressed, if it is.
  public var compression: Compression?
  /// Whether a digest is made of the stream as it comes.
  public var digestsInput: Bool
  /// Whether a digest is made of the disk's bytes, zeroes too.
  public var digestsDisk: Bool
  /// Whether a digest has a thread of its own, which pays off if there are two processors.
  public var digestsAside: Bool
  /// How many threads decode ahead.
  public var threads: Int

  /// How many threads are worthwhile on this many processors: four are faster than any client.
  public static func defaultThreads(processors: Int) -> Int { min(max(processors, 1), 4) }

  /// The disk's own bytes, unless told otherwise.
  public init(
    compression: Compression? = nil, digestsInput: Bool = false, digestsDisk: Bool = false,
    digestsAside: Bool = false, threads: Int = 0
  ) {
    self.compression = compression
    self.digestsInput = digestsInput
    self.digestsDisk = digestsDisk
    self.digestsAside = digestsAside
    self.threads = threads
  }
}

/// Everything between the descriptor and the disk's bytes: a digest of the stream, the decoder, a
/// digest of the disk. The twin of ``EncodingSink``.
///
/// A stream of the disk's own bytes bypasses all of it, which costs one branch.
public struct DecodedSource<End: StreamSource>: StreamSource {
  private var chain: DigestingSource<DecodingSource<DigestingSource<End>>>
  private let isPlain: Bool

  /// Where the stream comes from.
  public var end: End {
    get { chain.next.upstream.next }
    _modify { yield &chain.next.upstream.next }
  }

  /// Takes the memory that is needed from the beginning.
  ///
  /// - Throws: If there is not enough.
  public init(_ decoding: InputDecoding, from end: End) throws(TransferError) {
    isPlain =
      decoding.compression == nil && !decoding.digestsInput && !decoding.digestsDisk
    let input = try DigestingSource(
      next: end, isWanted: decoding.digestsInput, aside: decoding.digestsAside)
    chain = try DigestingSource(
      next: DecodingSource(decoding.compression, threads: decoding.threads, from: input),
      isWanted: decoding.digestsDisk, aside: decoding.digestsAside)
  }

  /// Starts threads, in the process that serves. It is called once, before everything else.
  ///
  /// - Throws: If there can't be so many threads.
  public func start() throws(TransferError) {
    try chain.digest?.start()
    try chain.next.upstream.digest?.start()
    try chain.next.start()
  }

  /// Ends the threads. Nothing can be received any more.
  public func stop() {
    chain.digest?.stop()
    chain.next.upstream.digest?.stop()
    chain.next.stop()
  }

  /// The digests of the stream as far as it was taken, and of the disk, as `sha256:` and 64
  /// hexadecimal digits, if they are wanted. Nothing can be received any more.
  ///
  /// - Parameters:
  ///   - padding: How many zeroes the disk has after the end of the stream.
  ///   - goOn: Asked every 64 MiB of these whether to go on. If not, there is no digest of the
  ///     disk.
  public func finishedDigests(
    padding: UInt64, goOn: () -> Bool
  ) -> (input: String?, disk: String?) {
    var left = chain.digest == nil ? 0 : padding
    while left > 0, goOn() {
      let part = min(left, 64 << 20)
      chain.digest?.update(zeroes: part)
      left -= part
    }
    let disk = chain.digest?.finished()
    return (chain.next.upstream.digest?.finished(), left == 0 ? disk : nil)
  }

  /// How the stream is compressed, if it is.
  public var compression: Compression? { chain.next.compression }

  /// Whether more of a compressed stream is taken when it is needed. If not, needing more is an
  /// interruption.
  public var takesMore: Bool {
    get { chain.next.takesMore }
    set { chain.next.takesMore = newValue }
  }

  /// Bytes of a compressed stream taken so far.
  public var bytesTaken: UInt64 { chain.next.bytesTaken }

  /// Looks at what follows the last byte that was wanted of a compressed stream: only what ends the
  /// stream may be left.
  ///
  /// - Returns: How many more bytes it decodes to, as far as was seen; 0 if the stream has ended
  ///   there.
  public mutating func finish() throws(TransferError) -> UInt64 { try chain.next.finish() }

  /// Fills `buffer`, or leaves room because the stream has ended.
  public mutating func receive(into buffer: inout OutputRawSpan) throws(TransferError) {
    guard !isPlain else { return try end.receive(into: &buffer) }
    try chain.receive(into: &buffer)
  }

  /// The same, but it is content with `count` bytes.
  public mutating func receive(
    atLeast count: Int, into buffer: inout OutputRawSpan
  ) throws(TransferError) {
    try chain.receive(atLeast: count, into: &buffer)
  }

  /// Drops the next bytes, which are part of the digests.
  public mutating func drop(
    _ count: UInt64, advancing position: inout UInt64
  ) throws(TransferError) {
    guard !isPlain else { return try end.drop(count, advancing: &position) }
    try chain.drop(count, advancing: &position)
  }

  /// What is known of the bytes ahead.
  public mutating func run(
    at distance: UInt64, upTo end: UInt64
  ) throws(TransferError) -> SourceRun {
    guard !isPlain else { return .unknown }
    return try chain.run(at: distance, upTo: end)
  }

  /// Asks whether to go on.
  public mutating func ask() throws(TransferError) { try end.ask() }
}

extension DecodedSource: Sendable where End: Sendable {}
