import CNBDKit

/// A connection that can tell data from holes.
public protocol ExtentReporting: Connection {
  /// Whether this connection can; the default is yes. C callback: `.can_extents`.
  func canReportExtents() throws -> Bool

  /// Describes the disk from `offset` on, in ascending order and without gaps, for at least one
  /// byte and preferably for `count` bytes.
  ///
  /// - Parameters:
  ///   - count: 1 byte to 4 GiB - 1.
  ///   - offset: In bytes; `offset + count <= size`.
  ///   - flags: With ``RequestFlags/requestOne`` the first extent is enough.
  ///   - extents: Lent until this returns.
  ///
  /// C callback: `.extents`.
  func extents(
    count: UInt32, at offset: UInt64, flags: RequestFlags, into extents: inout Extents) throws
}

/// A connection that decides what happens when a client advises that it will soon need a range.
/// Without this conformance, clients are not offered to give this advice.
public protocol Cacheable: Connection {
  /// What happens to the advice; the default is ``Caching/native``. C callback: `.can_cache`.
  func caching() throws -> Caching

  /// Fetches `count` bytes (1 byte to 4 GiB - 1) at `offset` before they are asked for. The default
  /// does nothing. This is called only if ``caching()`` is ``Caching/native``.
  /// C callback: `.cache`.
  func cache(count: UInt32, at offset: UInt64) throws
}

/// What happens when a client advises that it will soon need a range.
public enum Caching: Sendable {
  /// Clients are not offered to give this advice. C constant: `NBDKIT_CACHE_NONE`.
  case unavailable
  /// nbdkit reads the range and drops it. C constant: `NBDKIT_CACHE_EMULATE`.
  case emulated
  /// The connection is told. C constant: `NBDKIT_CACHE_NATIVE`.
  case native

  var rawValue: Int32 {
    switch self {
    case .unavailable: NBDKIT_CACHE_NONE
    case .emulated: NBDKIT_CACHE_EMULATE
    case .native: NBDKIT_CACHE_NATIVE
    }
  }
}

/// A connection that tells its client which requests suit it.
public protocol BlockSizing: Connection {
  /// The sizes that suit it, or `nil` for no preference. Clients may ignore them: a request of any
  /// size at any place within the disk must do no harm. C callback: `.block_size` (nbdkit 1.30 or
  /// newer; older servers don't ask).
  func blockSizes() throws -> BlockSizes?
}

/// Sizes of requests, in bytes; `minimum <= preferred <= maximum`, or the server refuses them.
public struct BlockSizes: Equatable, Sendable {
  /// The size and the offset of a request have to be multiples of this; a power of two, 1 to 64
  /// KiB.
  public var minimum: UInt32
  /// A write that is smaller than this, or not aligned to it, costs a read too; a power of two, 512
  /// bytes to 32 MiB.
  public var preferred: UInt32
  /// How large a request may be: a multiple of `minimum`, or 2^32 - 1 for any.
  public var maximum: UInt32

  /// Makes one answer from the three sizes.
  public init(minimum: UInt32, preferred: UInt32, maximum: UInt32) {
    self.minimum = minimum
    self.preferred = preferred
    self.maximum = maximum
  }
}

/// A connection that can tell people what it serves.
public protocol ExportDescribing: Connection {
  /// A text of at most 4096 bytes, or `nil`. C callback: `.export_description`.
  func exportDescription() throws -> String?
}

extension ExtentReporting {
  /// Yes.
  public func canReportExtents() -> Bool { true }
}

extension Cacheable {
  /// The connection is told.
  public func caching() -> Caching { .native }
  /// Does nothing.
  public func cache(count: UInt32, at offset: UInt64) {}
}
