/// A connection that accepts writes.
public protocol Writable: Connection {
  /// Stores all of `bytes` at `offset`.
  ///
  /// - Parameters:
  ///   - bytes: Lent until this returns; 1 byte to 64 MiB.
  ///   - offset: In bytes; `offset + bytes.byteCount <= size`.
  ///   - flags: Holds ``RequestFlags/forceUnitAccess`` only if the connection is a
  ///     ``ForceUnitAccessible``.
  ///
  /// C callback: `.pwrite`.
  func write(_ bytes: RawSpan, at offset: UInt64, flags: RequestFlags) throws
}

/// A connection whose client may ask that everything accepted so far is safe.
public protocol Flushable: Connection {
  /// Returns when all that was accepted before is stored, or throws. C callback: `.flush`.
  func flush() throws
}

/// A connection that honours ``RequestFlags/forceUnitAccess`` itself. Without this conformance
/// nbdkit follows such a request by a flush. C callback: `.can_fua`.
public protocol ForceUnitAccessible: Writable {}

/// A connection that can zero a range without being sent the zeroes.
public protocol Zeroable: Writable {
  /// Makes `count` bytes at `offset` read as zeroes.
  ///
  /// - Parameters:
  ///   - count: 1 byte to 4 GiB - 1.
  ///   - offset: In bytes; `offset + count <= size`.
  ///   - flags: May hold ``RequestFlags/mayTrim``.
  /// - Throws: Never usefully `ENOTSUP`: nbdkit would then write the zeroes itself, part of them a
  ///   second time if some were accepted here. The client is sent `EIO` instead.
  ///
  /// C callback: `.zero`.
  func zero(count: UInt32, at offset: UInt64, flags: RequestFlags) throws
}

/// A connection that takes the advice that a range is not needed any more.
public protocol Trimmable: Writable {
  /// May forget `count` bytes (1 byte to 4 GiB - 1) at `offset`. C callback: `.trim`.
  func trim(count: UInt32, at offset: UInt64, flags: RequestFlags) throws
}

/// A connection that can tell data from holes.
public protocol ExtentReporting: Connection {
  /// Describes the disk from `offset` on, in ascending order and without gaps, for at least one
  /// byte and best for `count`.
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
