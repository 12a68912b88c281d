import StreamCore

/// A store that knows what it keeps, and complains where a real one would give rubbish.
struct CheckedStore: HeldStore {
  /// What is kept, by offset.
  private(set) var bytes: [UInt8?] = []
  private(set) var count = 0
  /// How many bytes it takes; then it is full, with a part of the request taken.
  var room = Int.max
  /// What the stream must not do and did.
  private(set) var complaint: String?

  static let full = StoreError(errno: 28, reason: "full")

  mutating func store(_ span: RawSpan, at offset: UInt64) throws(StoreError) {
    if span.isEmpty { complaint = "nothing stored at \(offset)" }
    for index in 0..<span.byteCount {
      guard count < room else { throw Self.full }
      keep(span.unsafeLoad(fromByteOffset: index, as: UInt8.self), at: Int(offset) + index)
    }
  }

  mutating func read(
    _ range: Range<UInt64>, into buffer: inout OutputRawSpan
  ) throws(StoreError) {
    for byte in kept(range) { buffer.append(byte) }
  }

  mutating func send<Sink: StreamSink>(
    _ range: Range<UInt64>, to sink: inout Sink, advancing position: inout UInt64
  ) throws(SinkError) {
    try sink.send(kept(range).span.bytes, advancing: &position)
  }

  mutating func discard(_ range: Range<UInt64>) {
    var offset = Int(min(range.lowerBound, UInt64(bytes.count)))
    while offset < bytes.count, offset < range.upperBound {
      if bytes[offset] != nil { count -= 1 }
      bytes[offset] = nil
      offset += 1
    }
  }

  private mutating func keep(_ byte: UInt8, at offset: Int) {
    if offset >= bytes.count {
      bytes.append(contentsOf: repeatElement(nil, count: offset - bytes.count + 1))
    }
    if bytes[offset] == nil { count += 1 }
    bytes[offset] = byte
  }

  private mutating func kept(_ range: Range<UInt64>) -> [UInt8] {
    var result: [UInt8] = []
    var offset = Int(range.lowerBound)
    while offset < range.upperBound {
      if offset < bytes.count, let byte = bytes[offset] {
        result.append(byte)
      } else {
        complaint = "\(offset) is asked for and not stored"
        result.append(0xFF)
      }
      offset += 1
    }
    return result
  }
}
