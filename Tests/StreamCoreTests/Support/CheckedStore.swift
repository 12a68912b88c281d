import StreamCore

/// A store that knows what it keeps, and complains where a real one would give rubbish.
struct CheckedStore: HeldStore {
  /// What was kept, by location; nil once it was discarded.
  private var bytes: [UInt8?] = []
  /// How many bytes are kept.
  private(set) var count = 0
  /// How many bytes it takes; then it is full.
  var room = Int.max
  /// What the stream must not do and did.
  private(set) var complaint: String?

  static let full = Failure(errno: 28, reason: "full")

  mutating func store(_ span: RawSpan) throws(Failure) -> UInt64 {
    if span.isEmpty { complaint = "nothing is stored" }
    guard span.byteCount <= room - count else { throw Self.full }
    // A gap, so that nobody relies on one request's bytes following another's.
    bytes.append(nil)
    let location = UInt64(bytes.count)
    for index in 0..<span.byteCount {
      bytes.append(span.unsafeLoad(fromByteOffset: index, as: UInt8.self))
    }
    count += span.byteCount
    return location
  }

  func read(
    _ locations: Range<UInt64>, into buffer: inout OutputRawSpan
  ) throws(Failure) {
    for byte in kept(locations) { buffer.append(byte) }
  }

  func send<Sink: StreamSink>(
    _ locations: Range<UInt64>, to sink: inout Sink, advancing position: inout UInt64
  ) throws(TransferError) {
    try sink.send(kept(locations).span.bytes, advancing: &position)
  }

  mutating func discard(_ locations: Range<UInt64>) {
    for location in locations {
      guard location < bytes.count, bytes[Int(location)] != nil else {
        complaint = "\(location) is discarded and not kept"
        continue
      }
      bytes[Int(location)] = nil
      count -= 1
    }
  }

  mutating func storeAgain(_ locations: Range<UInt64>) throws(Failure) -> UInt64 {
    try store(kept(locations).span.bytes)
  }

  /// Now and then, so that moving is tried between all other steps.
  var isSparse: Bool { bytes.count % 3 == 0 }

  /// What is not kept is rubbish that no model expects.
  private func kept(_ locations: Range<UInt64>) -> [UInt8] {
    locations.map { $0 < bytes.count ? bytes[Int($0)] ?? 0xFF : 0xFF }
  }
}
