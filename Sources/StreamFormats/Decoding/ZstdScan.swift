import StreamCore

/// A frame that was looked at ahead of the decoder: where it ends and what it decodes to.
struct ZstdFrameAhead: Equatable, Sendable {
  enum Kind: Equatable, Sendable {
    /// It decodes to nothing, whatever it holds.
    case skippable
    /// Zeroes alone; its checksum is right.
    case zeroes
    /// Any bytes. Some of its blocks may be zeroes.
    case data(hasZeroBlocks: Bool)
  }

  /// Where the frame is in the compressed stream.
  let range: Range<UInt64>
  let kind: Kind
  /// How many bytes it decodes to, if that is known.
  let content: UInt64?
  /// The header, for a frame of content.
  let header: ZstdFrameHeader?
}

/// A walk through the blocks of one frame, from its header to its checksum, that goes on where it
/// was interrupted.
struct ZstdFrameWalk: Sendable {
  let header: ZstdFrameHeader
  /// Where the frame stands in the compressed stream.
  let start: UInt64
  /// Where the next part of it is: a block, or what follows the last block.
  var next: UInt64
  /// How many bytes the blocks decode to, as long as all of them are zeroes.
  var zeroes: UInt64? = 0
  var hasZeroBlocks = false
  /// Whether the last block was passed.
  var isPastBlocks = false

  /// The most zeroes that are counted instead of decoded: their checksum takes 50 ms per GiB.
  static let mostZeroes: UInt64 = 4 << 30

  init(_ header: ZstdFrameHeader, at start: UInt64) {
    self.header = header
    self.start = start
    next = start + UInt64(header.size)
  }

  /// Passes a block whose header is there, and also its byte if that is repeated.
  mutating func pass(_ block: ZstdBlockHeader, byte: UInt8) {
    if block.kind == .repeated, byte == 0 {
      hasZeroBlocks = true
      zeroes = zeroes.map { $0 + UInt64(block.number) }
      if let count = zeroes, count > Self.mostZeroes { zeroes = nil }
    } else if block.kind != .raw || block.number > 0 {
      zeroes = nil
    }
    next += UInt64(ZstdBlockHeader.size + block.length)
    isPastBlocks = block.isLast
  }

}

/// Looks at the frames of a stream ahead of the decoder, without decoding them.
struct ZstdScan: Sendable {
  /// The frames that follow what was decoded, in their order, without a gap.
  private(set) var frames: ArraySlice<ZstdFrameAhead> = []
  /// Where the frame begins that follows the last one that was looked at, whether the decoder has
  /// taken that over or not. `nil` while the decoder is in a frame whose end is not known.
  private var next: UInt64? = 0
  private var walk: ZstdFrameWalk?
  private var hash: ZeroHash

  /// How many frames are looked at ahead.
  private static let mostFrames = 4096

  init() throws(TransferError) {
    guard let hash = ZeroHash(longest: ZstdFrameWalk.mostZeroes) else {
      throw noMemory(for: "decoding")
    }
    self.hash = hash
  }

  /// The result of a look at the next frame.
  enum Step: Equatable {
    /// The frame is now the last of ``frames``.
    case frame
    /// The stream ends where the frame would begin.
    case end
    /// The frame has to be decoded to be known, or lies too far ahead.
    case unknown
  }

  /// Takes away the first frame, which the decoder takes over.
  mutating func removeFirst() {
    frames.removeFirst()
    if frames.isEmpty { frames = [] }
  }

  /// Stops looking at the frame after the last one, which the decoder takes over.
  ///
  /// - Returns: Its header, if it has been read.
  mutating func leaveFrame() -> ZstdFrameHeader? {
    guard let left = walk else { return nil }
    (walk, next) = (nil, nil)
    return left.header
  }

  /// Goes on at `place`, where the frame that was left has ended.
  mutating func resume(at place: UInt64) { next = place }

