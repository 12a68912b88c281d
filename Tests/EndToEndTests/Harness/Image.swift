import Foundation
import SystemPackage

extension Sandbox {
  /// A raw image with the test pattern in these ranges and holes elsewhere.
  func image(_ name: String, size: Int, data: [Range<Int>]) throws -> String {
    let file = try FileDescriptor.open(
      FilePath(path(name)), .writeOnly, options: [.create, .truncate],
      permissions: [.ownerReadWrite])
    try file.closeAfter {
      for range in data {
        try file.writeAll(toAbsoluteOffset: Int64(range.lowerBound), Pattern.bytes(range))
      }
      try file.resize(to: Int64(size))
    }
    return path(name)
  }

  /// An image as machines have them: a start, data with holes between, and a last sector that
  /// is not zero.
  func image(_ name: String, size: Int = 16.mib) throws -> String {
    try image(
      name, size: size,
      data: [
        0..<64.kib, 1.mib..<3.mib, 3.mib + 512..<3.mib + 5000, size / 2..<size / 2 + 1.mib,
        size - 512..<size,
      ])
  }
}
