import NBDKit
import StreamCore
import SystemPackage

/// A client's disk: its requests, passed on to the stream.
///
/// Two capabilities are left out on purpose. Fast zeroes: a client that asks for them zeroes the whole
/// disk before it writes, and all of that would be streamed. More than one connection: each client
/// thread would write a range of its own, 128 MiB from the next, and all but the first would wait.
final class StreamConnection: Writable, Flushable, ForceUnitAccessible, Zeroable, Trimmable,
  ExtentReporting
{
  private let stream: SharedStream
  private let clients: Clients
  private let diskSize: UInt64

  init(_ stream: SharedStream, for clients: Clients, size: UInt64, process: Int32?) {
    self.stream = stream
    self.clients = clients
    diskSize = size
    clients.add(ObjectIdentifier(self), process: process)
  }

  func close() {
    clients.remove(ObjectIdentifier(self))
  }

  func size() -> UInt64 { diskSize }

  func read(into buffer: inout OutputRawSpan, at offset: UInt64) throws {
    try stream.read(into: &buffer, at: offset)
  }

  /// A forced unit access needs no more: what failed before fails this write too, and a write that
  /// leaves nothing missing is with the reader's pipe when it returns.
  func write(_ bytes: RawSpan, at offset: UInt64, flags: RequestFlags) throws {
    try stream.write(bytes, at: offset)
  }

  func flush() throws {
    try stream.flush()
  }

  func zero(count: UInt32, at offset: UInt64, flags: RequestFlags) throws {
    try stream.zero(try range(count, offset))
  }

  /// Advice that a stream can't take: what was sent is sent, and what was not written is zeroes.
  func trim(count: UInt32, at offset: UInt64, flags: RequestFlags) {}

  func extents(
    count: UInt32, at offset: UInt64, flags: RequestFlags, into extents: inout Extents
  ) throws {
    try stream.forEachExtent(in: try range(count, offset)) { (range, kind) throws(PluginError) in
      switch kind {
      case .data: try extents.add(range, .data)
      case .zeroes: try extents.add(range, .zero)
      case .hole: try extents.add(range, [.hole, .zero])
      }
      return !flags.contains(.requestOne)
    }
  }

  /// nbdkit has checked this before; a trap would be the end of all clients.
  private func range(_ count: UInt32, _ offset: UInt64) throws(PluginError) -> Range<UInt64> {
    let (end, overflow) = offset.addingReportingOverflow(UInt64(count))
    guard !overflow, end <= diskSize else {
      throw PluginError(.invalidArgument, "\(count) bytes at \(offset) are beyond the disk")
    }
    return offset..<end
  }
}
