@testable import StreamCore

/// A streamed disk and the model of it, which is bytes in an array and one set of those that can be
/// read again, taken through the same reads.
struct ReadAgreement {
  private var disk: TextDisk
  private let content: [UInt8]
  private let rewind: Int
  private let pads: Bool
  private let room: Int

  private(set) var position = 0
  private var hasEnded = false
  private var isBroken = false
  private var kept: Set<Int> = []
  /// Those of the kept bytes that are zeroes and take no room.
  private var keptZeroes: Set<Int> = []
  /// Read by a client, or passed as known zeroes.
  private var given: Set<Int> = []
  private var refused = 0
  private(set) var history: String

  /// - Parameters:
  ///   - count: Bytes of the stream, at most 255.
  ///   - room: How many bytes the store takes.
  ///   - zeroes: Bytes of the stream that are zeroes and known to be.
  ///   - horizon: How far ahead they are known.
  init(
    count: Int, rewind: Int, pads: Bool, room: Int, zeroes: [Range<Int>] = [], horizon: Int = 0
  ) {
    content = (0..<count).map { byte in
      zeroes.contains { $0.contains(byte) } ? 0 : UInt8(byte + 1)
    }
    self.rewind = rewind
    self.pads = pads
    self.room = room
    disk = TextDisk(content, rewind: UInt64(rewind), pads: pads, room: room)
    disk.source.zeroes = zeroes.map { $0.clamped(to: 0..<count) }.filter { !$0.isEmpty }
    disk.source.horizon = horizon
    history = "content: \(count) rewind: \(rewind) pads: \(pads) room: \(room)"
    history += " zeroes: \(zeroes) horizon: \(horizon)"
  }

  /// Asks where the zeroes are.
  ///
  /// - Returns: Where the disk says something else than the model.
  mutating func askExtents(
    in range: Range<Int>, onlyFirst: Bool, alignment: Int
  ) -> String? {
    history += "\n\(range) extents, only the first: \(onlyFirst) alignment: \(alignment)"
    let extents: [(range: Range<UInt64>, kind: StreamExtent)]
    do {
      extents = try disk.extents(
        in: UInt64(range.lowerBound)..<UInt64(range.upperBound), onlyFirst: onlyFirst,
        alignment: UInt64(alignment))
    } catch {
      return "\(error) for extents"
    }
    let holes = alignedHoles(in: range, alignment)
    var next = UInt64(range.lowerBound)
    var last: StreamExtent?
    for (extent, kind) in extents {
      if extent.lowerBound != next || extent.isEmpty { return "\(extents) with a gap" }
      if kind == last { return "\(extents) with neighbours of one kind" }
      last = kind
      next = extent.upperBound
      for offset in extent where (kind == .hole) != holes.contains(Int(offset)) {
        return "\(extents) is wrong about \(offset)"
      }
    }
    let isWhole = next == range.upperBound
    if next > range.upperBound || (!isWhole && !onlyFirst) || extents.isEmpty {
      return "\(extents) for \(range)"
    }
    return disk.source.complaint
  }

  /// The bytes of holes, but for those that lie in a unit with data.
  private func alignedHoles(in range: Range<Int>, _ alignment: Int) -> Set<Int> {
    Set(
      range.filter { offset in
        let start = offset / alignment * alignment
        let unit = start..<min(start + alignment, range.upperBound)
        return start >= range.lowerBound && unit.allSatisfy(isHole)
      })
  }

  private func isHole(_ offset: Int) -> Bool {
    if offset < position { return keptZeroes.contains(offset) }
    if hasEnded { return pads }
    // Behind what is not known nothing is.
    switch disk.source.run(from: offset, taken: position) {
    case .zeroes: return true
    case .end: return pads
    case .data, .unknown: return false
    }
  }

