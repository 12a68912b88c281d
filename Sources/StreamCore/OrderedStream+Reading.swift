/// What the stream knows of a range of the disk.
public enum StreamExtent: Sendable {
  /// Sent, or held with bytes the client wrote.
  case data
  /// Held zeroes.
  case zeroes
  /// Not written: reads as zeroes.
  case hole
}

extension OrderedStream {
  /// Fills `buffer` from `offset` on: with what is held, and zeroes where nothing is.
  ///
  /// - Throws: `sent` if any of the bytes is below the position.
  public mutating func read(
    into buffer: inout OutputRawSpan, at offset: UInt64
  ) throws(StreamError) {
    let range = offset..<offset + UInt64(buffer.freeCapacity)
    guard offset >= position else { throw .sent(range, position: position) }
    var next = offset
    while next < range.upperBound, let piece = held.first(reaching: next) {
      let part = piece.range.clamped(to: range)
      guard !part.isEmpty else { break }
      appendZeroes(part.lowerBound - next, to: &buffer)
      switch piece.value {
      case .zeroes, .hole: appendZeroes(part.upperBound - part.lowerBound, to: &buffer)
      case .data:
        do { try store.read(part, into: &buffer) } catch { throw .noRoom(error) }
      }
      next = part.upperBound
    }
    appendZeroes(range.upperBound - next, to: &buffer)
  }

  /// Describes `range` in ascending order, without gaps, until `body` returns false.
  public func forEachExtent<Failure: Error>(
    in range: Range<UInt64>, _ body: (Range<UInt64>, StreamExtent) throws(Failure) -> Bool
  ) throws(Failure) {
    var next = range.lowerBound
    if next < position {
      next = min(position, range.upperBound)
      guard try body(range.lowerBound..<next, .data) else { return }
    }
    while next < range.upperBound {
      let piece = held.first(reaching: next)
      let start = min(piece?.range.lowerBound ?? .max, range.upperBound)
      if next < start {
        guard try body(next..<start, .hole) else { return }
        next = start
      } else if let piece {
        let end = min(piece.range.upperBound, range.upperBound)
        guard try body(next..<end, piece.value == .data ? .data : .zeroes) else { return }
        next = end
      }
    }
  }

  private func appendZeroes(_ count: UInt64, to buffer: inout OutputRawSpan) {
    buffer.append(repeating: 0, count: Int(count), as: UInt8.self)
  }
}
