import StreamCore

// The output: pieces in the order of the disk, each without its tail until the next piece follows.
extension BlockEncoder {
  /// What there is to hand on.
  enum Output {
    case bytes(UnsafeRawBufferPointer)
    /// The oldest block is still being compressed.
    case notYet
    /// There is nothing before more is accepted.
    case nothing
  }

  /// The bytes to hand on next, after waiting for this many milliseconds if there are none yet.
  func next(waiting milliseconds: Int) throws(TransferError) -> Output {
    while true {
      if !outgoing.isEmpty {
        // These bytes are handed on alone, as one page: a pipe takes a page at once or not at all.
        // So the output never stops between two pieces, the only place where it would look whole.
        guard crossesBorder, outgoing.count > 4096 else { return .bytes(outgoing) }
        return .bytes(UnsafeRawBufferPointer(rebasing: outgoing[..<4096]))
      }
      finishLoaded()
      guard !loadHeader() else { continue }
      guard sent < given else {
        guard try loadRun(&run, partly: isClosed) else { return .nothing }
        continue
      }
      let slot = slots[index(sent)]
      if try loadRun(&slot.run, partly: true) { continue }
      guard workers.isDone(index(sent), waiting: milliseconds) else { return .notYet }
      switch slot.result {
      case .failed(let error): throw error
      case .piece(let start, let count):
        let begin = format.headroom + start
        let piece = UnsafeMutableRawBufferPointer(
          rebasing: slot.output.bytes[begin..<(begin + count)])
        let completed = try format.complete(piece, disk: UInt64(slot.count))
        try load(
          UnsafeMutableRawBufferPointer(
            rebasing: slot.output.bytes[begin..<(begin + completed)]),
          disk: UInt64(slot.count), isBlock: true)
      }
    }
  }

  /// `count` of the bytes have been handed on.
  func consume(_ count: Int) {
    outgoing = UnsafeRawBufferPointer(rebasing: outgoing[count...])
    if count > 0 { crossesBorder = false }
    if outgoing.isEmpty { finishLoaded() }
  }

  /// Loads what begins the output, the first time it is called. Returns whether there is anything.
  private func loadHeader() -> Bool {
    guard !isHeaderLoaded else { return false }
    isHeaderLoaded = true
    let header = format.header()
    outgoing = UnsafeRawBufferPointer(header)
    output += UInt64(header.count)
    return !header.isEmpty
  }

  /// Loads what ends the output, once everything before it was handed on.
  func loadTrailer() throws(TransferError) {
    guard !isTrailerLoaded else { return }
    isTrailerLoaded = true
    let trailer = withTail(try format.trailer())
    tailCount = 0
    outgoing = UnsafeRawBufferPointer(trailer)
    crossesBorder = true
  }

  /// Loads the next piece of a run, if any is left: only a whole piece, or with `partly` the last
  /// one too.
  private func loadRun(_ run: inout UInt64, partly: Bool) throws(TransferError) -> Bool {
    guard run >= format.longestRunPiece || (partly && run > 0) else { return false }
    let count = min(run, format.longestRunPiece)
    try load(format.zeroes(count), disk: count, isBlock: false)
    run -= count
    return true
  }

  private func load(
    _ piece: UnsafeMutableRawBufferPointer, disk: UInt64, isBlock: Bool
  ) throws(TransferError) {
    try format.note(disk: disk, output: piece.count)
    let bytes = withTail(piece)
    crossesBorder = tailCount > 0
    tailCount = format.tailSize
    let end = bytes.count - tailCount
    tail.bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[end...]))
    outgoing = UnsafeRawBufferPointer(rebasing: bytes[..<end])
    loaded = (piece.count, disk, isBlock)
  }

  /// The piece with the tail of the last piece before it.
  private func withTail(_ piece: UnsafeMutableRawBufferPointer) -> UnsafeMutableRawBufferPointer {
    guard let base = piece.baseAddress else { return piece }
    let bytes = UnsafeMutableRawBufferPointer(
      start: base - tailCount, count: tailCount + piece.count)
    bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: tail.bytes[..<tailCount]))
    return bytes
  }

  private func finishLoaded() {
    guard let loaded else { return }
    self.loaded = nil
    output += UInt64(loaded.output)
    disk += loaded.disk
    log.append(output: output, disk: disk)
    if loaded.isBlock { sent += 1 }
  }
}
