import CZstd
import StreamCore

/// Decodes a zstd stream: any number of frames, one after the other.
///
/// Frames of zeroes are not decoded at all. A frame of up to ``DecodedQueue/capacity`` is held back
/// until its checksum is found to be right; of a longer one, only the last block is held back.
struct ZstdDecoder: Sendable {
  /// A frame that is decoded block by block.
  private struct OpenFrame {
    let header: ZstdFrameHeader
    /// How many bytes of it were decoded.
    var decoded: UInt64 = 0
    /// Whether the frames after it are being looked at already.
    let isScanned: Bool
  }

  private let context: ZstdContext
  private let ahead: FramesAhead?
  /// Where the first frame is that was not yet considered for decoding ahead.
  private var unseen: UInt64 = 0
  private var scan: ZstdScan
  private var frame: OpenFrame?
  /// Whether a frame of content, or a skippable one, has come.
  private var hasBegun = false
  /// What is left of a skippable frame.
  private var skipping: UInt64 = 0

  /// - Parameter threads: How many frames are decoded ahead at a time, once ``start()`` was called.
  init(threads: Int) throws(TransferError) {
    context = try ZstdContext()
    ahead = threads > 0 ? try FramesAhead(threads: threads) : nil
    scan = try ZstdScan()
  }

  /// Starts the threads that decode ahead.
  func start() throws(TransferError) { try ahead?.start() }

  /// Ends the threads.
  func stop() { ahead?.stop() }

  /// Decodes some more.
  mutating func decode<Upstream>(
    _ input: inout CompressedInput<Upstream>, into queue: inout DecodedQueue
  ) throws(TransferError) -> DecodingStep {
    if skipping > 0 {
      guard try input.skip(&skipping) else { throw input.cut() }
      return .done
    }
    if let frame { return try decodeBlock(of: frame, &input, into: &queue) }
    guard let next = scan.frames.first else { return try scanNext(&input) }
    hasBegun = true
    switch next.kind {
    case .skippable:
      skipping = UInt64(next.range.count)
      scan.removeFirst()
      return .done
    case .zeroes:
      scan.removeFirst()
      input.consume(next.range.count)
      queue.append(zeroes: next.content ?? 0)
      queue.release()
      return .done
    case .data(let hasZeroBlocks):
      if !hasZeroBlocks, let content = next.content, content <= UInt64(DecodedQueue.capacity) {
        return try decodeWhole(next, Int(content), &input, into: &queue)
      }
      guard let header = next.header else { return .done }
      scan.removeFirst()
      try open(header, isScanned: true, &input)
      return .done
    }
  }

  /// Looks at the next frame, or begins to decode it if looking is not possible.
  private mutating func scanNext<Upstream>(
    _ input: inout CompressedInput<Upstream>
  ) throws(TransferError) -> DecodingStep {
    switch try scan.scan(&input) {
    case .frame: return .done
    case .end:
      guard hasBegun else { throw input.cut() }
      return .end
    case .unknown:
      guard let header = scan.leaveFrame() else { return .done }
      hasBegun = true
      try open(header, isScanned: false, &input)
      return .done
    }
  }

  /// Decodes a frame that is there as a whole, all at once.
  private mutating func decodeWhole<Upstream>(
    _ frame: ZstdFrameAhead, _ content: Int, _ input: inout CompressedInput<Upstream>,
    into queue: inout DecodedQueue
  ) throws(TransferError) -> DecodingStep {
    guard queue.hasRoom(for: content) else { return .noRoom }
    let space = try queue.space(for: content)
    let decoded = try decodedAhead(frame, &input)
    let count: Int
    do throws(ZstdContext.Refusal) {
      if let bytes = try decoded?.get() {
        space.copyMemory(from: bytes)
        count = bytes.count
      } else {
        count = try context.decode(
          frame: input.available.part(0..<frame.range.count), into: space)
      }
    } catch {
      throw input.refused(error, frame.range)
    }
    guard count == content else {
      throw input.damaged(
        at: frame.range.lowerBound,
        "the frame should hold \(content) bytes but holds \(count)")
    }
    scan.removeFirst()
    input.consume(frame.range.count)
    queue.append(count)
    queue.release()
    return .done
  }

  // MARK: Ahead of its turn

  /// Gives frames that are there to threads that are free. It waits for nothing.
  mutating func decodeAhead<Upstream>(_ input: inout CompressedInput<Upstream>) {
    guard let ahead, ahead.hasRoom else { return }
    // A failure is reported when the decoder comes to it, here and below.
    try? input.takeAvailable()
    let takesMore = input.takesMore
    input.takesMore = false
    defer { input.takesMore = takesMore }
    while ahead.hasRoom {
      guard let frame = scan.frames.first(where: { $0.range.lowerBound >= unseen }) else {
        guard case .frame? = try? scan.scan(&input) else { return }
        continue
      }
      unseen = frame.range.upperBound
      guard FramesAhead.takes(frame) else { continue }
      let start = Int(frame.range.lowerBound - input.offset)
      ahead.give(
        input.available.part(start..<start + frame.range.count), at: frame.range.lowerBound)
    }
  }

  /// The result of the first frame of all, if it was given to a thread; valid until another one is
  /// given.
  private mutating func decodedAhead<Upstream>(
    _ frame: ZstdFrameAhead, _ input: inout CompressedInput<Upstream>
  ) throws(TransferError) -> Result<UnsafeRawBufferPointer, ZstdContext.Refusal>? {
    var waits = 0
    repeat {
      // Gives the frames after it too, as soon as they come.
      decodeAhead(&input)
      guard let ahead, ahead.place == frame.range.lowerBound else { return nil }
      if let decoded = ahead.take(waiting: 1) { return decoded }
      waits += 1
      if waits.isMultiple(of: 100) { try input.upstream.ask() }
    } while true
  }

