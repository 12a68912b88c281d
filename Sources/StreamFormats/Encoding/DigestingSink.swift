public import StreamCore

/// Hands everything on and makes a digest of it: in front of an encoder a digest of the disk's
/// bytes, after it a digest of the output. If no digest is wanted, it only passes calls on.
public struct DigestingSink<Next: StreamSink>: StreamSink {
  /// Where everything goes.
  public var next: Next
  /// Asked every 64 MiB of zeroes whether to go on hashing.
  public var goOn: @Sendable () -> Bool = { true }
  private let digest: Digest?

  /// Takes the memory that a digest needs.
  ///
  /// - Parameters:
  ///   - isWanted: Whether a digest is made.
  ///   - aside: Whether it is made on a thread of its own.
  init(next: Next, isWanted: Bool, aside: Bool) throws(TransferError) {
    self.next = next
    digest = isWanted ? try Digest(aside: aside) : nil
  }

  /// Starts the thread, if there is to be one.
  func start() throws(TransferError) { try digest?.start() }

  /// Ends the thread.
  func stop() { digest?.stop() }

  /// The digest of everything until now, as `sha256:` and 64 hexadecimal digits, if there is to be
  /// one. Nothing can be sent any more.
  func finishedDigest() -> String? { digest?.finished() }

  /// Bytes that the next sink has handed on.
  public var outputOffset: UInt64 { next.outputOffset }

  /// Does what the next sink does.
  public mutating func waitForReader() throws(TransferError) { try next.waitForReader() }

  /// Does what the next sink does.
  public func checkDelivery() throws(TransferError) { try next.checkDelivery() }

  /// Only what the next sink takes counts.
  public mutating func send(
    _ bytes: RawSpan, advancing position: inout UInt64
  ) throws(TransferError) {
    let before = position
    defer {
      bytes.withUnsafeBytes {
        digest?.update(UnsafeRawBufferPointer(rebasing: $0[..<Int(position - before)]))
      }
    }
    try next.send(bytes, advancing: &position)
  }

  /// Zeroes are hashed like other bytes, a part at a time, and can be stopped after each.
  public mutating func sendZeroes(
    _ count: UInt64, advancing position: inout UInt64
  ) throws(TransferError) {
    guard let digest else { return try next.sendZeroes(count, advancing: &position) }
    let (start, end) = (position, position + count)
    repeat {
      guard position == start || goOn() else { throw .interrupted }
      let before = position
      defer { digest.update(zeroes: position - before) }
      try next.sendZeroes(min(end - position, 64 << 20), advancing: &position)
    } while position < end
  }

  /// Does what the next sink does.
  public mutating func flush() throws(TransferError) { try next.flush() }

  /// Does what the next sink does.
  public mutating func finish() throws(TransferError) { try next.finish() }

  /// Does what the next sink does.
  public func delivered(unread: UInt64, of position: UInt64) -> UInt64 {
    next.delivered(unread: unread, of: position)
  }
}

extension DigestingSink: Sendable where Next: Sendable {}
