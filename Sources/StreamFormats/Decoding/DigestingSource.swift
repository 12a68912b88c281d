import StreamCore

/// Gives everything as it comes and makes a digest of it: in front of a decoder a digest of the
/// stream, after it a digest of the disk. If no digest is wanted, it only passes calls on.
struct DigestingSource<Next: StreamSource>: StreamSource {
  /// Where everything comes from.
  var next: Next
  let digest: Digest?

  /// Takes the memory that a digest needs.
  ///
  /// - Parameters:
  ///   - isWanted: Whether a digest is made.
  ///   - aside: Whether it is made on a thread of its own.
  init(next: Next, isWanted: Bool, aside: Bool) throws(TransferError) {
    self.next = next
    digest = isWanted ? try Digest(aside: aside) : nil
  }

  mutating func receive(into buffer: inout OutputRawSpan) throws(TransferError) {
    try receive(atLeast: buffer.freeCapacity, into: &buffer)
  }

  mutating func receive(
    atLeast count: Int, into buffer: inout OutputRawSpan
  ) throws(TransferError) {
    let before = buffer.byteCount
    defer { update(buffer, from: before) }
    try next.receive(atLeast: count, into: &buffer)
  }

  mutating func receiveAvailable(into buffer: inout OutputRawSpan) throws(TransferError) {
    let before = buffer.byteCount
    defer { update(buffer, from: before) }
    try next.receiveAvailable(into: &buffer)
  }

  /// Hashes what came, if a digest is wanted.
  private func update(_ buffer: borrowing OutputRawSpan, from before: Int) {
    guard let digest else { return }
    buffer.bytes.extracting(droppingFirst: before).withUnsafeBytes { digest.update($0) }
  }

  /// What is dropped is part of the digest, too: it is received, except for zeroes that are known.
  mutating func drop(
    _ count: UInt64, advancing position: inout UInt64
  ) throws(TransferError) {
    guard let digest else { return try next.drop(count, advancing: &position) }
    guard let scratch = Memory(count: 256 << 10) else { throw noMemory(for: "a digest") }
    let end = position + count
    while position < end {
      try next.ask()
      let start = position
      if case .zeroes(let known) = try next.run(at: 0, upTo: end - start) {
        // In parts, so that no wait is long without asking whether to go on.
        try next.drop(min(known, end - start, 64 << 20), advancing: &position)
        digest.update(zeroes: position - start)
        continue
      }
      let space = UnsafeMutableRawBufferPointer(
        rebasing: scratch.bytes.prefix(Int(clamping: end - start)))
      var buffer = OutputRawSpan(buffer: space, initializedCount: 0)
      var failure: TransferError?
      do { try receive(into: &buffer) } catch { failure = error }
      let came = buffer.finalize(for: space)
      position += UInt64(came)
      if let failure { throw failure }
      guard came == space.count else { return }
    }
  }

  mutating func run(
    at distance: UInt64, upTo end: UInt64
  ) throws(TransferError) -> SourceRun {
    try next.run(at: distance, upTo: end)
  }

  mutating func ask() throws(TransferError) { try next.ask() }
}

extension DigestingSource: Sendable where Next: Sendable {}
