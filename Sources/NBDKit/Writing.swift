import CNBDKit

/// A connection that accepts writes.
public protocol Writable: Connection {
  /// Whether this connection does; the default is yes. It is not asked if the server was started
  /// with `-r`. C callback: `.can_write`.
  func canWrite() throws -> Bool

  /// Stores all of `bytes` at `offset`.
  ///
  /// - Parameters:
  ///   - bytes: Lent until this returns; 1 byte to 64 MiB.
  ///   - offset: In bytes; `offset + bytes.byteCount <= size`.
  ///   - flags: Holds ``RequestFlags/forceUnitAccess`` only if the connection is a
  ///     ``ForceUnitAccessible`` one.
  ///
  /// C callback: `.pwrite`.
  func write(_ bytes: RawSpan, at offset: UInt64, flags: RequestFlags) throws
}

/// A connection whose client may ask that everything accepted so far be made safe.
public protocol Flushable: Connection {
  /// Whether this connection's client may; the default is yes. C callback: `.can_flush`.
  func canFlush() throws -> Bool

  /// Returns when everything accepted before is stored, or throws. C callback: `.flush`.
  func flush() throws
}

/// A connection that decides what becomes of ``RequestFlags/forceUnitAccess``. Without this
/// conformance, nbdkit flushes after such a request if the connection is ``Flushable``, and
/// otherwise does not offer it.
public protocol ForceUnitAccessible: Writable {
  /// Who ensures it; the default is ``ForceUnitAccess/native``. C callback: `.can_fua`.
  func forceUnitAccess() throws -> ForceUnitAccess
}

/// Who ensures that a single request is safe before it is answered.
public enum ForceUnitAccess: Sendable {
  /// Nobody: clients are not offered it. C constant: `NBDKIT_FUA_NONE`.
  case unavailable
  /// nbdkit, by a flush after the request; ``unavailable`` if the connection is not ``Flushable``.
  /// C constant: `NBDKIT_FUA_EMULATE`.
  case emulated
  /// The connection, which is passed ``RequestFlags/forceUnitAccess``.
  /// C constant: `NBDKIT_FUA_NATIVE`.
  case native

  var rawValue: Int32 {
    switch self {
    case .unavailable: NBDKIT_FUA_NONE
    case .emulated: NBDKIT_FUA_EMULATE
    case .native: NBDKIT_FUA_NATIVE
    }
  }
}

extension Writable {
  /// Yes.
  public func canWrite() -> Bool { true }
}

extension Flushable {
  /// Yes.
  public func canFlush() -> Bool { true }
}

extension ForceUnitAccessible {
  /// The connection itself.
  public func forceUnitAccess() -> ForceUnitAccess { .native }
}
