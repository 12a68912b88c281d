/// A connection that can zero a range without being sent the zeroes. If a connection does not
/// conform to this, nbdkit writes them.
public protocol Zeroable: Writable {
  /// Whether this connection can; the default is yes. C callback: `.can_zero`.
  func canZero() throws -> Bool

  /// Makes `count` bytes at `offset` read as zeroes.
  ///
  /// - Parameters:
  ///   - count: 1 byte to 4 GiB - 1.
  ///   - offset: In bytes; `offset + count <= size`.
  ///   - flags: May hold ``RequestFlags/mayTrim`` and, as for a write,
  ///     ``RequestFlags/forceUnitAccess``.
  /// - Throws: It is of no use to throw `ENOTSUP`: nbdkit, up to 1.42 at least, would then write
  ///   the zeroes itself and, above 64 MiB, at wrong offsets. The client is sent `EIO` instead. A
  ///   connection that can't zero says so in ``canZero()``.
  ///
  /// C callback: `.zero`.
  func zero(count: UInt32, at offset: UInt64, flags: RequestFlags) throws
}

/// A connection that can tell whether zeroing a range is faster than writing zeroes.
///
/// Clients of every ``Zeroable`` connection are told that they may ask for this, since nbdkit (1.32
/// to 1.48 at least) ends, with all its clients, if a client asks without having been told so. If
/// the connection does not conform to this, or can't, each such request is answered with `ENOTSUP`:
/// nothing is zeroed, which is not a failure.
public protocol FastZeroable: Zeroable {
  /// Whether this connection can; the default is yes. C callback: `.can_fast_zero`, which answers
  /// yes in either case.
  func canFastZero() throws -> Bool

  /// Zeroes as ``Zeroable/zero(count:at:flags:)`` does if that is fast, and otherwise does nothing.
  ///
  /// - Returns: Whether it was zeroed; if not, the client is sent `ENOTSUP`, which is not a
  ///   failure.
  ///
  /// C callback: `.zero` with `NBDKIT_FLAG_FAST_ZERO`, which is left out of `flags`.
  func zeroIfFast(count: UInt32, at offset: UInt64, flags: RequestFlags) throws -> Bool
}

/// A connection that takes the advice that a range is no longer needed.
public protocol Trimmable: Writable {
  /// Whether this connection does; the default is yes. C callback: `.can_trim`.
  func canTrim() throws -> Bool

  /// May forget `count` bytes (1 byte to 4 GiB - 1) at `offset`; the flags are as for a write.
  /// C callback: `.trim`.
  func trim(count: UInt32, at offset: UInt64, flags: RequestFlags) throws
}

extension Zeroable {
  /// Yes.
  public func canZero() -> Bool { true }
}

extension FastZeroable {
  /// Yes.
  public func canFastZero() -> Bool { true }
}

extension Trimmable {
  /// Yes.
  public func canTrim() -> Bool { true }
}
