import StreamCore

/// Bytes of the format itself that go out before anything else, even after an interruption.
struct PendingBytes: Sendable {
  var bytes: [UInt8]
  /// How many of the bytes have been handed on.
  private var sent = 0

  init(_ bytes: [UInt8] = []) {
    self.bytes = bytes
  }

  /// How many bytes have still to be handed on.
  var count: Int { bytes.count - sent }

  /// Hands the bytes on; `offset` advances as a sink's position does.
  mutating func send<Sink: StreamSink>(
    to sink: inout Sink, advancing offset: inout UInt64
  ) throws(TransferError) {
    guard !bytes.isEmpty else { return }
    let before = offset
    do {
      try sink.send(bytes.span.bytes.extracting(droppingFirst: sent), advancing: &offset)
    } catch {
      sent += Int(offset - before)
      throw error
    }
    bytes.removeAll(keepingCapacity: true)
    sent = 0
  }
}
