import StreamCore

/// A stream of known bytes, up to where it is told to fail.
struct ScriptedSource: StreamSource {
  let content: [UInt8]
  /// Where it knows its zeroes, in ascending order.
  var zeroes: [Range<Int>] = []
  /// How many bytes ahead it knows anything; 0 for a source that knows nothing.
  var horizon = 0
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

  /// What is known from `offset` on, with so many bytes taken.
  func run(from offset: Int, taken: Int) -> SourceRun {
    // What is behind the end is known as soon as the end is.
    guard min(offset, content.count) - taken < horizon else { return .unknown }
    guard offset < content.count else { return .end }
    let end = min(taken + horizon, content.count)
    guard let next = zeroes.first(where: { $0.upperBound > offset }), next.lowerBound < end else {
      return .data(UInt64(end - offset))
    }
    return next.contains(offset)
      ? .zeroes(UInt64(min(next.upperBound, end) - offset))
      : .data(UInt64(next.lowerBound - offset))
  }

  mutating func run(
    at distance: UInt64, upTo end: UInt64
  ) throws(TransferError) -> SourceRun {
    if distance >= end { complaint = "nothing is asked about at \(taken)" }
    return run(from: taken + Int(distance), taken: taken)
  }

  mutating func drop(_ count: UInt64, advancing position: inout UInt64) throws(TransferError) {
    if count == 0 { complaint = "nothing is dropped at \(taken)" }
    if position != taken { complaint = "dropped at \(position), not \(taken)" }
    if case .zeroes(let known) = run(from: taken, taken: taken), count <= known {
      // Zeroes that are known are there.
      taken += Int(count)
      position += count
      return
    }
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
