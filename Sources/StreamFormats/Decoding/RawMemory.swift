import Glibc
import StreamCore

/// Memory of a size that a stream asks for: where there is none the request fails, and not the process.
///
/// Whoever holds it is its only user.
final class RawMemory: @unchecked Sendable {
  private(set) var bytes: UnsafeMutableRawBufferPointer

  /// Allocates `count` bytes, which take no room before they are written.
  init(_ count: Int) throws(TransferError) {
    guard let start = malloc(count) else { throw Self.noMemory }
    bytes = UnsafeMutableRawBufferPointer(start: start, count: count)
  }

  /// Makes it `count` bytes long, keeping what fits.
  func resize(to count: Int) throws(TransferError) {
    guard let start = realloc(bytes.baseAddress, count) else { throw Self.noMemory }
    bytes = UnsafeMutableRawBufferPointer(start: start, count: count)
  }

  deinit { free(bytes.baseAddress) }

  static let noMemory = TransferError.broken(errno: ENOMEM, reason: "no memory to decode the stream")
}

extension UnsafeRawBufferPointer {
  /// Whether all bytes are zero.
  var isZero: Bool {
    guard let start = baseAddress, count > 16 else { return allSatisfy { $0 == 0 } }
    guard prefix(16).allSatisfy({ $0 == 0 }) else { return false }
    // Each byte equals the one 16 before it.
    return memcmp(start, start + 16, count - 16) == 0
  }

  /// What is between two places, from the first on.
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
