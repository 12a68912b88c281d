import Glibc

extension UnsafeRawBufferPointer {
  /// Whether all bytes are zero.
  var isZero: Bool {
    guard let start = baseAddress, count > 16 else { return allSatisfy { $0 == 0 } }
    guard prefix(16).allSatisfy({ $0 == 0 }) else { return false }
    // Each byte equals the one 16 before it.
    return memcmp(start, start + 16, count - 16) == 0
  }

  /// The bytes between two places, from the first on.
  func part(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: self[range])
  }

  /// Reads a little-endian number of up to 8 bytes.
  func number(at offset: Int, bytes count: Int) -> UInt64 {
    var number: UInt64 = 0
    for index in 0..<count { number |= UInt64(self[offset + index]) << (8 * UInt64(index)) }
    return number
  }
}
