/// Where bytes wait until the ones before them have come. Addressed by offset on the disk.
///
/// The stream says which bytes it stores, reads, sends and needs no longer; a store remembers
/// nothing but the bytes.
public protocol HeldStore {
  /// Keeps a copy of `bytes`, replacing what was at `offset`.
  mutating func store(_ bytes: RawSpan, at offset: UInt64) throws(StoreError)

  /// Appends the bytes of `range`, which were all stored, to `buffer`.
  mutating func read(_ range: Range<UInt64>, into buffer: inout OutputRawSpan) throws(StoreError)

  /// Sends the bytes of `range`, which were all stored, to `sink`; `position` advances as there.
  mutating func send<Sink: StreamSink>(
    _ range: Range<UInt64>, to sink: inout Sink, advancing position: inout UInt64
  ) throws(SinkError)

  /// Takes notice that the bytes of `range` are not needed any more, stored or not.
  mutating func discard(_ range: Range<UInt64>)
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
