@testable import StreamCore

/// A streamed disk and the model of it, which is bytes in an array and one set of those that can be read
/// again, taken through the same reads.
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
  private var given: Set<Int> = []
  private var refused = 0
  private(set) var history: String

  /// - Parameters:
  ///   - count: Bytes of the stream, at most 255.
  ///   - room: How many bytes the store takes.
  init(count: Int, rewind: Int, pads: Bool, room: Int) {
    content = (0..<count).map { UInt8($0 + 1) }
    self.rewind = rewind
    self.pads = pads
    self.room = room
    disk = TextDisk(content, rewind: UInt64(rewind), pads: pads, room: room)
    history = "content: \(count) rewind: \(rewind) pads: \(pads) room: \(room)"
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
    if disk.store.count != kept.count { return "\(disk.store.count) kept, not \(kept.count)" }
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
    if isBroken { return .broken(errno: 5, reason: "bad") }
    var came: [Int] = []
    var left = fault?.after ?? .max
    let window = max(0, range.lowerBound - rewind)
    // Bytes are kept as they come: the dropped ones not at all, then those before the range, then it.
    for stop in [window, range.lowerBound, range.upperBound] where position < stop {
      came = []
      while position < stop, position < content.count, left > 0 {
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
      if position < stop {
        hasEnded = true
        return nil
      }
    }
    return nil
  }

  private mutating func keep(_ came: [Int]) {
    kept = kept.filter { $0 >= position - rewind }
    let newest = came.suffix(rewind)
    guard !newest.isEmpty else { return }
    if newest.count <= room - kept.count { kept.formUnion(newest) } else { hasLost = true }
  }
}
