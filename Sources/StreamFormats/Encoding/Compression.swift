/// How a stream is compressed on its way.
public enum Compression: String, CaseIterable, Sendable {
  case zstd, gzip

  /// The levels that may be asked for.
  public var levels: ClosedRange<Int> {
    switch self {
    case .zstd: 1...19
    case .gzip: 0...9
    }
  }

  /// The level if none is asked for.
  public var defaultLevel: Int {
    switch self {
    case .zstd: 3
    case .gzip: 1
    }
  }

  /// Bytes of the disk that are compressed at a time, as a separate frame or member.
  public var blockSize: Int {
    switch self {
    case .zstd: 4 << 20
    case .gzip: 1 << 20
    }
  }

  /// How many threads may compress at a time.
  public static let threads = 1...64

  /// How many threads compress unless told otherwise, on this many processors: eight are more than
  /// one client can feed.
  public static func defaultThreads(processors: Int) -> Int { min(max(processors, 1), 8) }
}

/// What becomes of the disk's bytes on their way to the descriptor.
public struct OutputEncoding: Sendable {
  /// What the stream is.
  public var format: DiskFormat
  /// The disk's size in bytes, if the format states it.
  public var size: UInt64
  /// The time that a format states, in seconds since 1970.
  public var seconds: Int64
  /// 16 random bytes, for a format that names itself.
  public var identity: [UInt8]
  /// How the stream is compressed, if it is; vmdk compresses by itself.
  public var compression: Compression?
  /// One of the compression's levels.
  public var level: Int
  /// How many blocks are compressed at a time: one of ``Compression/threads``.
  public var threads: Int
  /// Whether one thread compresses at first, and up to ``threads`` do as processors are free for
  /// them.
  public var sharesProcessors: Bool
  /// Whether a digest is made of the output.
  public var digestsOutput: Bool
  /// Whether a digest is made of the disk's bytes, zeroes too.
  public var digestsDisk: Bool
  /// Whether a digest has a thread of its own, which pays off if there are two processors.
  public var digestsAside: Bool

  /// The disk's own bytes, unless told otherwise.
  public init(
    format: DiskFormat = .raw, size: UInt64 = 0, seconds: Int64 = 0, identity: [UInt8] = [],
    compression: Compression? = nil, level: Int? = nil, threads: Int = 1,
    sharesProcessors: Bool = false, digestsOutput: Bool = false, digestsDisk: Bool = false,
    digestsAside: Bool = false
  ) {
    self.format = format
    self.size = size
    self.seconds = seconds
    self.identity = identity
    self.compression = compression
    self.level =
      level ?? (format == .vmdk ? VMDKFormat.defaultLevel : compression?.defaultLevel ?? 0)
    self.threads = threads
    self.sharesProcessors = sharesProcessors
    self.digestsOutput = digestsOutput
    self.digestsDisk = digestsDisk
    self.digestsAside = digestsAside
  }
}
