/// One client's view of the disk.
///
/// Every connection can be read; what else it can do it says by conforming to more of the protocols
/// in this module. A conformance is asked for once, when the connection is opened, and costs a
/// request one indirect call.
///
/// Within one connection nbdkit calls one data callback at a time, from any thread, for every thread
/// model this library offers.
public protocol Connection: AnyObject {
  /// The disk's size in bytes, at most 2^63 - 1. Asked for once a connection.
  /// C callback: `.get_size`.
  func size() throws -> UInt64

  /// Fills `buffer`, all of it, with the bytes from `offset` on.
  ///
  /// - Parameters:
  ///   - buffer: Lent until this returns; 1 byte to 64 MiB of free capacity. A buffer left partly
  ///     empty is reported to the client as `EIO`.
  ///   - offset: In bytes; `offset + buffer.freeCapacity <= size`.
  ///
  /// C callback: `.pread`.
  func read(into buffer: inout OutputRawSpan, at offset: UInt64) throws

  /// The client has gone. Called once, at the latest after ``Plugin/cleanup()``; the connection is
  /// released behind it. C callback: `.close`.
  func close()
}

extension Connection {
  /// Does nothing.
  public func close() {}
}
