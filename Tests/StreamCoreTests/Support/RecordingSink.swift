import StreamCore

/// Takes the stream into an array, up to where it is told to fail.
struct RecordingSink: StreamSink {
  private(set) var received: [UInt8] = []
  /// How many of the bytes came as zeroes.
  private(set) var zeroes = 0
  /// How the next calls fail. The bytes before are taken, and counted down here.
  var fault = Fault.none
  /// What the stream must not do and did.
  private(set) var complaint: String?

  /// How often the output was handed on, and how often its end was asked for.
  private(set) var timesFlushed = 0
  private(set) var timesFinished = 0

  var outputOffset: UInt64 { UInt64(received.count) }

  mutating func waitForReader() throws(TransferError) {
    if fault == .noReader { throw .interrupted }
  }

  mutating func flush() throws(TransferError) {
    timesFlushed += 1
    if fault == .stuck { throw Fault.brokenPipe }
  }

  mutating func finish() throws(TransferError) {
    timesFinished += 1
    if let stop = fault.stop { throw stop.error }
  }

  func delivered(unread: UInt64, of position: UInt64) -> UInt64 { position - unread }

  func checkDelivery() throws(TransferError) {
    if fault == .lost { throw Fault.brokenPipe }
  }

  mutating func send(_ bytes: RawSpan, advancing position: inout UInt64) throws(TransferError) {
    let count = accept(UInt64(bytes.byteCount), at: position)
    for index in 0..<count {
      received.append(bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self))
    }
    try advance(&position, by: count)
  }

  mutating func sendZeroes(
    _ count: UInt64, advancing position: inout UInt64
  ) throws(TransferError) {
    let count = accept(count, at: position)
    received.append(contentsOf: repeatElement(0, count: count))
    zeroes += count
    try advance(&position, by: count)
  }

  private mutating func accept(_ count: UInt64, at position: UInt64) -> Int {
    if position != received.count { complaint = "sent at \(position), not \(received.count)" }
    if count == 0 { complaint = "nothing sent at \(position)" }
    return min(Int(count), fault.stop?.after ?? .max)
  }

  private mutating func advance(
    _ position: inout UInt64, by count: Int
  ) throws(TransferError) {
    position += UInt64(count)
    guard let stop = fault.stop else { return }
    switch fault {
    case .none, .noReader, .stuck, .lost: break
    case .interrupted: fault = .interrupted(after: stop.after - count)
    case .broken: fault = .broken(after: stop.after - count)
    }
    if stop.after == count { throw stop.error }
  }
}
