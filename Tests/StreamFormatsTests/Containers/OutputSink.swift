import StreamCore

/// Takes the output into an array, up to where it is told to stop.
struct OutputSink: StreamSink {
  private(set) var bytes: [UInt8] = []
  private(set) var isFinished = false
  /// After so many more bytes every call is interrupted, once.
  var interruption: Int?

  var outputOffset: UInt64 { UInt64(bytes.count) }

  func waitForReader() {}
  func checkDelivery() {}
  func flush() {}
  mutating func finish() { isFinished = true }
  func delivered(unread: UInt64, of position: UInt64) -> UInt64 { position - unread }

  mutating func send(_ span: RawSpan, advancing position: inout UInt64) throws(TransferError) {
    let part = span.extracting(first: take(span.byteCount))
    part.withUnsafeBytes { bytes.append(contentsOf: $0) }
    position += UInt64(part.byteCount)
    try interrupt(part.byteCount < span.byteCount)
  }

  mutating func sendZeroes(
    _ count: UInt64, advancing position: inout UInt64
  ) throws(TransferError) {
    let part = take(Int(count))
    bytes.append(contentsOf: repeatElement(0, count: part))
    position += UInt64(part)
    try interrupt(part < count)
  }

  private mutating func take(_ count: Int) -> Int {
    let part = min(count, interruption ?? .max)
    interruption = interruption.map { $0 - part }
    return part
  }

  private mutating func interrupt(_ isDue: Bool) throws(TransferError) {
    guard isDue else { return }
    interruption = nil
    throw .interrupted
  }
}
