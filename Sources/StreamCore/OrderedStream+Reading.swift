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
  /// Fills `buffer` from `offset` on: with what is held, and with zeroes where nothing is held.
  ///
  /// - Throws: `sent` if any of the bytes is below the position; `unreadable` if the store can't
  ///   give back what it keeps.
  public mutating func read(
    into buffer: inout OutputRawSpan, at offset: UInt64
  ) throws(StreamError) {
    let range = offset..<offset + UInt64(buffer.freeCapacity)
    guard offset >= position else { throw .sent(range, position: position) }
    var next = offset
    for piece in backlog.pieces(in: range) {
      let part = piece.range
      appendZeroes(part.lowerBound - next, to: &buffer)
      switch piece.value {
      case .stored(let shift):
        do {
          try store.read(part.shifted(by: shift), into: &buffer)
        } catch {
          throw .unreadable(error)
        }
      case .zeroes, .hole: appendZeroes(part.length, to: &buffer)
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
      let start = next
      let kind = extent(at: next, end: &next)
      // Neighbours of one kind may be held in several pieces.
      while next < range.upperBound {
        var end = next
        guard extent(at: next, end: &end) == kind else { break }
        next = end
      }
      next = min(next, range.upperBound)
      guard try body(start..<next, kind) else { return }
    }
  }

  /// What is at `offset`, which is at or above the position, and how far that goes.
  private func extent(at offset: UInt64, end: inout UInt64) -> StreamExtent {
    guard let piece = backlog.first(reaching: offset) else {
      end = .max
      return .hole
    }
    guard piece.range.lowerBound <= offset else {
      end = piece.range.lowerBound
      return .hole
    }
    end = piece.range.upperBound
    return piece.value.isData ? .data : .zeroes
  }

  private func appendZeroes(_ count: UInt64, to buffer: inout OutputRawSpan) {
    buffer.append(repeating: 0, count: Int(count), as: UInt8.self)
  }
}
