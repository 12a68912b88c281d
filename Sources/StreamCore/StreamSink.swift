/// Where the stream goes. Bytes are handed over in order and can't be taken back.
///
/// Both sending calls advance `position` by exactly what the sink took, in small steps or at once,
/// and also when they throw: the stream knows at any time what it has sent.
public protocol StreamSink {
  /// Returns once somebody reads, and at once from then on.
  mutating func waitForReader() throws(TransferError)

  /// Fails if the reader has gone and what was sent is lost with it, wholly or in part.
  func checkDelivery() throws(TransferError)

  /// Sends all of `bytes`, waiting as often as need be.
  ///
  /// - Parameters:
  ///   - bytes: Lent until this returns, and changed by their owner afterwards: they are to be
  ///     copied.
  ///   - position: Bytes sent since the stream began.
  mutating func send(_ bytes: RawSpan, advancing position: inout UInt64) throws(TransferError)

  /// Sends `count` zero bytes, any number up to 2^63 - 1.
  mutating func sendZeroes(_ count: UInt64, advancing position: inout UInt64) throws(TransferError)
}
