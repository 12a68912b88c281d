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
/// - *position*: everything below it has been handed to the sink.
/// - *gap*: bytes between position and high that were not written; *firstMissing* is the lowest.
/// - *waiting*: bytes of data above firstMissing. If there are more than `reorder` of them, the
///   oldest gap is not waited for any longer: it becomes zeroes, a *hole*.
/// - *owed*: bytes of a request that was answered with an error. They are missing, and never a
///   hole.
///
/// What is held and what is missing from the position on is in the ``Backlog``; which of the bytes
/// sent nobody has written is in the ``Coverage``.
///
/// Not safe for use by two threads at once.
public struct OrderedStream<Sink: StreamSink, Store: HeldStore> {
  /// How much the stream lets wait, in bytes.
  public struct Limits: Sendable {
    /// How many bytes of data may wait for earlier ones still missing.
    public var reorder: UInt64
    /// How many of the newest bytes stay changeable.
    public var rewind: UInt64
    /// While nothing above the first `head` bytes was written, nothing is sent: a client that
    /// begins by initialising the disk may begin again.
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
  /// Gaps below this were closed for another reason than `reorder`, however large `reorder` may be.
  /// It is one past the highest byte at that time.
  var settled: UInt64 = 0
  /// What made every later write impossible, if anything did.
  public internal(set) var failure: StreamError?

  /// One of the two windows, with a size in bytes that would be enough.
  public enum Window: Equatable, Sendable {
    /// For what is written for the first time: `Limits.reorder`.
    case reorder(atLeast: UInt64)
    /// For what was written or settled before: `Limits.rewind`.
    case rewind(atLeast: UInt64)
  }

  /// The window that would have saved the write that came too late, if one came too late.
  public internal(set) var missedWindow: Window?

  /// Where the bytes go.
  public var sink: Sink
  var store: Store
  let limits: Limits

  var backlog = Backlog()
  var coverage: Coverage
  /// Whether the sink was asked to finish, and has.
  public internal(set) var isSealed = false

  /// Makes a stream at position 0.
  public init(limits: Limits, sink: Sink, store: Store) {
    self.init(limits: limits, sink: sink, store: store, coverage: Coverage())
  }

  init(limits: Limits, sink: Sink, store: Store, coverage: Coverage) {
    self.limits = limits
    self.sink = sink
    self.store = store
    self.coverage = coverage
  }

  /// One past the highest byte accepted.
  public var high: UInt64 { backlog.high }

  /// Requests answered with an error that were not repeated since, lowest first.
  public var owedRanges: [Range<UInt64>] { backlog.owedRanges }

  /// The largest number of bytes of data that waited for earlier ones at one time.
  public var largestReorder: UInt64 { backlog.largestReorder }

  /// While this is true, everything written may be written again.
  ///
  /// - Parameter high: One past the highest byte, including the request at hand.
  func isHoldingHead(_ high: UInt64) -> Bool { position == 0 && high <= limits.head }
}

extension OrderedStream: Sendable where Sink: Sendable, Store: Sendable {}
