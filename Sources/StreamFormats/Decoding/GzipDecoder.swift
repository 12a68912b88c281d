import StreamCore

/// Decodes a gzip stream: any number of members, one after the other.
///
/// The encoder's own member of zeroes is not decoded but recognised by its bytes. A member of up to
/// ``DecodedQueue/capacity`` is held back until its checksum is found to be right; of a longer one,
/// only what came last is held back.
struct GzipDecoder: Sendable {
  private let context: GzipContext
  /// The member that a block of zeroes becomes.
  private let known: [UInt8]
  /// How many bytes of the member at hand were decoded, if one was begun.
  private var decoded: UInt64?
  private var hasBegun = false

  /// How much is decoded at a time.
  private static let portion = 128 << 10

  init() throws(TransferError) {
    context = try GzipContext()
    let (memory, size) = try GzipFormat.makeZeroMembers(
      1, blockSize: Compression.gzip.blockSize, headroom: 0)
    known = Array(memory.bytes.prefix(size))
  }

  /// Decodes some more.
  mutating func decode<Upstream>(
    _ input: inout CompressedInput<Upstream>, into queue: inout DecodedQueue
  ) throws(TransferError) -> DecodingStep {
    // If nothing can be taken, there is room: what is held back is no more than fits.
    guard queue.hasRoom(for: Self.portion) || queue.count == 0 else { return .noRoom }
    if let decoded { return try decodePart(of: decoded, &input, into: &queue) }
    guard try input.require(1) else {
      guard hasBegun else { throw input.cut() }
      return .end
    }
    if try isKnown(&input) {
      input.consume(known.count)
      queue.append(zeroes: UInt64(Compression.gzip.blockSize))
      queue.release()
      hasBegun = true
      return .done
    }
    guard input.available.prefix(2).elementsEqual([0x1F, 0x8B].prefix(input.available.count)) else {
      throw input.damaged(at: input.offset, "no gzip member begins here")
    }
    context.reset()
    hasBegun = true
    decoded = 0
    return .done
  }

  /// Whether the known member follows. It waits for no more bytes than it needs to tell.
  private func isKnown<Upstream>(
    _ input: inout CompressedInput<Upstream>
  ) throws(TransferError) -> Bool {
    while true {
      let bytes = input.available.prefix(known.count)
      guard bytes.elementsEqual(known.prefix(bytes.count)) else { return false }
      guard bytes.count < known.count else { return true }
      guard try input.require(bytes.count + 1) else { return false }
    }
  }

  private mutating func decodePart<Upstream>(
    of decoded: UInt64, _ input: inout CompressedInput<Upstream>, into queue: inout DecodedQueue
  ) throws(TransferError) -> DecodingStep {
    let space = UnsafeMutableRawBufferPointer(
      rebasing: try queue.space(for: Self.portion).prefix(Self.portion))
    var produced = 0
    var isEnd = false
    // Decodes enough for a portion, so that short runs of zeroes are not cut to pieces.
    while produced < space.count, !isEnd {
      let progress: GzipContext.Progress
      do {
        progress = try context.decode(
          input.available, into: UnsafeMutableRawBufferPointer(rebasing: space[produced...]))
      } catch {
        switch error {
        case .noMemory: throw noMemory(for: "decoding")
        case .damaged(let reason): throw input.damaged(at: input.offset, reason)
        }
      }
      input.consume(progress.consumed)
      produced += progress.produced
      isEnd = progress.isEnd
      guard !isEnd, progress.consumed == 0, progress.produced == 0 else { continue }
      // If the wait fails, what has come so far is not lost.
      if produced > 0 { break }
      guard try input.require(1) else { throw input.cut() }
    }
    // The last part of a long member waits for the checksum.
    if decoded > UInt64(DecodedQueue.capacity) { queue.release() }
    queue.append(produced)
    self.decoded = isEnd ? nil : decoded + UInt64(produced)
    if isEnd { queue.release() }
    return .done
  }
}
