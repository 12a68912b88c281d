/// One client's view of the disk.
///
/// Every connection can be read. A connection says what else it can do by conforming to more of the
/// protocols in this module. A conformance is looked up once, when the connection is opened, and
/// costs each request one indirect call.
///
/// Conforming types should be final classes: if a class leaves a member to the default given here,
/// its subclasses can't change that.
///
/// The members up to ``close()`` that ask a question are called before the first request, and at
/// most once; an error ends the connection.
///
/// *Threads.* There is one call at a time for a connection, from any thread; under
/// ``ThreadModel/parallel`` its requests (reading, writing, ...) arrive from several threads at
/// once.
///
/// *Lent values.* The compiler ensures that buffers, ``Extents`` and ``Exports`` are not kept
/// beyond the call.
///
/// *Errors.* Every throwing member may throw a ``PluginError``, an `Errno` or any other error; see
/// ``PluginError`` for what the client is sent.
public protocol Connection: AnyObject {
  /// The disk's size in bytes, at most 2^63 - 1. C callback: `.get_size`.
  func size() throws -> UInt64

  /// Whether the medium is a rotating one, so that a client may want to sort its requests. The
  /// default is no. C callback: `.is_rotational`.
  func isRotational() throws -> Bool

  /// Whether a client may spread its requests over several connections. If so, what one connection
  /// flushed or forced must be seen by the others before that request is answered. The default is
  /// no. C callback: `.can_multi_conn`.
  func allowsMultipleConnections() throws -> Bool

  /// Fills `buffer`, all of it, with the bytes from `offset` on.
  ///
  /// - Parameters:
  ///   - buffer: Lent until this returns; 1 byte to 64 MiB of free capacity. A buffer left partly
  ///     empty is reported to the client as `EIO`.
  ///   - offset: In bytes; `offset + buffer.freeCapacity <= size`.
  ///
  /// C callback: `.pread`.
  func read(into buffer: inout OutputRawSpan, at offset: UInt64) throws

  /// The client has gone. This is called once, at the latest after ``Plugin/cleanup()``, and the
  /// connection is released after it. C callback: `.close`.
  func close()
}

extension Connection {
  /// No.
  public func isRotational() -> Bool { false }
  /// No.
  public func allowsMultipleConnections() -> Bool { false }
  /// Does nothing.
  public func close() {}
}
