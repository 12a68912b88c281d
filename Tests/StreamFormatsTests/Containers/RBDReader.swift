@testable import StreamFormats

/// Reads both of Ceph's streams by Ceph's description of them, apart from the code that writes
/// them.
struct RBDReader {
  struct Cut: Error {}
  struct Wrong: Error {}

  private let bytes: [UInt8]
  private var next = 0
  private var disk: [UInt8] = []
  private var lengths: [Int] = []
  /// Where records begin.
  private var borders: [Int] = []

  static func read(_ bytes: [UInt8], _ format: DiskFormat) throws -> [UInt8] {
    var reader = RBDReader(bytes: bytes)
    if format == .rbdImage { try reader.readImage() } else { try reader.readDiff() }
    guard reader.next == bytes.count else { throw Wrong() }
    return reader.disk
  }

  static func borders(_ bytes: [UInt8], _ format: DiskFormat) throws -> [Int] {
    var reader = RBDReader(bytes: bytes)
    if format == .rbdImage { try reader.readImage() } else { try reader.readDiff() }
    return reader.borders
  }

  static func lengths(_ bytes: [UInt8]) throws -> [Int] {
    var reader = RBDReader(bytes: bytes)
    try reader.readDiff()
    return reader.lengths
  }

  private init(bytes: [UInt8]) {
    self.bytes = bytes
  }

  private mutating func readImage() throws {
    try expect("rbd image v2\n")
    try expect("E")
    try expect("rbd image diffs v2\n")
    guard try number() == 1 else { throw Wrong() }
    try expect("rbd diff v2\n")
    try readRecords(withLength: true)
  }

  private mutating func readDiff() throws {
    try expect("rbd diff v1\n")
    try readRecords(withLength: false)
  }

  private mutating func readRecords(withLength: Bool) throws {
    var last = 0
    while true {
      borders.append(next)
      let tag = try take(1)
      if tag == Array("e".utf8) { return }
      let length = withLength ? try number() : nil
      if tag == Array("s".utf8) {
        guard length == nil || length == 8 else { throw Wrong() }
        disk = [UInt8](repeating: 0xEE, count: try number())
        continue
      }
      let offset = try number()
      let count = try number()
      guard offset == last, count > 0 else { throw Wrong() }
      last = offset + count
      switch tag {
      case Array("w".utf8):
        guard length == nil || length == 16 + count else { throw Wrong() }
        disk.replaceSubrange(offset..<last, with: try take(count))
        lengths.append(count)
      case Array("z".utf8):
        guard length == nil || length == 16 else { throw Wrong() }
        disk.replaceSubrange(offset..<last, with: repeatElement(0, count: count))
      default: throw Wrong()
      }
    }
  }

  private mutating func expect(_ text: String) throws {
    guard try take(text.utf8.count) == Array(text.utf8) else { throw Wrong() }
  }

  private mutating func number() throws -> Int {
    try take(8).reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  private mutating func take(_ count: Int) throws -> [UInt8] {
    guard count >= 0, count <= bytes.count - next else { throw Cut() }
    defer { next += count }
    return Array(bytes[next..<next + count])
  }
}
