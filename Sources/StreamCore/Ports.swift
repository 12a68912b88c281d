// What the core needs from the world: where a stream goes, where one comes from, where bytes wait,
// and how each of them fails.

/// Where the stream goes. Bytes of the disk are handed over in order and can't be taken back.
///
/// A sink may stand in front of another one and change what is sent: compress it, or wrap it into a
/// format. Therefore the position on the disk and the offset in the output are two numbers.
///
/// Both sending calls advance `position` by exactly what the sink took, in small steps or at once,
/// and also when they throw: the stream knows at any time what it has handed over.
public protocol StreamSink {
  /// Bytes of output handed on so far, to the descriptor in the end. This is the position itself if
  /// the stream is the disk's own bytes.
  var outputOffset: UInt64 { get }

  /// Returns once there is a reader, and at once from then on.
  mutating func waitForReader() throws(TransferError)

  /// Fails if the reader has gone and what was sent is lost with it, wholly or in part.
  func checkDelivery() throws(TransferError)

  /// Sends all of `bytes`, waiting as often as need be.
  ///
  /// - Parameters:
  ///   - bytes: Lent until this returns. Their owner changes them afterwards, so they have to be
  ///     copied.
  ///   - position: Bytes of the disk handed over since the stream began.
  mutating func send(_ bytes: RawSpan, advancing position: inout UInt64) throws(TransferError)

  /// Sends `count` zero bytes, any number up to 2^63 - 1.
  mutating func sendZeroes(_ count: UInt64, advancing position: inout UInt64) throws(TransferError)

  /// Returns once all output that is ready by now has been handed on, except what is held back so
  /// that half a stream never looks whole. Fails if anything accepted before has failed.
  mutating func flush() throws(TransferError)

  /// Sends what marks the end of the output, and all that was held back. It is called after the
  /// last byte of a disk that may be whole. It is called once, but again if it was interrupted, and
  /// never after a failure.
  mutating func finish() throws(TransferError)

  /// How much of the disk a reader has if it took all of the output but the last `unread` bytes.
  ///
  /// - Parameter unread: Up to ``outputOffset``.
  func delivered(unread: UInt64, of position: UInt64) -> UInt64
}

/// Where a stream that is read comes from. Bytes come in order, and once.
public protocol StreamSource {
  /// Appends the next bytes to `buffer` until it is full, or leaves room in it because the stream
  /// has ended. Bytes that came before a failure are in the buffer, and nowhere else.
  mutating func receive(into buffer: inout OutputRawSpan) throws(TransferError)

  /// The same, but it waits only until `count` bytes have come, and appends more only if it need
  /// not wait for them.
  ///
  /// - Parameter count: Up to the free capacity.
  mutating func receive(
    atLeast count: Int, into buffer: inout OutputRawSpan
  ) throws(TransferError)

  /// Appends those of the next bytes that it need not wait for, which may be none.
  mutating func receiveAvailable(into buffer: inout OutputRawSpan) throws(TransferError)

  /// Drops the next `count` bytes, or fewer because the stream has ended.
  ///
  /// - Parameter position: Advances by exactly what was dropped, also when this throws.
  mutating func drop(_ count: UInt64, advancing position: inout UInt64) throws(TransferError)

  /// What is known of the bytes from `distance` bytes ahead on. A source that knows where its
  /// zeroes are reads ahead to find this out, within bounds; what it reads then is not lost.
  ///
  /// Only what comes before the first failure is known. The failure itself is thrown when the bytes
  /// are received.
  ///
  /// - Parameter end: How far ahead the answer is wanted, more than `distance`. The answer may end
  ///   there.
  /// - Throws: ``TransferError/interrupted`` alone.
  mutating func run(
    at distance: UInt64, upTo end: UInt64
  ) throws(TransferError) -> SourceRun

  /// Fails with ``TransferError/interrupted`` once the server stops or the client has gone. It is
  /// for work that runs long without a wait.
  mutating func ask() throws(TransferError)
}

/// What a source knows of bytes that it has not given yet.
public enum SourceRun: Equatable, Sendable {
  /// This many bytes are zeroes, at least one. Giving or dropping them costs nothing.
  case zeroes(UInt64)
  /// This many bytes may be anything, at least one.
  case data(UInt64)
  /// These bytes and all after them may be anything, or may not be there.
  case unknown
  /// The stream ends there, or before.
  case end
}

extension StreamSource {
  /// Waits until `buffer` is full, or the stream has ended.
  public mutating func receive(
    atLeast count: Int, into buffer: inout OutputRawSpan
  ) throws(TransferError) {
    if count > 0 { try receive(into: &buffer) }
  }

  /// Appends nothing.
  public mutating func receiveAvailable(into buffer: inout OutputRawSpan) throws(TransferError) {}

  /// Knows nothing of the bytes ahead.
  public mutating func run(
    at distance: UInt64, upTo end: UInt64
  ) throws(TransferError) -> SourceRun {
    .unknown
  }

  /// Never fails.
  public mutating func ask() throws(TransferError) {}
}

/// Where bytes wait until the ones before them have come.
///
/// The stream remembers what is where; a store keeps the bytes alone, at locations of its own
/// choosing.
public protocol HeldStore {
  /// Keeps a copy of `bytes`, all or nothing.
  ///
  /// - Returns: The location of the first byte; the others follow. No location is returned twice.
  mutating func store(_ bytes: RawSpan) throws(Failure) -> UInt64

  /// Appends the bytes at these locations, which are kept, to `buffer`.
  func read(_ locations: Range<UInt64>, into buffer: inout OutputRawSpan) throws(Failure)

  /// Sends the bytes at these locations, which are kept, to `sink`; `position` advances as it does
  /// there.
  func send<Sink: StreamSink>(
    _ locations: Range<UInt64>, to sink: inout Sink, advancing position: inout UInt64
  ) throws(TransferError)

  /// Drops the bytes at these locations, which are kept and no longer needed.
  mutating func discard(_ locations: Range<UInt64>)

  /// Keeps the bytes at these locations, which are kept, a second time.
  ///
  /// - Returns: As ``store(_:)``.
  mutating func storeAgain(_ locations: Range<UInt64>) throws(Failure) -> UInt64

  /// Whether the bytes that are kept take so much more room than they need that they should be
  /// stored again, in the order of their locations.
  var isSparse: Bool { get }
}

/// Why something can't be done: the one pair of number and reason that all other errors carry.
public struct Failure: Error, Equatable, Sendable {
  /// The system's number for the reason.
  public let errno: Int32
  /// The reason, for people: what is wrong with which value, and what would be right, without the
  /// name of the parameter.
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