  /// Reads `range`.
  ///
  /// - Parameter fault: How the source fails, after so many more bytes; `nil` leaves what is set.
  /// - Returns: Where disk and model differ.
  mutating func take(
    _ range: Range<Int>, fault: (error: TransferError, after: Int)?
  ) -> String? {
    if let fault { disk.source.fault = fault }
    history += "\n\(range) fault: \(disk.source.fault.map { "\($0)" } ?? "none")"

    let fault = disk.source.fault
    let found = Result { () throws(ReadError) in
      try disk.bytes(UInt64(range.lowerBound)..<UInt64(range.upperBound))
    }
    let expected = read(range, fault)
    switch expected {
    case .success: given.formUnion(range.filter { $0 < position })
    case .failure(.gone), .failure(.lost): refused += 1
    case .failure: break
    }
    if found != expected { return "\(found) instead of \(expected)" }
    if disk.position != position { return "at \(disk.position) instead of \(position)" }
    if disk.source.taken != position { return "\(disk.source.taken) taken at \(position)" }
    if disk.hasEnded != hasEnded { return "ended: \(disk.hasEnded), not \(hasEnded)" }
    let stored = kept.count - keptZeroes.count
    if disk.store.count != stored { return "\(disk.store.count) kept, not \(stored)" }
    if disk.takenBytes != position { return "\(disk.takenBytes) counted as taken" }
    if disk.droppedBytes != position - given.count {
      return "\(disk.droppedBytes) dropped, not \(position - given.count)"
    }
    if disk.refusedReads != refused { return "\(disk.refusedReads) refused, not \(refused)" }
    return disk.source.complaint ?? disk.store.complaint
  }

  private mutating func read(
    _ range: Range<Int>, _ fault: (error: TransferError, after: Int)?
  ) -> Result<[UInt8], ReadError> {
    for offset in range where offset < position && !kept.contains(offset) {
      let distance = position - range.lowerBound
      if distance > rewind {
        return .failure(.gone(position: UInt64(position), neededRewind: UInt64(distance)))
      }
      return .failure(
        hasLost ? .lost(CheckedStore.full) : .gone(position: UInt64(position), neededRewind: nil))
    }
    if !hasEnded, range.upperBound > position {
      if let error = take(range, fault) { return .failure(error) }
    }
    guard range.upperBound <= position || pads else {
      return .failure(.ended(at: UInt64(position)))
    }
    return .success(range.map { $0 < content.count ? content[$0] : 0 })
  }

  private var hasLost = false

  /// Brings the stream to the end of `range`, byte by byte.
  private mutating func take(
    _ range: Range<Int>, _ fault: (error: TransferError, after: Int)?
  ) -> ReadError? {
    if isBroken { return .broken(Failure(errno: 5, reason: "bad")) }
    var left = fault?.after ?? .max
    let window = max(0, range.lowerBound - rewind)
    // Bytes are kept as they come: the dropped ones not at all, then those before the range, then
    // it.
    for stop in [window, range.lowerBound, range.upperBound] {
      while position < stop {
        if takeZeroes(upTo: stop, areKept: stop != window, areRead: stop == range.upperBound) {
          continue
        }
        var came: [Int] = []
        // What is dropped ends where zeroes begin; what is read may go on with them.
        var end = stop
        if stop == window, case .data(let count) = disk.source.run(from: position, taken: position)
        {
          end = min(stop, position + Int(count))
        }
        while position < end, position < content.count, left > 0 {
          if stop != window { came.append(position) }
          position += 1
          left -= 1
        }
        let isFaulty = left == 0
        keep(came)
        if isFaulty, let fault {
          if fault.error != .interrupted { isBroken = true }
          return ReadError(fault.error)
        }
        if position < end {
          hasEnded = true
          return nil
        }
      }
    }
    return nil
  }

  /// Takes zeroes that come next and are known, which is no matter of the source.
  private mutating func takeZeroes(upTo stop: Int, areKept: Bool, areRead: Bool) -> Bool {
    guard case .zeroes(let count) = disk.source.run(from: position, taken: position) else {
      return false
    }
    let range = position..<min(stop, position + Int(count))
    position = range.upperBound
    keep([])
    if !areRead { given.formUnion(range) }
    guard areKept else { return true }
    kept.formUnion(range.suffix(rewind))
    keptZeroes.formUnion(range.suffix(rewind))
    return true
  }

  private mutating func keep(_ came: [Int]) {
    kept = kept.filter { $0 >= position - rewind }
    keptZeroes = keptZeroes.filter { $0 >= position - rewind }
    let newest = came.suffix(rewind)
    guard !newest.isEmpty else { return }
    let stored = kept.count - keptZeroes.count
    if newest.count <= room - stored { kept.formUnion(newest) } else { hasLost = true }
  }
}
