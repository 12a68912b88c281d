import StreamCore

/// A stream of known bytes, up to where it is told to fail.
struct ScriptedSource: StreamSource {
  let content: [UInt8]
  /// How many bytes were taken.
  private(set) var taken = 0
  /// How many of them were dropped by the source itself.
  private(set) var dropped = 0
  /// How the next calls fail. The bytes before come, and are counted down here.
  var fault: (error: TransferError, after: Int)?
  /// What the disk must not do and did.
  private(set) var complaint: String?

  init(_ content: [UInt8]) { self.content = content }

  mutating func receive(into buffer: inout OutputRawSpan) throws(TransferError) {
    if buffer.freeCapacity == 0 { complaint = "nothing is asked for at \(taken)" }
    let (count, error) = take(UInt64(buffer.freeCapacity))
    for byte in content[taken - count..<taken] { buffer.append(byte) }
    if let error { throw error }
  }

  mutating func drop(_ count: UInt64, advancing position: inout UInt64) throws(TransferError) {
    if count == 0 { complaint = "nothing is dropped at \(taken)" }
    if position != taken { complaint = "dropped at \(position), not \(taken)" }
    let (count, error) = take(count)
    dropped += count
    position += UInt64(count)
    if let error { throw error }
  }

  private mutating func take(_ wanted: UInt64) -> (count: Int, error: TransferError?) {
    var count = Int(min(wanted, UInt64(content.count - taken)))
    var error: TransferError?
    if let fault, fault.after <= count {
      count = fault.after
      error = fault.error
      self.fault = nil
    } else if let fault {
      self.fault = (fault.error, fault.after - count)
    }
    taken += count
    return (count, error)
  }
}
