/// Tells zero pages from others.
enum ZeroScan {
  static let page = 4096

  /// How many bytes at the front of `bytes`, which is not empty, are pages of zeroes, or, if the
  /// first page is not zero, are pages that are not. Pages begin at multiples of their size,
  /// counted from `offset`, which is the offset of the first byte.
  static func run(
    in bytes: UnsafeRawBufferPointer, at offset: UInt64
  ) -> (count: Int, isZero: Bool) {
    var end = min(page - Int(offset % UInt64(page)), bytes.count)
    let isZero = isZero(bytes[..<end])
    while end < bytes.count {
      let next = min(end + page, bytes.count)
      guard self.isZero(bytes[end..<next]) == isZero else { break }
      end = next
    }
    return (end, isZero)
  }

  /// The shortest run of zero pages that is worth telling from data around it.
  static let shortestLongRun = 256 << 10

  /// As ``run(in:at:)``, but zero pages count as data unless there are as many as
  /// ``shortestLongRun`` in a row.
  static func longRun(
    in bytes: UnsafeRawBufferPointer, at offset: UInt64
  ) -> (count: Int, isZero: Bool) {
    var end = 0
    while end < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[end...])
      let next = run(in: rest, at: offset &+ UInt64(end))
      if next.isZero, next.count >= shortestLongRun {
        return end == 0 ? next : (end, false)
      }
      end += next.count
    }
    return (end, false)
  }

  /// Data mostly shows itself in the first bytes.
  static func isZero(_ bytes: Slice<UnsafeRawBufferPointer>) -> Bool {
    let bytes = UnsafeRawBufferPointer(rebasing: bytes)
    let width = 128
    var offset = 0
    while offset + width <= bytes.count {
      let first = bytes.loadUnaligned(fromByteOffset: offset, as: SIMD8<UInt64>.self)
      let second = bytes.loadUnaligned(fromByteOffset: offset + 64, as: SIMD8<UInt64>.self)
      guard first | second == SIMD8() else { return false }
      offset += width
    }
    while offset < bytes.count {
      guard bytes[offset] == 0 else { return false }
      offset += 1
    }
    return true
  }
}
