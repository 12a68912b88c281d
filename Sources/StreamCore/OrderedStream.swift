/// Turns writes to a disk, in whatever order they come, into one stream of its bytes.
///
/// This is the part that decides: what is sent now, what is held, what becomes zeroes, what is
/// refused. It does no I/O of its own: a ``StreamSink`` takes the bytes and a ``HeldStore`` keeps
/// those that wait.
///
///     0            position    firstMissing            high
///     |  sent      |  held     |  gap |  held  | gap |  held |   never written
///     |============|###########|      |########|     |#######|
///
/// - *position*: all below has been handed to the sink.
/// - *gap*: bytes between position and high that were not written; *firstMissing* is the lowest.
/// - *waiting*: bytes of data above firstMissing. More than `reorder` of them, and the oldest gap is
///   not waited for any longer: it becomes zeroes, a *hole*.
/// - *owed*: bytes of a request that was answered by an error. They are missing, and never a hole.
///
/// Not safe for use by two threads at once.
public struct OrderedStream<Sink: StreamSink, Store: HeldStore> {
  /// How much the stream lets wait, in bytes.
  public struct Limits: Sendable {
    /// How many bytes of data may wait for earlier ones still missing.
    public var reorder: UInt64
    /// How many of the newest bytes stay changeable.
    public var rewind: UInt64
    /// While nothing above the first `head` bytes was written, nothing is sent: a client that begins
    /// by initialising the disk may begin again.
    public var head: UInt64

    /// Takes the three limits as they are; all may be 0.
    public init(reorder: UInt64, rewind: UInt64, head: UInt64) {
      self.reorder = reorder
      self.rewind = rewind
      self.head = head
    }
  }

  /// Bytes handed to the sink: the offset of the next one.
  public internal(set) var position: UInt64 = 0
  /// How many of the bytes sent were zeroes sent as such: asked for, or holes.
  public internal(set) var zeroesSent: UInt64 = 0
  /// Below this, gaps were closed for another reason than `reorder`, however large it may be: one past
  /// the highest byte at that time.
  var settled: UInt64 = 0
  /// The most bytes of data that waited for earlier ones at a time.
  public internal(set) var largestDisorder: UInt64 = 0
  /// What made every later write impossible, if anything did.
  public internal(set) var failure: StreamError?

  /// How many pieces may wait, whatever their size: they take memory for themselves, some 40 bytes
  /// each, so a client that scatters single bytes could fill it long before `reorder` is reached.
  static var mostPieces: Int { 2 << 20 }

  /// One of the two windows, with a size in bytes that is enough.
  public enum Window: Equatable, Sendable {
    /// For what is written for the first time: `Limits.reorder`.
    case reorder(atLeast: UInt64)
    /// For what was written or settled before: `Limits.rewind`.
    case rewind(atLeast: UInt64)
  }

  /// What would have saved the write that came too late, if one did.
  public internal(set) var missedWindow: Window?

  /// Where the bytes go.
  public var sink: Sink
  var store: Store
  let limits: Limits

  var held = RangeMap<Held>()
  var firstMissing: UInt64 = 0
  var waiting: UInt64 = 0
  var owed = ByteRangeSet()
  /// Holes already sent: a zero that comes late for one changes nothing and is accepted.
  var sentHoles = ByteRangeSet()
  /// What of them was zeroed since, so that it has been written once.
  var zeroedHoles = ByteRangeSet()

  /// Makes a stream at position 0.
  public init(limits: Limits, sink: Sink, store: Store) {
    self.limits = limits
    self.sink = sink
    self.store = store
  }

  /// One past the highest byte accepted.
  public var high: UInt64 { max(position, held.last?.range.upperBound ?? 0) }

  /// Requests answered by an error that were not repeated since, lowest first.
  public var owedRanges: [Range<UInt64>] { owed.ranges }

  /// Whether more waits than may.
  var isOverfull: Bool {
    !isHoldingHead && firstMissing < high
      && (waiting > limits.reorder || held.count > Self.mostPieces)
  }

  /// While true, everything written may be written again.
  var isHoldingHead: Bool { position == 0 && high <= limits.head }
}

extension OrderedStream: Sendable where Sink: Sendable, Store: Sendable {}
