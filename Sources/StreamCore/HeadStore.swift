/// Room for the first bytes of the disk only, which wait until it is certain that the client does not
/// begin again.
public struct HeadStore: HeldStore, Sendable {
  private var bytes: [UInt8]

  /// Makes room for the first `capacity` bytes.
  public init(capacity: Int) {
    bytes = [UInt8](repeating: 0, count: capacity)
  }

  /// Keeps `bytes`; fails with no room (`errno` 28, `ENOSPC`) for what lies outside the head.
  public mutating func store(_ span: RawSpan, at offset: UInt64) throws(StoreError) {
    guard let target = slots(offset, span.byteCount) else {
      throw StoreError(errno: 28, reason: "only the first \(bytes.count) bytes can wait")
    }
    span.withUnsafeBytes { source in
      bytes.replaceSubrange(target, with: source)
    }
  }

  /// Appends the bytes of `range`.
  public func read(
    _ range: Range<UInt64>, into buffer: inout OutputRawSpan
  ) throws(StoreError) {
    for byte in bytes[checkedSlots(range)] {
      buffer.append(byte)
    }
  }

  /// Sends the bytes of `range`.
  public mutating func send<Sink: StreamSink>(
    _ range: Range<UInt64>, to sink: inout Sink, advancing position: inout UInt64
  ) throws(SinkError) {
    try sink.send(bytes.span.extracting(checkedSlots(range)).bytes, advancing: &position)
  }

  /// Does nothing: the room is small and stays.
  public mutating func discard(_ range: Range<UInt64>) {}

  private func slots(_ offset: UInt64, _ count: Int) -> Range<Int>? {
    guard offset <= bytes.count, count <= bytes.count - Int(offset) else { return nil }
    return Int(offset)..<Int(offset) + count
  }

  private func checkedSlots(_ range: Range<UInt64>) -> Range<Int> {
    guard let slots = slots(range.lowerBound, Int(range.upperBound - range.lowerBound)) else {
      preconditionFailure("bytes \(range) were never stored")
    }
    return slots
  }
}
