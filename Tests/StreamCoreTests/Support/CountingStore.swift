import StreamCore

/// A store that keeps no byte and counts how many come and go.
struct CountingStore: HeldStore {
  private(set) var stored: UInt64 = 0
  private(set) var discarded: UInt64 = 0

  var isSparse: Bool { false }

  mutating func store(_ bytes: RawSpan) -> UInt64 {
    defer { stored += UInt64(bytes.byteCount) }
    return stored
  }

  func read(_ locations: Range<UInt64>, into buffer: inout OutputRawSpan) {
    buffer.append(repeating: 1, count: locations.count, as: UInt8.self)
  }

  /// Told apart from zeroes and from a request's own buffer: it comes from nowhere.
  func send<Sink: StreamSink>(
    _ locations: Range<UInt64>, to sink: inout Sink, advancing position: inout UInt64
  ) throws(TransferError) {
    let bytes = [UInt8](repeating: 1, count: locations.count)
    try sink.send(bytes.span.bytes, advancing: &position)
  }

  mutating func discard(_ locations: Range<UInt64>) { discarded += UInt64(locations.count) }

  mutating func storeAgain(_ locations: Range<UInt64>) -> UInt64 {
    stored += UInt64(locations.count)
    return stored - UInt64(locations.count)
  }
}
