/// The two streams that Ceph's `rbd` reads, little-endian. Layouts: `rbd import-diff` reads version
/// 1 of the diff format, `rbd import --export-format 2` version 2 of the image format with one diff
/// in it.
enum RBD {
  static func diffHeader(size: UInt64) -> [UInt8] {
    var bytes = Array("rbd diff v1\ns".utf8)
    bytes.append(littleEndian: size)
    return bytes
  }

  static func imageHeader(size: UInt64) -> [UInt8] {
    var bytes = Array("rbd image v2\nErbd image diffs v2\n".utf8)
    // One diff follows.
    bytes.append(littleEndian: UInt64(1))
    bytes += "rbd diff v2\ns".utf8
    bytes.append(littleEndian: UInt64(8))
    bytes.append(littleEndian: size)
    return bytes
  }

  static let end = Array("e".utf8)

  /// Zeroes need a record too, as the image may hold something there.
  static func beginDiffRecord(
    _ run: Container.Run, at offset: UInt64, count: UInt64, in output: inout [UInt8]
  ) {
    output.append(tag(run))
    output.append(littleEndian: offset)
    output.append(littleEndian: count)
  }

  static func beginImageRecord(
    _ run: Container.Run, at offset: UInt64, count: UInt64, in output: inout [UInt8]
  ) {
    output.append(tag(run))
    output.append(littleEndian: run == .data ? 16 + count : 16)
    output.append(littleEndian: offset)
    output.append(littleEndian: count)
  }

  private static func tag(_ run: Container.Run) -> UInt8 {
    switch run {
    case .data: UInt8(ascii: "w")
    case .zeroes: UInt8(ascii: "z")
    }
  }
}
