import CLinux
public import StreamCore

/// Keeps held bytes in segments of equal size, one after the other as they come, and gives a
/// segment back as soon as nothing in it is needed.
///
/// So bytes are stored densely however they are scattered over the disk, and the bytes of a request
/// stay together. Locations only grow; the segments that they count through are put wherever the
/// medium has room.
public struct SegmentedStore: HeldStore, Sendable {
  private struct Segment: Sendable {
    let room: Int
    /// Bytes still needed.
    var live: UInt64
  }

  private let medium: any SegmentMedium
  private let size: UInt64
  /// The key is location / size.
  private var segments: [UInt64: Segment] = [:]
  /// The location of the next byte.
  private var end: UInt64 = 0
  /// How many requests were kept since the store was last empty.
  private var requests = 0
  /// Bytes still needed in all segments.
  private var live: UInt64 = 0

  /// Makes an empty store.
  public init(in medium: any SegmentMedium) {
    self.medium = medium
    size = UInt64(medium.segmentSize)
  }

  /// Keeps a copy of `bytes`, all or nothing.
  public mutating func store(_ bytes: RawSpan) throws(Failure) -> UInt64 {
    let start = end
    requests += 1
    var rest = bytes
    do {
      while !rest.isEmpty {
        let offset = end % size
        let part = rest.extracting(first: Int(min(size - offset, UInt64(rest.byteCount))))
        try append(part, at: Int(offset))
        rest = rest.extracting(droppingFirst: part.byteCount)
      }
    } catch {
      discard(start..<end)
      throw error
    }
    return start
  }

  private mutating func append(_ bytes: RawSpan, at offset: Int) throws(Failure) {
    let number = end / size
    var segment: Segment
    if let begun = segments[number] {
      segment = begun
    } else {
      segment = Segment(room: try medium.allocate(), live: 0)
    }
    defer { segments[number] = segment }
    try medium.write(bytes, to: segment.room, at: offset)
    segment.live += UInt64(bytes.byteCount)
    live += UInt64(bytes.byteCount)
    end += UInt64(bytes.byteCount)
  }

  /// Appends the bytes at `locations` to `buffer`.
  public func read(
    _ locations: Range<UInt64>, into buffer: inout OutputRawSpan
  ) throws(Failure) {
    try forEachPart(of: locations) { (room, offset, count) throws(Failure) in
      try medium.withBytes(of: room, at: offset, count: count) { bytes in
        buffer.withUnsafeMutableBytes { (space, filled) in
          bytes.withUnsafeBytes {
            UnsafeMutableRawBufferPointer(rebasing: space[filled...]).copyMemory(from: $0)
          }
          filled += count
        }
      }
    }
  }

  /// Sends the bytes at `locations`.
  public func send<Sink: StreamSink>(
    _ locations: Range<UInt64>, to sink: inout Sink, advancing position: inout UInt64
  ) throws(TransferError) {
    var failure: TransferError?
    do {
      try forEachPart(of: locations) { (room, offset, count) throws(Failure) in
        guard failure == nil else { return }
        try medium.withBytes(of: room, at: offset, count: count) { bytes in
          do throws(TransferError) {
            try sink.send(bytes, advancing: &position)
          } catch {
            failure = error
          }
        }
      }
    } catch {
      // What was accepted is lost.
      throw .broken(error)
    }
    if let failure { throw failure }
  }

  /// Frees the bytes at `locations`, which are no longer needed.
  public mutating func discard(_ locations: Range<UInt64>) {
    var next = locations.lowerBound
    while next < locations.upperBound {
      let number = next / size
      let stop = min(locations.upperBound, (number + 1) * size)
      segments[number]?.live -= stop - next
      live -= stop - next
      if let segment = segments[number], segment.live == 0 {
        segments[number] = nil
        medium.free(segment.room)
        // The segment being filled starts anew, so that a location is never used twice.
        if number == end / size { end = (number + 1) * size }
      }
      next = stop
    }
    medium.trim(live: segments.count)
    if segments.isEmpty { forgetRequests() }
  }

  /// What was noted for very many requests is free by now, but has not gone back to the system.
  private mutating func forgetRequests() {
    if requests > 10_000 { clinux_trim_heap() }
    requests = 0
  }

  /// Keeps the bytes at `locations` a second time.
  public mutating func storeAgain(_ locations: Range<UInt64>) throws(Failure) -> UInt64 {
    var copy: [UInt8] = []
    try forEachPart(of: locations) { (room, offset, count) throws(Failure) in
      try medium.withBytes(of: room, at: offset, count: count) { bytes in
        bytes.withUnsafeBytes { copy.append(contentsOf: $0) }
      }
    }
    return try store(copy.span.bytes)
  }

  /// Whether segments are less than half full: a few bytes may keep each of them, while the others
  /// were sent or written anew. The allowance is what is not worth the copying.
  public var isSparse: Bool {
    UInt64(segments.count) * size > 2 * live + 64 << 20
  }

  private func forEachPart(
    of locations: Range<UInt64>,
    _ body: (_ room: Int, _ offset: Int, _ count: Int) throws(Failure) -> Void
  ) throws(Failure) {
    var next = locations.lowerBound
    while next < locations.upperBound {
      let stop = min(locations.upperBound, (next / size + 1) * size)
      guard let segment = segments[next / size] else {
        preconditionFailure("bytes at \(next) are not kept")
      }
      try body(segment.room, Int(next % size), Int(stop - next))
      next = stop
    }
  }
}
