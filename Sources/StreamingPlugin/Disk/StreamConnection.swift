import NBDKit
import StreamCore
import SystemPackage

/// A client's disk: its requests, passed on to the stream, which is written or read.
///
/// Two capabilities are left out on purpose. The first is fast zeroes, which the binding refuses
/// one by one: a client that asks for them zeroes the whole disk before it writes, and all of that
/// would be streamed. The second is more than one connection: each client thread would write a
/// range of its own, 128 MiB from the next, and all but the first would wait.
final class StreamConnection: Writable, Flushable, ForceUnitAccessible, Zeroable, Trimmable,
  ExtentReporting
{
  private let stream: Disk.Stream
  private let clients: Clients
  private let client: Clients.ID
  private let diskSize: UInt64

  init(_ stream: Disk.Stream, for clients: Clients, size: UInt64, process: Int32?) {
    self.stream = stream
    self.clients = clients
    diskSize = size
    client = clients.add(process: process)
  }

  func close() {
    clients.remove(client)
  }

  func size() -> UInt64 { diskSize }

  func canWrite() -> Bool { !isRead }
  func canFlush() -> Bool { !isRead }

  func read(into buffer: inout OutputRawSpan, at offset: UInt64) throws {
    switch stream {
    case .written(let stream): try stream.read(into: &buffer, at: offset)
    case .read(let source): try source.read(into: &buffer, at: offset)
    }
  }

  /// A forced unit access needs no more than this: what failed before fails this write too, and a
  /// write that leaves nothing missing is in the reader's pipe when it returns.
  func write(_ bytes: RawSpan, at offset: UInt64, flags: RequestFlags) throws {
    try written.write(bytes, at: offset, by: client)
  }

  func flush() throws {
    try written.flush(by: client)
  }

  func zero(count: UInt32, at offset: UInt64, flags: RequestFlags) throws {
    try written.zero(try range(count, offset), by: client)
  }

  /// This is advice that a stream can't follow: what was sent is sent, and what was not written is
  /// zeroes.
  func trim(count: UInt32, at offset: UInt64, flags: RequestFlags) {}

  func extents(
    count: UInt32, at offset: UInt64, flags: RequestFlags, into extents: inout Extents
  ) throws {
    let range = try range(count, offset)
    let onlyFirst = flags.contains(.requestOne)
    switch stream {
    case .written(let stream):
      try stream.forEachExtent(in: range) { (range, kind) throws(PluginError) in
        try extents.add(range, Extents.Kind(kind))
        return !onlyFirst
      }
    case .read(let stream):
      try stream.forEachExtent(in: range, onlyFirst: onlyFirst) {
        (range, kind) throws(PluginError) in
        try extents.add(range, Extents.Kind(kind))
      }
    }
  }

  private var isRead: Bool {
    if case .read = stream { true } else { false }
  }

  /// The stream for a request that is made only of a written stream.
  private var written: WriteStream {
    get throws(PluginError) {
      guard case .written(let stream) = stream else {
        throw PluginError(.readOnlyFileSystem, "the disk can only be read")
      }
      return stream
    }
  }

  /// nbdkit has checked this before; a trap here would end all clients.
  private func range(_ count: UInt32, _ offset: UInt64) throws(PluginError) -> Range<UInt64> {
    let (end, overflow) = offset.addingReportingOverflow(UInt64(count))
    guard !overflow, end <= diskSize else {
      throw PluginError(.invalidArgument, "\(count) bytes at \(offset) are beyond the disk")
    }
    return offset..<end
  }
}

extension Extents.Kind {
  fileprivate init(_ kind: StreamExtent) {
    switch kind {
    case .data: self = .data
    case .zeroes: self = .zero
    case .hole: self = [.hole, .zero]
    }
  }
}
