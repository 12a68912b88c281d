import CFakeNBDKit
import CNBDKit
public import NBDKit

/// One connection, from `.open` to `.close`.
///
/// A copy is the same connection, and nothing closes it automatically: a client that is never
/// closed is one that the server still has at shutdown.
public struct FakeClient: @unchecked Sendable {
  /// What the plugin may ask about a client while it serves it.
  struct Context {
    let exportName: [CChar]
    let isTLS: Bool

    func atHand<Answer>(_ body: () -> Answer) -> Answer {
      exportName.withUnsafeBufferPointer {
        fake_set_client($0.baseAddress, isTLS ? 1 : 0)
        defer { fake_set_client(nil, 0) }
        return body()
      }
    }
  }

  let table: nbdkit_plugin
  let handle: UnsafeMutableRawPointer?
  let context: Context

  /// The client leaves. C callback: `.close`.
  public func close() {
    context.atHand { table.close?(handle) }
  }

  // MARK: Before the first request

  /// C callback: `.get_size`.
  public func size() throws(Refusal) -> Int64 {
    try answer(table.get_size, as: context) { $0(handle) }
  }

  /// C callback: `.is_rotational`.
  public func isRotational() throws(Refusal) -> Bool { try ask(table.is_rotational) }

  /// C callback: `.can_multi_conn`.
  public func allowsMultipleConnections() throws(Refusal) -> Bool { try ask(table.can_multi_conn) }

  /// C callback: `.can_write`. If the connection is not `Writable` the answer is no, and likewise
  /// for the questions below.
  public func canWrite() throws(Refusal) -> Bool { try ask(table.can_write) }

  /// C callback: `.can_flush`.
  public func canFlush() throws(Refusal) -> Bool { try ask(table.can_flush) }

  /// C callback: `.can_zero`.
  public func canZero() throws(Refusal) -> Bool { try ask(table.can_zero) }

  /// C callback: `.can_fast_zero`.
  public func canFastZero() throws(Refusal) -> Bool { try ask(table.can_fast_zero) }

  /// C callback: `.can_trim`.
  public func canTrim() throws(Refusal) -> Bool { try ask(table.can_trim) }

  /// C callback: `.can_extents`.
  public func canReportExtents() throws(Refusal) -> Bool { try ask(table.can_extents) }

  /// C callback: `.can_fua`. If there is none, the answer is to flush if that is possible, as in
  /// nbdkit.
  public func forceUnitAccess() throws(Refusal) -> ForceUnitAccess {
    guard let canFUA = table.can_fua else { return table.flush == nil ? .unavailable : .emulated }
    switch try answer(canFUA, as: context, { $0(handle) }) {
    case NBDKIT_FUA_NATIVE: return .native
    case NBDKIT_FUA_EMULATE: return .emulated
    default: return .unavailable
    }
  }

  /// C callback: `.can_cache`.
  public func caching() throws(Refusal) -> Caching {
    guard let canCache = table.can_cache else { return .unavailable }
    switch try answer(canCache, as: context, { $0(handle) }) {
    case NBDKIT_CACHE_NATIVE: return .native
    case NBDKIT_CACHE_EMULATE: return .emulated
    default: return .unavailable
    }
  }

  /// C callback: `.block_size`.
  public func blockSizes() throws(Refusal) -> BlockSizes? {
    guard let blockSize = table.block_size else { return nil }
    var sizes = BlockSizes(minimum: 0, preferred: 0, maximum: 0)
    try succeed(blockSize, as: context) {
      $0(handle, &sizes.minimum, &sizes.preferred, &sizes.maximum)
    }
    return sizes.maximum == 0 ? nil : sizes
  }

  /// C callback: `.export_description`.
  public func exportDescription() -> String? {
    context.atHand { table.export_description?(handle) }.map { String(cString: $0) }
  }

  private func ask(
    _ question: (@convention(c) (UnsafeMutableRawPointer?) -> Int32)?
  ) throws(Refusal) -> Bool {
    guard let question else { return false }
    return try answer(question, as: context) { $0(handle) } != 0
  }

  // MARK: Requests

  /// Bytes that the plugin left out are `0xEE`. C callback: `.pread`.
  public func read(_ count: Int, at offset: UInt64) throws(Refusal) -> [UInt8] {
    // Not zero, so that what a plugin leaves out can be told from zeroes it gave.
    var bytes = [UInt8](repeating: 0xEE, count: count)
    try succeed(table.pread, as: context) { pread in
      bytes.withUnsafeMutableBytes { pread(handle, $0.baseAddress, UInt32(count), offset, 0) }
    }
    return bytes
  }

  /// C callback: `.pwrite`.
  public func write(
    _ bytes: [UInt8], at offset: UInt64, flags: RequestFlags = []
  ) throws(Refusal) {
    try succeed(table.pwrite, as: context) { pwrite in
      bytes.withUnsafeBytes {
        pwrite(handle, $0.baseAddress, UInt32($0.count), offset, flags.rawValue)
      }
    }
  }

  /// C callback: `.flush`.
  public func flush() throws(Refusal) {
    try succeed(table.flush, as: context) { $0(handle, 0) }
  }

  /// A zero that must be `fast` is refused, with `ENOTSUP` and no line, if it would not be fast.
  /// C callback: `.zero`.
  public func zero(
    _ count: UInt32, at offset: UInt64, flags: RequestFlags = [], fast: Bool = false
  ) throws(Refusal) {
    let flags = flags.rawValue | (fast ? UInt32(NBDKIT_FLAG_FAST_ZERO) : 0)
    try succeed(table.zero, as: context) { $0(handle, count, offset, flags) }
  }

  /// C callback: `.trim`.
  public func trim(
    _ count: UInt32, at offset: UInt64, flags: RequestFlags = []
  ) throws(Refusal) {
    try succeed(table.trim, as: context) { $0(handle, count, offset, flags.rawValue) }
  }

  /// C callback: `.cache`.
  public func cache(
    _ count: UInt32, at offset: UInt64, flags: RequestFlags = []
  ) throws(Refusal) {
    try succeed(table.cache, as: context) { $0(handle, count, offset, flags.rawValue) }
  }

  /// C callback: `.extents`.
  public func extents(
    _ count: UInt32, at offset: UInt64, flags: RequestFlags = []
  ) throws(Refusal) -> [Extent] {
    // To the end of the disk, as in nbdkit, which lets an extent go beyond what was asked for.
    let list = fake_extents_new(offset, UInt64(Int64.max))
    defer { fake_extents_free(list) }
    try succeed(table.extents, as: context) { $0(handle, count, offset, flags.rawValue, list) }
    return (0..<fake_extents_count(list)).map {
      let extent = fake_extents_get(list, $0)
      return Extent(extent.offset..<extent.offset + extent.length, .init(rawValue: extent.type))
    }
  }
}

/// One extent of the answer, which begins where the request does.
public struct Extent: Equatable, Sendable {
  /// In bytes from the disk's start.
  public let range: Range<UInt64>
  /// What it is.
  public let kind: Extents.Kind

  /// What a test expects.
  public init(_ range: Range<UInt64>, _ kind: Extents.Kind) {
    self.range = range
    self.kind = kind
  }
}
