public import StreamCore

/// Wraps what goes to another sink into a ``Container``, if there is one.
///
/// A record that was begun is filled by what comes next, whatever that is, because its length was
/// sent.
public struct ContainerSink<Next: StreamSink>: StreamSink {
  /// Where the container goes.
  public var next: Next
  private let container: Container?

  /// Bytes of the container handed on.
  private var offset: UInt64 = 0
  /// What goes out before anything else: a header, or what a record begins with.
  private var pending: PendingBytes
  /// Bytes that the data record at hand still lacks.
  private var lacking: UInt64
  private var marks = RecordMarks()
  private var hasTrailer = false

  /// Puts `container` around the bytes that `next` gets.
  public init(_ container: Container?, before next: Next) {
    self.next = next
    self.container = container
    pending = PendingBytes(container?.header ?? [])
    lacking = container?.hasRecords == true ? 0 : .max
  }

  /// What the last sink has handed on.
  public var outputOffset: UInt64 { next.outputOffset }

  /// Returns once there is a reader.
  public mutating func waitForReader() throws(TransferError) {
    try next.waitForReader()
  }

  /// Fails if the reader has gone.
  public func checkDelivery() throws(TransferError) {
    try next.checkDelivery()
  }

  /// Sends `bytes`, in records where there are records.
  public mutating func send(
    _ bytes: RawSpan, advancing position: inout UInt64
  ) throws(TransferError) {
    guard let container else { return try next.send(bytes, advancing: &position) }
    var rest = bytes
    while !rest.isEmpty {
      if lacking == 0 {
        // Zero pages that the client wrote need no bytes either.
        let (count, isZero) = rest.withUnsafeBytes { ZeroScan.longRun(in: $0, at: position) }
        guard !isZero else {
          try sendZeroes(UInt64(count), advancing: &position)
          rest = rest.extracting(droppingFirst: count)
          continue
        }
        lacking = min(UInt64(count), container.mostPerRecord)
        begin(.data, at: position, count: lacking)
      }
      try pending.send(to: &next, advancing: &offset)
      let part = rest.extracting(first: Int(min(UInt64(rest.byteCount), lacking)))
      let before = offset
      defer { advance(&position, from: before) }
      try next.send(part, advancing: &offset)
      rest = rest.extracting(droppingFirst: part.byteCount)
    }
  }

  /// Sends zeroes: as a record without bytes, or as bytes if there are no records or a record has
  /// to be filled.
  public mutating func sendZeroes(
    _ count: UInt64, advancing position: inout UInt64
  ) throws(TransferError) {
    guard container != nil else { return try next.sendZeroes(count, advancing: &position) }
    let end = position + count
    while position < end {
      guard lacking > 0 else {
        begin(.zeroes, at: position, count: end - position)
        position = end
        return try pending.send(to: &next, advancing: &offset)
      }
      try pending.send(to: &next, advancing: &offset)
      let before = offset
      defer { advance(&position, from: before) }
      try next.sendZeroes(min(end - position, lacking), advancing: &offset)
    }
  }

  /// Hands on what is ready.
  public mutating func flush() throws(TransferError) {
    try pending.send(to: &next, advancing: &offset)
    try next.flush()
  }

  /// Sends the trailer.
  public mutating func finish() throws(TransferError) {
    try pending.send(to: &next, advancing: &offset)
    if let container, !hasTrailer { pending.bytes.append(contentsOf: container.trailer) }
    hasTrailer = true
    try pending.send(to: &next, advancing: &offset)
    try next.finish()
  }

  /// Of a record's data, as much as was taken counts; a record of zeroes counts once all of it was
  /// taken.
  public func delivered(unread: UInt64, of position: UInt64) -> UInt64 {
    guard let container else { return next.delivered(unread: unread, of: position) }
    let taken = next.delivered(unread: unread, of: offset)
    guard container.hasRecords else {
      let header = UInt64(container.header.count)
      return min(position, taken - min(taken, header))
    }
    return min(position, marks.position(after: taken))
  }

  private mutating func begin(_ run: Container.Run, at position: UInt64, count: UInt64) {
    container?.beginRecord(of: run, at: position, count: count, in: &pending.bytes)
    let start = offset + UInt64(pending.count)
    marks.add(RecordMark(start: start, position: position, count: count, run: run))
  }

  private mutating func advance(_ position: inout UInt64, from before: UInt64) {
    position += offset - before
    if container?.hasRecords == true { lacking -= offset - before }
  }
}

extension ContainerSink: Sendable where Next: Sendable {}

/// Where a record's data begins in the container, and where on the disk.
struct RecordMark: Sendable {
  let start: UInt64
  let position: UInt64
  let count: UInt64
  let run: Container.Run
}

/// The newest records, to tell how much of the disk is in the beginning of the container.
struct RecordMarks: Sendable {
  /// More than a pipe that nobody has read can hold.
  private static let most = 65_536

  private var marks: [RecordMark] = []

  mutating func add(_ mark: RecordMark) {
    if marks.count == 2 * Self.most { marks.removeFirst(Self.most) }
    marks.append(mark)
  }

  /// How much of the disk is in the first `taken` bytes, at least: records that are no longer
  /// remembered are not counted.
  func position(after taken: UInt64) -> UInt64 {
    guard let mark = marks.last(where: { $0.start <= taken }) else { return 0 }
    switch mark.run {
    case .data: return mark.position + min(mark.count, taken - mark.start)
    case .zeroes: return mark.position + mark.count
    }
  }
}
