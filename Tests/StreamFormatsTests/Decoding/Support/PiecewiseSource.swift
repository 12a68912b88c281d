import StreamCore

/// A compressed stream that comes in pieces, as from a pipe, up to where it is told to fail.
struct PiecewiseSource: StreamSource {
  private let content: [UInt8]
  /// How many bytes were taken.
  private(set) var taken = 0
  /// The most bytes that come at once.
  private let piece: Int
  /// How many calls there are from one interruption to the next; 0 for none.
  private let patience: Int
  private var calls = 0
  /// What the stream ends with, if it is not the end.
  var failure: TransferError?

  init(_ content: [UInt8], piece: Int = .max, patience: Int = 0) {
    self.content = content
    self.piece = piece
    self.patience = patience
  }

  mutating func receive(into buffer: inout OutputRawSpan) throws(TransferError) {
    try receive(atLeast: buffer.freeCapacity, into: &buffer)
  }

  mutating func receive(
    atLeast count: Int, into buffer: inout OutputRawSpan
  ) throws(TransferError) {
    let enough = buffer.freeCapacity - count
    repeat {
      guard try takePiece(into: &buffer) else {
        if let failure { throw failure }
        return
      }
    } while buffer.freeCapacity > enough
  }

  /// One piece is always there.
  mutating func receiveAvailable(into buffer: inout OutputRawSpan) throws(TransferError) {
    _ = try takePiece(into: &buffer)
  }

  private mutating func takePiece(into buffer: inout OutputRawSpan) throws(TransferError) -> Bool {
    calls += 1
    if patience > 0, calls.isMultiple(of: patience) { throw .interrupted }
    let part = min(piece, buffer.freeCapacity, content.count - taken)
    content[taken..<taken + part].withUnsafeBytes { bytes in
      buffer.withUnsafeMutableBytes { (space, initialized) in
        UnsafeMutableRawBufferPointer(rebasing: space[initialized...]).copyMemory(from: bytes)
        initialized += part
      }
    }
    taken += part
    return part > 0
  }

  mutating func drop(_ count: UInt64, advancing position: inout UInt64) throws(TransferError) {
    let part = Int(min(count, UInt64(content.count - taken)))
    taken += part
    position += UInt64(part)
  }
}
