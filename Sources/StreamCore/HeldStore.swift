/// Where bytes wait until the ones before them have come.
///
/// The stream remembers what is where; a store keeps the bytes alone, at locations of its own
/// choosing.
public protocol HeldStore {
  /// Keeps a copy of `bytes`, all or nothing.
  ///
  /// - Returns: The location of the first; the others follow. Not one that was returned before.
  mutating func store(_ bytes: RawSpan) throws(StoreError) -> UInt64

  /// Appends the bytes at these locations, which are kept, to `buffer`.
  func read(_ locations: Range<UInt64>, into buffer: inout OutputRawSpan) throws(StoreError)

  /// Sends the bytes at these locations, which are kept, to `sink`; `position` advances as there.
  func send<Sink: StreamSink>(
    _ locations: Range<UInt64>, to sink: inout Sink, advancing position: inout UInt64
  ) throws(TransferError)

  /// Needs the bytes at these locations, which are kept, no longer.
  mutating func discard(_ locations: Range<UInt64>)

  /// Keeps the bytes at these locations, which are kept, a second time.
  ///
  /// - Returns: As ``store(_:)``.
  mutating func storeAgain(_ locations: Range<UInt64>) throws(StoreError) -> UInt64

  /// Whether the bytes that are kept take so much more room than they need that they should be stored
  /// again, in the order of their locations.
  var isSparse: Bool { get }
}

/// A store had no room, or could not be read back.
public struct StoreError: Error, Equatable, Sendable {
  /// The system's number for the reason.
  public let errno: Int32
  /// The reason, for people.
  public let reason: String

  /// Makes an error of its two parts.
  public init(errno: Int32, reason: String) {
    self.errno = errno
    self.reason = reason
  }
}
