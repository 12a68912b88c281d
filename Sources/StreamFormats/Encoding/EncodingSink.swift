public import StreamCore

/// Everything between the disk's bytes and the descriptor, in this order: a digest of the disk, the
/// container, the compression, a digest of the output.
///
/// A stream of the disk's own bytes bypasses all of it, which costs one branch.
public struct EncodingSink<End: StreamSink>: StreamSink {
  private var chain: DigestingSink<ContainerSink<CompressingSink<DigestingSink<End>>>>
  private let isPlain: Bool

  /// Where the output goes.
  public var end: End {
    get { chain.next.next.next.next }
    _modify { yield &chain.next.next.next.next }
  }

  /// Takes all the memory that the encoding needs.
  ///
  /// - Throws: If there is not enough.
  public init(_ encoding: OutputEncoding, end: End) throws(TransferError) {
    isPlain =
      encoding.format == .raw && encoding.compression == nil && !encoding.digestsOutput
      && !encoding.digestsDisk
    chain = try DigestingSink(
      next: ContainerSink(
        Container(
          encoding.format, size: encoding.size, seconds: encoding.seconds,
          identity: encoding.identity),
        before: CompressingSink(
          encoding,
          next: DigestingSink(
            next: end, isWanted: encoding.digestsOutput, aside: encoding.digestsAside))),
      isWanted: encoding.digestsDisk, aside: encoding.digestsAside)
  }

  /// Asked whether to go on: every 100 ms while the sink has to wait for a block that is being
  /// compressed, and in a long run of zeroes.
  public var goOn: @Sendable () -> Bool {
    get { chain.goOn }
    set {
      chain.goOn = newValue
      chain.next.next.goOn = newValue
      chain.next.next.next.goOn = newValue
    }
  }

  /// Tells whether a processor is free. It is asked before one more thread compresses.
  public var hasFreeProcessor: @Sendable () -> Bool {
    get { chain.next.next.hasFreeProcessor }
    set { chain.next.next.hasFreeProcessor = newValue }
  }

  /// Starts threads, in the process that serves. It is called once, before everything else.
  ///
  /// - Throws: If there can't be so many threads, or no memory for them; nothing can be sent then.
  public func start() throws(TransferError) {
    try chain.start()
    try chain.next.next.start()
    try chain.next.next.next.start()
  }

  /// Ends the threads. Nothing can be sent any more.
  public func stop() {
    chain.stop()
    chain.next.next.stop()
    chain.next.next.next.stop()
  }

  /// The digests of the output and of the disk, as `sha256:` and 64 hexadecimal digits, if they are
  /// wanted. Nothing can be sent any more.
  public func finishedDigests() -> (output: String?, disk: String?) {
    (chain.next.next.next.finishedDigest(), chain.finishedDigest())
  }

  /// Bytes handed on to the end.
  public var outputOffset: UInt64 { end.outputOffset }

  /// Does what the end does.
  public mutating func waitForReader() throws(TransferError) { try end.waitForReader() }

  /// Fails if anything failed that was accepted, or if the end fails.
  public func checkDelivery() throws(TransferError) {
    guard !isPlain else { return try end.checkDelivery() }
    try chain.checkDelivery()
  }

  /// Accepts data of the disk.
  public mutating func send(
    _ bytes: RawSpan, advancing position: inout UInt64
  ) throws(TransferError) {
    guard !isPlain else { return try end.send(bytes, advancing: &position) }
    try chain.send(bytes, advancing: &position)
  }

  /// Accepts zeroes of the disk.
  public mutating func sendZeroes(
    _ count: UInt64, advancing position: inout UInt64
  ) throws(TransferError) {
    guard !isPlain else { return try end.sendZeroes(count, advancing: &position) }
    try chain.sendZeroes(count, advancing: &position)
  }

  /// Hands on all that is ready, see ``CompressingSink/flush()``.
  public mutating func flush() throws(TransferError) {
    guard !isPlain else { return try end.flush() }
    try chain.flush()
  }

  /// Hands on everything, and what marks the end. After ``TransferError/interrupted`` it may be
  /// called again.
  public mutating func finish() throws(TransferError) {
    guard !isPlain else { return try end.finish() }
    try chain.finish()
  }

  /// How much of the disk the reader has as a whole.
  public func delivered(unread: UInt64, of position: UInt64) -> UInt64 {
    isPlain
      ? end.delivered(unread: unread, of: position)
      : chain.delivered(unread: unread, of: position)
  }
}

extension EncodingSink: Sendable where End: Sendable {}

extension OutputEncoding {
  /// Takes all the memory that the encoding needs before it starts, and gives it back, so that a
  /// lack of memory is reported before anything is made.
  public func checkMemory() throws(TransferError) {
    _ = try EncodingSink(self, end: Nowhere())
  }
}

/// A sink to which nothing is sent.
private struct Nowhere: StreamSink {
  var outputOffset: UInt64 { 0 }
  func waitForReader() {}
  func checkDelivery() {}
  func send(_ bytes: RawSpan, advancing position: inout UInt64) {}
  func sendZeroes(_ count: UInt64, advancing position: inout UInt64) {}
  func flush() {}
  func finish() {}
  func delivered(unread: UInt64, of position: UInt64) -> UInt64 { 0 }
}
