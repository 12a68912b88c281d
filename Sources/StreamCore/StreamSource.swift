/// Where a stream that is read comes from. Bytes come in order, and once.
public protocol StreamSource {
  /// Appends the next bytes to `buffer` until it is full, or leaves room in it because the stream has
  /// ended. What came before a failure is in the buffer, and nowhere else.
  mutating func receive(into buffer: inout OutputRawSpan) throws(TransferError)

  /// Drops the next `count` bytes, or fewer because the stream has ended.
  ///
  /// - Parameter position: Advances by exactly what was dropped, also when this throws.
  mutating func drop(_ count: UInt64, advancing position: inout UInt64) throws(TransferError)
}
