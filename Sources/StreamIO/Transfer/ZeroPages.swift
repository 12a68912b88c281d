import CLinux
import Glibc

/// Constant zeroes that are handed to pipes by reference.
///
/// The pages are never written to and never unmapped, so they stay zero whatever a reader does with
/// them: it may pass them on (splice, tee) and look at them at any later time. That is why a
/// client's data can't go the same way: nbdkit fills the buffer of a request again for the next
/// one, and it is not known whether the pages of the last one were read.
struct ZeroPages: @unchecked Sendable {
  /// The one mapping of this process.
  static let shared = ZeroPages()

  /// Twice the size of the largest pipe that an unprivileged user may have by default.
  let bytes: UnsafeRawBufferPointer

  private init() {
    let size = 2 << 20
    // The mapping is larger by its own size, so that a part of it begins at a huge page.
    let mapping = mmap(
      nil, 2 * size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let mapping, mapping != MAP_FAILED else {
      // Without the mapping zeroes are written from a small constant buffer.
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 4096)
      bytes = UnsafeRawBufferPointer(buffer.initializeMemory(as: UInt8.self, repeating: 0))
      return
    }
    let start = mapping.alignedUp(toMultipleOf: size)
    // Untouched, it is the kernel's one huge page of zeroes: it takes no memory, and one entry to
    // look up.
    madvise(start, size, MADV_HUGEPAGE)
    bytes = UnsafeRawBufferPointer(start: start, count: size)
  }
}

extension UnsafeMutableRawPointer {
  fileprivate func alignedUp(toMultipleOf alignment: Int) -> UnsafeMutableRawPointer {
    self + (alignment - Int(bitPattern: self) % alignment) % alignment
  }
}