  // MARK: Block by block

  private mutating func open<Upstream>(
    _ header: ZstdFrameHeader, isScanned: Bool, _ input: inout CompressedInput<Upstream>
  ) throws(TransferError) {
    context.reset()
    let range = input.offset..<input.offset + UInt64(header.size)
    // A header decodes to nothing; there may be no room yet.
    let nowhere = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    do {
      _ = try context.decode(part: input.available.part(0..<header.size), into: nowhere)
    } catch {
      throw input.refused(error, range)
    }
    input.consume(header.size)
    frame = OpenFrame(header: header, isScanned: isScanned)
  }

  private mutating func decodeBlock<Upstream>(
    of frame: OpenFrame, _ input: inout CompressedInput<Upstream>, into queue: inout DecodedQueue
  ) throws(TransferError) -> DecodingStep {
    let header = frame.header
    let largest = Int(header.largestBlock)
    // If nothing can be taken, there is room: what is held back is no more than fits.
    guard queue.hasRoom(for: largest) || queue.count == 0 else { return .noRoom }
    let (block, range) = try nextBlock(header, &input)
    let space = try queue.space(for: largest)
    let result: (count: Int, isEnd: Bool)
    do {
      result = try context.decode(
        part: input.available.part(0..<range.count), into: space)
    } catch {
      throw input.refused(error, range)
    }
    guard result.isEnd == block.isLast else {
      throw input.damaged(at: range.lowerBound, "the block is not the last one of its frame")
    }
    let decoded = frame.decoded + UInt64(result.count)
    if let content = header.content, decoded > content {
      throw input.damaged(
        at: range.lowerBound, "the frame should hold \(content) bytes but holds more")
    }
    input.consume(range.count)
    // A frame is long if it was seen to be long, whatever its header says. The last part of a long
    // frame waits for the checksum.
    if frame.decoded > UInt64(DecodedQueue.capacity) { queue.release() }
    queue.append(result.count)
    self.frame?.decoded = decoded
    guard block.isLast else { return .done }
    self.frame = nil
    if !frame.isScanned { scan.resume(at: input.offset) }
    queue.release()
    return .done
  }

  /// Waits for the next block, and after the last block for what follows it.
  private func nextBlock<Upstream>(
    _ header: ZstdFrameHeader, _ input: inout CompressedInput<Upstream>
  ) throws(TransferError) -> (ZstdBlockHeader, Range<UInt64>) {
    guard try input.require(ZstdBlockHeader.size) else { throw input.cut() }
    let block: ZstdBlockHeader
    do {
      block = try ZstdBlockHeader(input.available, largest: header.largestBlock)
    } catch {
      throw input.damaged(at: input.offset, error.reason)
    }
    let checksum = block.isLast && header.hasChecksum ? ZstdFrameHeader.checksumSize : 0
    let count = ZstdBlockHeader.size + block.length + checksum
    guard try input.require(count) else { throw input.cut() }
    return (block, input.offset..<input.offset + UInt64(count))
  }

  // MARK: Looking ahead

  /// What is known of bytes after all that was decoded, without decoding more.
  ///
  /// - Parameter distance: Counted from the end of what was decoded.
  mutating func run<Upstream>(
    at distance: UInt64, _ input: inout CompressedInput<Upstream>
  ) throws(TransferError) -> RunAhead {
    var start: UInt64 = 0
    if skipping > 0 { return .unknown }
    if let frame {
      guard frame.isScanned, let content = frame.header.content else { return .unknown }
      start = content - frame.decoded
      guard distance >= start else { return .data(start - distance, hasZeroes: true) }
    }
    var seen = 0
    while true {
      while seen < scan.frames.count {
        let next = scan.frames[scan.frames.startIndex + seen]
        seen += 1
        guard let content = next.content else { return .unknown }
        let end = start.addingReportingOverflow(content)
        guard !end.overflow else { return .unknown }
        if distance < end.partialValue {
          let count = end.partialValue - distance
          switch next.kind {
          case .zeroes: return .zeroes(count)
          case .data(let hasZeroes): return .data(count, hasZeroes: hasZeroes)
          case .skippable: return .unknown
          }
        }
        start = end.partialValue
      }
      switch try scan.scan(&input) {
      case .frame: break
      case .end: return hasBegun ? .end : .unknown
      case .unknown: return .unknown
      }
    }
  }
}

/// What is known of bytes that were not decoded.
enum RunAhead {
  case zeroes(UInt64)
  /// Any bytes. Some may turn out to be zeroes when they are decoded.
  case data(UInt64, hasZeroes: Bool)
  case unknown
  case end
}

extension CompressedInput {
  /// The failure of a part of the stream that libzstd refuses.
  fileprivate func refused(
    _ refusal: ZstdContext.Refusal, _ range: Range<UInt64>
  ) -> TransferError {
    switch refusal.code {
    case ZSTD_error_checksum_wrong:
      damaged(
        at: range.upperBound - UInt64(ZstdFrameHeader.checksumSize), refusal.reason)
    case ZSTD_error_memory_allocation: noMemory(for: "decoding")
    default: damaged(at: range.lowerBound, refusal.reason)
    }
  }
}
