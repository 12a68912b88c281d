import CFakeNBDKit
import CNBDKit
package import NBDKit

/// One connection, from `.open` to `.close`.
///
/// A copy is the same connection, and nothing closes it by itself: a client that never does is what
/// the server sees at shutdown.
package struct Client: @unchecked Sendable {
  let table: nbdkit_plugin
  let handle: UnsafeMutableRawPointer?

  package func close() {
    table.close?(handle)
  }

  package func size() throws(Refusal) -> Int64 {
    var size: Int64 = -1
    try succeed(table.get_size) {
      size = $0(handle)
      return size < 0 ? -1 : 0
    }
    return size
  }

  package func forceUnitAccess() throws(Refusal) -> Int32 {
    var answer: Int32 = -1
    try succeed(table.can_fua) {
      answer = $0(handle)
      return answer < 0 ? -1 : 0
    }
    return answer
  }

  package func read(_ count: Int, at offset: UInt64) throws(Refusal) -> [UInt8] {
    // Not zero, so that what a plugin leaves out can be told from zeroes it gave.
    var bytes = [UInt8](repeating: 0xEE, count: count)
    try succeed(table.pread) { pread in
      bytes.withUnsafeMutableBytes { pread(handle, $0.baseAddress, UInt32(count), offset, 0) }
    }
    return bytes
  }

  package func write(
    _ bytes: [UInt8], at offset: UInt64, flags: RequestFlags = []
  ) throws(Refusal) {
    try succeed(table.pwrite) { pwrite in
      bytes.withUnsafeBytes {
        pwrite(handle, $0.baseAddress, UInt32($0.count), offset, flags.rawValue)
      }
    }
  }

  package func flush() throws(Refusal) {
    try succeed(table.flush) { $0(handle, 0) }
  }

  package func zero(
    _ count: UInt32, at offset: UInt64, flags: RequestFlags = []
  ) throws(Refusal) {
    try succeed(table.zero) { $0(handle, count, offset, flags.rawValue) }
  }

  package func trim(
    _ count: UInt32, at offset: UInt64, flags: RequestFlags = []
  ) throws(Refusal) {
    try succeed(table.trim) { $0(handle, count, offset, flags.rawValue) }
  }

  package func extents(
    _ count: UInt32, at offset: UInt64, flags: RequestFlags = []
  ) throws(Refusal) -> [Extent] {
    // To the end of the disk, as in nbdkit, which lets an extent go beyond what was asked for.
    let list = fake_extents_new(offset, UInt64(Int64.max))
    defer { fake_extents_free(list) }
    try succeed(table.extents) { $0(handle, count, offset, flags.rawValue, list) }
    return (0..<fake_extents_count(list)).map {
      let extent = fake_extents_get(list, $0)
      return Extent(extent.offset..<extent.offset + extent.length, .init(rawValue: extent.type))
    }
  }
}

/// One extent of the answer, which begins where the request does.
package struct Extent: Equatable {
  package let range: Range<UInt64>
  package let kind: Extents.Kind

  package init(_ range: Range<UInt64>, _ kind: Extents.Kind) {
    self.range = range
    self.kind = kind
  }
}
