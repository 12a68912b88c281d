// What the core needs from the world: where a stream goes, where one comes from, where bytes wait, and
// how each of them fails.

/// Where the stream goes. Bytes of the disk are handed over in order and can't be taken back.
///
/// A sink may stand in front of another one and change what is sent: compress it, or wrap it into a
/// format. Therefore the position on the disk and the offset in the output are two numbers.
///
/// Both sending calls advance `position` by exactly what the sink took, in small steps or at once,
/// and also when they throw: the stream knows at any time what it has handed over.
public protocol StreamSink {
  /// Bytes of output handed on so far, to the descriptor in the end. The position itself where the
  /// stream is the disk's own bytes.
  var outputOffset: UInt64 { get }

  /// Returns once somebody reads, and at once from then on.
  mutating func waitForReader() throws(TransferError)

  /// Fails if the reader has gone and what was sent is lost with it, wholly or in part.
  func checkDelivery() throws(TransferError)

  /// Sends all of `bytes`, waiting as often as need be.
  ///
  /// - Parameters:
  ///   - bytes: Lent until this returns, and changed by their owner afterwards: they are to be
  ///     copied.
  ///   - position: Bytes of the disk handed over since the stream began.
  mutating func send(_ bytes: RawSpan, advancing position: inout UInt64) throws(TransferError)

  /// Sends `count` zero bytes, any number up to 2^63 - 1.
  mutating func sendZeroes(_ count: UInt64, advancing position: inout UInt64) throws(TransferError)

  /// Returns once all output that is ready by now has been handed on, but for what is held back so
  /// that half a stream never looks whole. Fails if anything accepted before has failed.
  mutating func flush() throws(TransferError)

  /// Sends what marks the end of the output, and all that was held back. To be called after the last
  /// byte of a disk that may be whole, once, but again if it was interrupted; never after a failure.
  mutating func finish() throws(TransferError)

  /// How much of the disk a reader has who took all of the output but its last `unread` bytes.
  ///
  /// - Parameter unread: Up to ``outputOffset``.
  func delivered(unread: UInt64, of position: UInt64) -> UInt64
}

/// Where a stream that is read comes from. Bytes come in order, and once.
public protocol StreamSource {
  /// Appends the next bytes to `buffer` until it is full, or leaves room in it because the stream has
  /// ended. What came before a failure is in the buffer, and nowhere else.
  mutating func receive(into buffer: inout OutputRawSpan) throws(TransferError)

  /// The same, but it is content with `count` bytes, and appends of the next ones only those that it
  /// need not wait for.
  ///
  /// - Parameter count: Up to the free capacity.
  mutating func receive(
    atLeast count: Int, into buffer: inout OutputRawSpan
  ) throws(TransferError)

  /// Appends of the next bytes those that it need not wait for, which may be none.
  mutating func receiveAvailable(into buffer: inout OutputRawSpan) throws(TransferError)

  /// Drops the next `count` bytes, or fewer because the stream has ended.
  ///
  /// - Parameter position: Advances by exactly what was dropped, also when this throws.
  mutating func drop(_ count: UInt64, advancing position: inout UInt64) throws(TransferError)

  /// What is known of the bytes from `distance` bytes ahead on. A source that knows where its zeroes
  /// are reads ahead for it, within bounds; what it reads then is not lost.
  ///
  /// Only what comes in front of the first failure is known. The failure itself is thrown to whoever
  /// receives.
  ///
  /// - Parameter end: How far ahead the answer is wanted, above `distance`: it may end there.
  /// - Throws: ``TransferError/interrupted`` alone.
  mutating func run(
    at distance: UInt64, upTo end: UInt64
  ) throws(TransferError) -> SourceRun

  /// Fails with ``TransferError/interrupted`` once the server stops or the client has gone: for what
  /// runs long without a wait.
  mutating func ask() throws(TransferError)
}

/// What a source knows of bytes that it has not given yet.
public enum SourceRun: Equatable, Sendable {
  /// So many are zeroes, at least one. Giving or dropping them costs nothing.
  case zeroes(UInt64)
  /// So many may be anything, at least one.
  case data(UInt64)
  /// They and all behind them may be anything, or not be there.
  case unknown
  /// The stream has ended there, or before.
  case end
}

extension StreamSource {
  /// Waits for all that fits.
  public mutating func receive(
    atLeast count: Int, into buffer: inout OutputRawSpan
  ) throws(TransferError) {
    if count > 0 { try receive(into: &buffer) }
  }

  /// Has nothing that need not be waited for.
  public mutating func receiveAvailable(into buffer: inout OutputRawSpan) throws(TransferError) {}

  /// Knows nothing.
  public mutating func run(
    at distance: UInt64, upTo end: UInt64
  ) throws(TransferError) -> SourceRun {
    .unknown
  }

  /// Goes on.
  public mutating func ask() throws(TransferError) {}
}

/// Where bytes wait until the ones before them have come.
///
/// The stream remembers what is where; a store keeps the bytes alone, at locations of its own
/// choosing.
public protocol HeldStore {
  /// Keeps a copy of `bytes`, all or nothing.
  ///
  /// - Returns: The location of the first; the others follow. Not one that was returned before.
  mutating func store(_ bytes: RawSpan) throws(Failure) -> UInt64

  /// Appends the bytes at these locations, which are kept, to `buffer`.
  func read(_ locations: Range<UInt64>, into buffer: inout OutputRawSpan) throws(Failure)

  /// Sends the bytes at these locations, which are kept, to `sink`; `position` advances as there.
  func send<Sink: StreamSink>(
    _ locations: Range<UInt64>, to sink: inout Sink, advancing position: inout UInt64
  ) throws(TransferError)

  /// Needs the bytes at these locations, which are kept, no longer.
  mutating func discard(_ locations: Range<UInt64>)

  /// Keeps the bytes at these locations, which are kept, a second time.
  ///
  /// - Returns: As ``store(_:)``.
  mutating func storeAgain(_ locations: Range<UInt64>) throws(Failure) -> UInt64

  /// Whether the bytes that are kept take so much more room than they need that they should be stored
  /// again, in the order of their locations.
  var isSparse: Bool { get }
}

/// Why something can't be done: the one pair of number and reason that all other errors carry.
public struct Failure: Error, Equatable, Sendable {
  /// The system's number for the reason.
  public let errno: Int32
  /// The reason, for people: what is wrong with which value, and what would be right, without the name of
  /// the parameter.
  public let reason: String

  /// Makes a failure of its two parts.
  public init(errno: Int32, reason: String) {
    self.errno = errno
    self.reason = reason
  }
}

/// Why a sink took no more, or a source gave none.
public enum TransferError: Error, Equatable, Sendable {
  /// The server stops or the client has gone: the wait ended, the stream itself is unharmed.
  case interrupted
  /// Nothing can be sent or received any more, now or later.
  case broken(Failure)
}