  /// Looks at the frame that follows the last one, but no farther than to know that it is best
  /// decoded as it comes.
  mutating func scan<Upstream>(
    _ input: inout CompressedInput<Upstream>
  ) throws(TransferError) -> Step {
    guard frames.count < Self.mostFrames, let next else { return .unknown }
    if walk == nil, let step = try begin(&input, at: next) { return step }
    while let walk, !walk.isPastBlocks {
      // A frame that is too long to be held back as a whole need not be there as a whole.
      let isLong = (walk.header.content ?? .max) > UInt64(DecodedQueue.capacity)
      guard walk.zeroes != nil || !isLong else { return .unknown }
      guard try pass(walk, &input) else { return .unknown }
    }
    guard let walk, let frame = try finish(walk, &input) else { return .unknown }
    add(frame)
    self.walk = nil
    return .frame
  }

  private mutating func add(_ frame: ZstdFrameAhead) {
    frames.append(frame)
    next = frame.range.upperBound
  }

  /// Begins to look at the frame at `start`.
  ///
  /// - Returns: What is known of it already, or `nil` if its blocks have to be looked at.
  private mutating func begin<Upstream>(
    _ input: inout CompressedInput<Upstream>, at start: UInt64
  ) throws(TransferError) -> Step? {
    guard try !input.ends(at: start) else { return .end }
    var size = 0
    var frame: ZstdFrameStart?
    repeat {
      guard let bytes = try input.look(at: start, count: size) else { return .unknown }
      do {
        let needed = try ZstdFrameStart.headerSize(of: bytes)
        if needed == size { frame = try ZstdFrameStart(bytes) }
        size = needed
      } catch {
        throw input.damaged(at: start, error.reason)
      }
    } while frame == nil
    switch frame {
    case .content(let header)?: walk = ZstdFrameWalk(header, at: start)
    case .skippable(let count)?:
      let end = start + UInt64(ZstdFrameStart.skippableHeaderSize) + UInt64(count)
      add(ZstdFrameAhead(range: start..<end, kind: .skippable, content: 0, header: nil))
      return .frame
    case nil: break
    }
    return nil
  }

  /// Passes a block. It remains passed whatever happens next.
  ///
  /// - Returns: False if it lies too far ahead.
  private mutating func pass<Upstream>(
    _ walk: ZstdFrameWalk, _ input: inout CompressedInput<Upstream>
  ) throws(TransferError) -> Bool {
    guard let bytes = try input.look(at: walk.next, count: ZstdBlockHeader.size) else {
      return false
    }
    let block: ZstdBlockHeader
    do {
      block = try ZstdBlockHeader(bytes, largest: walk.header.largestBlock)
    } catch {
      throw input.damaged(at: walk.next, error.reason)
    }
    var byte: UInt8 = 0
    if block.kind == .repeated {
      guard let bytes = try input.look(at: walk.next, count: ZstdBlockHeader.size + 1) else {
        return false
      }
      byte = bytes[ZstdBlockHeader.size]
    }
    self.walk?.pass(block, byte: byte)
    return true
  }

  /// Looks at what follows the last block.
  ///
  /// - Returns: The frame, or `nil` if its end lies too far ahead.
  private mutating func finish<Upstream>(
    _ walk: ZstdFrameWalk, _ input: inout CompressedInput<Upstream>
  ) throws(TransferError) -> ZstdFrameAhead? {
    let size = walk.header.hasChecksum ? ZstdFrameHeader.checksumSize : 0
    guard let checksum = try input.look(at: walk.next, count: size) else { return nil }
    let range = walk.start..<walk.next + UInt64(size)
    guard let zeroes = walk.zeroes else {
      return ZstdFrameAhead(
        range: range, kind: .data(hasZeroBlocks: walk.hasZeroBlocks),
        content: walk.header.content, header: walk.header)
    }
    if let content = walk.header.content, content != zeroes {
      throw input.damaged(
        at: walk.start, "the frame should hold \(content) bytes but holds \(zeroes)")
    }
    if size > 0, checksum.number(at: 0, bytes: size) != UInt64(hash.low32(zeroes)) {
      throw input.damaged(at: walk.next, "the checksum is wrong")
    }
    return ZstdFrameAhead(range: range, kind: .zeroes, content: zeroes, header: walk.header)
  }
}
