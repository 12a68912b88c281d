import Glibc
import StreamCore

/// The compressed stream: what was taken of it and is not decoded yet.
///
/// The stream can be looked at as far ahead as ``limit`` before it is consumed, so that work that
/// an interruption cuts short can begin again.
struct CompressedInput<Upstream: StreamSource> {
  /// How far ahead the stream may be looked at, in bytes.
  static var limit: Int { 64 << 20 }
  /// How much may be there before it is needed.
  private static var ahead: Int { 8 << 20 }
  /// How much is taken at a time, if so much is there.
  private static var portion: Int { 1 << 20 }

  /// Where the stream comes from.
  var upstream: Upstream
  /// Whether more is taken when it is needed. If not, needing more is an interruption.
  var takesMore = true
  /// Bytes consumed, which is the place in the stream of the first byte that can be looked at.
  private(set) var offset: UInt64 = 0
  /// Bytes taken from upstream.
  var taken: UInt64 { offset + UInt64(available.count) }
  /// Whether upstream was seen to end.
  private(set) var hasEnded = false
  private var failure: TransferError?

  private var memory: Memory?
  /// Where in the memory the bytes are that can be looked at.
  private var filled = 0..<0

  /// What the compression is called in messages.
  private let name: String

  init(_ upstream: Upstream, name: String) {
    self.upstream = upstream
    self.name = name
  }

  /// The bytes that can be looked at by now. Valid until the next call that changes this.
  var available: UnsafeRawBufferPointer {
    guard let memory else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    return UnsafeRawBufferPointer(memory.bytes).part(filled)
  }

  /// Takes from upstream until `count` bytes can be looked at.
  ///
  /// - Parameter count: Up to the limit.
  /// - Returns: False if the stream ends before that.
  mutating func require(_ count: Int) throws(TransferError) -> Bool {
    while filled.count < count {
      guard !hasEnded else { return false }
      if let failure { throw failure }
      try take(count - filled.count)
    }
    return true
  }

  /// Takes what upstream has without waiting for it, up to a few MiB more than can be looked at.
  mutating func takeAvailable() throws(TransferError) {
    guard takesMore, !hasEnded, failure == nil, filled.count < Self.ahead else { return }
    let memory = try makeRoom(for: Self.portion)
    try take(into: memory) { (upstream, buffer) throws(TransferError) in
      try upstream.receiveAvailable(into: &buffer)
    }
  }

  /// Looks at bytes ahead.
  ///
  /// - Parameters:
  ///   - place: Where the bytes are in the stream, not before the first available one.
  ///   - count: How many, some bytes.
  /// - Returns: The bytes, valid as ``available`` is, or `nil` if they lie farther ahead than the
  ///   limit.
  /// - Throws: Also if the stream ends before them: it is cut off there.
  mutating func look(
    at place: UInt64, count: Int
  ) throws(TransferError) -> UnsafeRawBufferPointer? {
    let distance = place - offset
    guard distance + UInt64(count) <= UInt64(Self.limit) else { return nil }
    let range = Int(distance)..<Int(distance) + count
    guard try require(range.upperBound) else { throw cut() }
    return available.part(range)
  }

  /// Whether the stream ends at a place that is not too far ahead to tell.
  mutating func ends(at place: UInt64) throws(TransferError) -> Bool {
    guard place - offset < UInt64(Self.limit) else { return false }
    let distance = Int(place - offset)
    guard try !require(distance + 1) else { return false }
    guard filled.count == distance else { throw cut() }
    return true
  }

  /// Forgets the first `count` bytes of what is available.
  mutating func consume(_ count: Int) {
    filled = filled.lowerBound + count..<filled.upperBound
    offset += UInt64(count)
    guard filled.isEmpty else { return }
    filled = 0..<0
    if let memory, memory.bytes.count > 2 * Self.portion { self.memory = nil }
  }

  /// Consumes `count` bytes, however many that are.
  ///
  /// - Parameter left: How many are still to come, also when this throws.
  /// - Returns: False if the stream ends before that.
  mutating func skip(_ left: inout UInt64) throws(TransferError) -> Bool {
    while left > 0 {
      if filled.isEmpty, try !require(1) { return false }
      let part = Int(min(left, UInt64(filled.count)))
      consume(part)
      left -= UInt64(part)
    }
    return true
  }

  /// The failure of a stream that can't be decoded any further.
  ///
  /// - Parameters:
  ///   - place: Where in the compressed stream the damage was seen.
  ///   - reason: What is wrong, as a sentence.
  func damaged(at place: UInt64, _ reason: String) -> TransferError {
    .broken(
      Failure(errno: EIO, reason: "the \(name) stream is damaged at byte \(place): \(reason)"))
  }

  /// The failure of a stream that ends where it may not.
  func cut() -> TransferError {
    let reason =
      taken == 0 ? "is empty" : "is cut off: it ends after \(taken) bytes, before it is whole"
    return .broken(Failure(errno: EIO, reason: "the \(name) stream \(reason)"))
  }

  /// Takes at least `count` more bytes, or fewer because the stream ends.
  private mutating func take(_ count: Int) throws(TransferError) {
    guard takesMore else { throw .interrupted }
    let memory = try makeRoom(for: count)
    let came = try take(into: memory) { (upstream, buffer) throws(TransferError) in
      try upstream.receive(atLeast: count, into: &buffer)
    }
    hasEnded = came < count
  }

  /// - Returns: How many bytes came. Those that came before a failure can be looked at, too.
  @discardableResult
  private mutating func take(
    into memory: Memory,
    _ receive: (inout Upstream, inout OutputRawSpan) throws(TransferError) -> Void
  ) throws(TransferError) -> Int {
    let space = UnsafeMutableRawBufferPointer(rebasing: memory.bytes[filled.upperBound...])
    var buffer = OutputRawSpan(buffer: space, initializedCount: 0)
    var error: TransferError?
    do { try receive(&upstream, &buffer) } catch let caught { error = caught }
    let came = buffer.finalize(for: space)
    filled = filled.lowerBound..<filled.upperBound + came
    if let error {
      if case .broken = error { failure = error }
      throw error
    }
    return came
  }

  private mutating func makeRoom(for count: Int) throws(TransferError) -> Memory {
    if let memory, memory.bytes.count - filled.upperBound >= count { return memory }
    // If it is worth it, the bytes are moved to the front; otherwise there is more memory, twice as
    // much each time.
    let size = memory?.bytes.count ?? 0
    let needed = filled.count + count
    var room = memory
    if room == nil || needed > size || filled.count > size / 2 {
      room = Memory(count: max(needed, 2 * size, Self.portion))
    }
    guard let room, let start = room.bytes.baseAddress else { throw noMemory(for: "decoding") }
    if let bytes = available.baseAddress { memmove(start, bytes, filled.count) }
    memory = room
    filled = 0..<filled.count
    return room
  }
}

extension CompressedInput: Sendable where Upstream: Sendable {}
